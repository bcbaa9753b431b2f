/*
 * Targets that changed while the daemon runs, or before: what came since each change
 * is a window of its own, so that a budget is told by the targets that its events had.
 * Ticks do not look at it.
 */
#include "engine/evaluate_internal.h"

#include "base/mem.h"
#include "base/str.h"
#include "slo/budget.h"
#include "slo/expected.h"
#include "slo/live.h"

#include <string.h>

struct eval_target {
    struct slo_target target;
    struct past_head head;
    size_t window; /* what came since; of the line, if there is one */
    bool watched;
};

struct eval_targets {
    char *key; /* what the heads are of: the SLI's windows, and how slices are cut */
    bool known;
    int64_t now_us;         /* of the last look at them, as old as the snapshot or younger */
    size_t n;               /* as a rule one */
    struct eval_target *at; /* the first holds for all time before */
};

static struct live *live_of(const struct eval_slo *slo)
{
    return slo->line ? slo->line->live : slo->sli->live;
}

static char *key_of(const struct eval_slo *slo)
{
    return mem_printf("%s\n%s", slo->sli->key, slo->line ? slo->line->key : "");
}

void eval_free_targets(struct eval_slo *slo)
{
    if (slo->targets) {
        free(slo->targets->key);
        free(slo->targets->at);
    }
    free(slo->targets);
    slo->targets = NULL;
}

/* The windows go with the snapshot, but what lies before them in their hours is needed
 * when they are summed up again. */
void eval_keep_targets(struct eval_slo *slo, const struct eval_slo *known)
{
    size_t n;
    if (!known->targets || slo->def->member_count)
        return;
    const struct live_window *windows = live_windows(live_of(known), &n);
    slo->targets = mem_alloc(sizeof(*slo->targets));
    *slo->targets = *known->targets;
    slo->targets->key = mem_strdup(known->targets->key);
    slo->targets->at = mem_array(known->targets->n + 1, sizeof(*slo->targets->at));
    if (known->targets->n)
        memcpy(slo->targets->at, known->targets->at, known->targets->n * sizeof(*slo->targets->at));
    for (size_t i = 0; i < slo->targets->n; i++) {
        struct eval_target *t = &slo->targets->at[i];
        if (t->watched)
            t->head = (struct past_head){true, windows[t->window].head};
        t->watched = false;
    }
}

static void add(struct eval_targets *ts, struct slo_target target, struct past_head head)
{
    if (ts->n == EVALUATE_TARGETS_MAX) {
        memmove(ts->at, ts->at + 1, (ts->n - 1) * sizeof(*ts->at));
        ts->n--;
    }
    ts->at = mem_resize(ts->at, ts->n + 1, sizeof(*ts->at));
    ts->at[ts->n++] = (struct eval_target){.target = target, .head = head};
}

/* As the store has it: store_reader_slo_targets(). */
void eval_revise_target(struct eval_slo *slo, int64_t now_us)
{
    if (slo->def->member_count) /* composites count by the newest targets here */
        return;
    struct slo_target next = {now_us - now_us % USEC_PER_MIN, slo->def->target};
    if (!slo->targets)
        slo->targets = mem_alloc(sizeof(*slo->targets));
    struct eval_targets *ts = slo->targets;
    ts->now_us = now_us;
    if (!ts->known || ts->n == 0)
        return;
    if (ts->at[ts->n - 1].target.since_us == next.since_us)
        ts->n--;
    if (ts->n == 0 || decimal_cmp(ts->at[ts->n - 1].target.target, next.target) != 0)
        add(ts, next, (struct past_head){0});
}

/* Where the window is longer than before, a head may be missing. */
static void watch_since(struct eval_slo *slo, struct eval_target *t)
{
    int64_t border = targets_border(slo->def, t->target.since_us);
    int64_t longest = window_longest_us(&slo->def->window);
    bool within = border > slo->targets->now_us - longest - USEC_PER_HOUR;
    bool missing =
        !t->head.known && border < slo->targets->now_us - EVALUATE_HEADS_US - 12 * USEC_PER_HOUR;
    t->watched = within && !missing;
    if (within && missing)
        slo->targets->known = false;
    if (!t->watched)
        return;
    t->window = live_watch_since(live_of(slo), border, t->head.known ? &t->head.counts : NULL);
}

void eval_watch_targets(struct eval_slo *slo)
{
    struct eval_targets *ts = slo->targets;
    if (!ts)
        return;
    char *key = key_of(slo);
    if (!slo->sli->merged || !str_eq(key, ts->key)) /* they are to be read anew */
        ts->known = false;
    free(ts->key);
    ts->key = key;
    for (size_t i = 1; ts->known && i < ts->n; i++)
        watch_since(slo, &ts->at[i]);
    if (!ts->known)
        ts->n = 0;
}

bool evaluator_wants_targets(const struct evaluator *e, size_t i, struct wanted_targets *ret)
{
    const struct eval_slo *slo = &e->slo_list[i];
    if (!slo->targets)
        return false;
    *ret = (struct wanted_targets){slo->def, slo->targets->key, slo->sli->sieve, e->settled_us};
    return !slo->targets->known;
}

void evaluator_set_targets(struct evaluator *e, const struct wanted_targets *of,
                           const struct slo_target *at, const struct past_head *heads, size_t n)
{
    struct eval_slo *slo = eval_find_slo(e, of->slo->name, of->slo->objective_name);
    if (!slo || !slo->targets || !slo->sli->merged || !str_eq(slo->targets->key, of->key))
        return;
    eval_draw(slo); /* windows of the last tick; new ones have none */
    slo->targets->known = true;
    slo->targets->now_us = e->settled_us;
    slo->targets->n = 0;
    for (size_t i = 0; i < n; i++)
        add(slo->targets, at[i], heads[i]);
    eval_watch_targets(slo);
}

/* Since the target came; nothing if that is outside of the window. */
static struct counts counts_since(const struct eval_slo *slo, const struct eval_target *t)
{
    if (slo->line)
        return eval_line_counts(slo->line, t->window);
    return slo_apply_no_data(slo->def, slo->sli->windows.at[t->window].counts);
}

static int64_t window_from(const struct eval_slo *slo)
{
    size_t n;
    if (slo->line)
        return live_windows(slo->line->live, &n)[slo->slices].from_us;
    return slo->sli->windows.at[slo->window].from.at_us;
}

struct budget_use eval_use(const struct eval_slo *slo, struct counts judged)
{
    const struct eval_targets *ts = slo->targets;
    struct budget_use use = {0};
    struct counts later = {0};
    struct decimal target = slo->def->target;
    if (!ts)
        return slices_use(slo->def, judged, target);
    int64_t from_us = window_from(slo);
    for (size_t i = ts->n; i-- > 1;) {
        const struct eval_target *t = &ts->at[i];
        target = t->target.target;
        if (!t->watched || targets_border(slo->def, t->target.since_us) <= from_us)
            break;
        struct counts since = counts_since(slo, t);
        budget_use_add(&use, slices_use(slo->def, counts_minus(since, later), target));
        later = since;
        target = ts->at[i - 1].target.target;
    }
    budget_use_add(&use, slices_use(slo->def, counts_minus(judged, later), target));
    return use;
}
