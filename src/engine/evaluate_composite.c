/*
 * Composites while the daemon runs. One has no SLI: what its members' SLIs saw in its
 * windows is watched for it, and put together when a tick or somebody asks. In slices
 * there is one line more, of what each slice is worth by all members.
 */
#include "engine/evaluate_internal.h"

#include "base/mem.h"
#include "base/str.h"
#include "slo/budget.h"
#include "slo/composite.h"
#include "slo/expected.h"
#include "slo/live.h"

#include <assert.h>

/* As far back as the members' lines know single slices. */
#define JOIN_US (3 * USEC_PER_DAY)
#define KEY_BYTES_MAX (SLO_MEMBERS_MAX * (1 << 20)) /* of an SLI's windows: far below 1 MiB */

/* ---- windows ------------------------------------------------------------------ */

size_t eval_window_number(const struct eval_slo *slo, enum eval_which which, size_t i)
{
    return which == EVAL_LONG ? slo->lng[i] : which == EVAL_SHORT ? slo->shrt[i] : slo->people[i];
}

struct tier_counts eval_composite_counts(const struct eval_slo *slo, enum eval_which which,
                                         size_t i)
{
    struct tier_counts members[SLO_MEMBERS_MAX], all;
    for (size_t k = 0; k < slo->def->member_count; k++)
        members[k] = eval_window_counts(&slo->parts[k], which, i);
    if (!slo->line)
        return composite_tier_counts(slo->def, members);
    all = slices_tier_counts(slo->def,
                             eval_line_counts(slo->line, eval_window_number(slo, which, i)));
    all.blind = composite_is_blind(slo->def, members);
    return all;
}

bool eval_is_merged(const struct eval_slo *slo)
{
    if (slo->sli)
        return slo->sli->merged;
    bool merged = !slo->joint || slo->joint->merged;
    for (size_t i = 0; merged && i < slo->def->member_count; i++)
        merged = slo->parts[i].sli->merged;
    return merged;
}

void eval_draw_composite(const struct eval_slo *slo, struct slo_view *v)
{
    struct budget_use uses[SLO_MEMBERS_MAX];
    v->window = (struct counts){0};
    v->window_expected = v->window_observed = v->resets = v->clamped = 0;
    v->first_event_us = INT64_MAX;
    for (size_t i = 0; i < slo->def->member_count; i++) {
        struct slo_view part = {0};
        eval_draw_source(&slo->parts[i], &part);
        counts_add(&v->window, slo_apply_no_data(slo->parts[i].def, part.window));
        v->window_expected += part.window_expected;
        v->window_observed += part.window_observed;
        v->resets += part.resets;
        v->clamped += part.clamped;
        uses[i] = part.use;
        /* As long as one with data is young, the composite is. */
        if (part.use.allowed &&
            (v->first_event_us == INT64_MAX || part.first_event_us > v->first_event_us))
            v->first_event_us = part.first_event_us;
    }
    v->judged = slo->line ? eval_line_counts(slo->line, slo->slices) : v->window;
    v->use = slo->line ? slices_use(slo->def, v->judged, slo->def->target)
                       : composite_use(slo->def, uses);
}

/* ---- joint slices --------------------------------------------------------------- */

/* Equal for the same members, cut and judged and weighed alike. */
static char *key_of(const struct eval_slo *slo)
{
    const struct slo_def *def = slo->def;
    char line[SLICES_KEY_MAX], weight[UNITS_MAX];
    struct str text;
    str_init(&text, KEY_BYTES_MAX);
    for (size_t i = 0; i < def->member_count; i++) {
        slices_key(slo_part(def, i), line);
        str_addf(&text, "%s\n%s\n%s\n", slo->parts[i].sli->key, line,
                 decimal_text(weight, def->members[i].weight));
    }
    assert(!text.overflow);
    char *key = str_detach(&text);
    str_release(&text);
    return key;
}

static int64_t longest_of(const struct eval_slo *slo)
{
    int64_t longest = 0;
    for (size_t i = 0; i < slo->def->member_count; i++)
        if (slo->parts[i].sli->longest_us > longest)
            longest = slo->parts[i].sli->longest_us;
    return longest;
}

static struct eval_joint *find_joint(const struct evaluator *e, const char *key)
{
    for (size_t i = 0; i < e->joints.len; i++)
        if (str_eq(e->joints.at[i]->line.key, key))
            return e->joints.at[i];
    return NULL;
}

static void collect(struct eval_joint *j, int64_t longest_us, int64_t now_us)
{
    live_free(j->line.live);
    j->line.live = live_new(longest_us, now_us);
    j->longest_us = longest_us;
    j->attached_us = now_us;
    j->merged = false;
}

void eval_need_joint(struct evaluator *e, struct eval_slo *slo, int64_t now_us)
{
    if (slo->def->method == METHOD_OCCURRENCES)
        return;
    mem_auto char *key = key_of(slo);
    struct eval_joint *j = find_joint(e, key);
    if (!j) {
        j = mem_alloc(sizeof(*j));
        j->line.key = mem_strdup(key);
        vec_push(&e->joints, j);
    }
    if (longest_of(slo) > j->longest_us)
        collect(j, longest_of(slo), now_us);
    if (!j->line.used)
        live_unwatch(j->line.live); /* of the snapshot before */
    j->line.grid = slices_grid(slo->def);
    j->line.used = true;
    j->torn = true;
    slo->joint = j;
}

void eval_drop_joints(struct evaluator *e, bool all)
{
    size_t kept = 0;
    for (size_t i = 0; i < e->joints.len; i++) {
        struct eval_joint *j = e->joints.at[i];
        if (j->line.used && !all) {
            e->joints.at[kept++] = j;
            continue;
        }
        live_free(j->line.live);
        free(j->line.key);
        free(j);
    }
    e->joints.len = kept;
    if (all)
        vec_release(&e->joints);
}

/* What the slice is worth by its members now, and what it was told to be. */
static void join(const struct eval_slo *slo, int64_t end_us)
{
    struct counts worth[SLO_MEMBERS_MAX];
    struct eval_line *line = slo->line;
    for (size_t i = 0; i < slo->def->member_count; i++)
        worth[i] = live_minutes(slo->parts[i].line->live, end_us - USEC_PER_MIN, end_us);
    struct counts was = live_minutes(line->live, end_us - USEC_PER_MIN, end_us);
    struct counts more = counts_minus(composite_slice(slo->def, worth), was);
    if (!counts_empty(more))
        live_add_event(line->live, end_us - 1, more);
}

/* The first slice that some member looked at anew. */
static int64_t changed_since(const struct eval_slo *slo)
{
    int64_t since = slo->line->until_us;
    for (size_t i = 0; i < slo->def->member_count; i++)
        if (slo->parts[i].line->judged_us < since)
            since = slo->parts[i].line->judged_us;
    return slo->joint->torn ? INT64_MIN : since;
}

static void tick_joint(const struct eval_slo *slo, int64_t t_us)
{
    struct eval_line *line = slo->line;
    int64_t from = changed_since(slo), oldest = t_us - JOIN_US, end;
    int64_t begin = slices_floor(&line->grid, from > oldest ? from : oldest);
    if (begin < oldest)
        begin = slices_next(&line->grid, begin);
    for (; (end = slices_next(&line->grid, begin)) <= t_us; begin = end)
        join(slo, end);
    line->until_us = begin;
    slo->joint->torn = false;
}

void eval_tick_joints(struct evaluator *e, int64_t t_us)
{
    for (size_t i = 0; i < e->slo_count; i++) {
        const struct eval_slo *slo = &e->slo_list[i];
        if (!slo->joint)
            continue;
        if (eval_is_merged(slo))
            tick_joint(slo, t_us);
        else
            slo->joint->torn = true;
    }
    for (size_t i = 0; i < e->joints.len; i++)
        live_tick(e->joints.at[i]->line.live, t_us);
}

void eval_reattach_joints(struct evaluator *e, int64_t now_us)
{
    for (size_t i = 0; i < e->joints.len; i++) {
        struct eval_joint *j = e->joints.at[i];
        if (j->merged)
            continue;
        live_advance(j->line.live, now_us);
        j->attached_us = now_us;
    }
}

/* ---- their history ---------------------------------------------------------------- */

size_t evaluator_pending_composites(const struct evaluator *e, struct pending_composite *out,
                                    size_t max)
{
    size_t n = 0;
    for (size_t i = 0; i < e->slo_count && n < max; i++) {
        const struct eval_slo *slo = &e->slo_list[i];
        if (!slo->joint || slo->joint->merged)
            continue;
        struct pending_composite *p = &out[n++];
        *p = (struct pending_composite){.slo = slo->def,
                                        .key = slo->joint->line.key,
                                        .longest_us = slo->joint->longest_us,
                                        .attached_us = slo->joint->attached_us};
        for (size_t k = 0; k < slo->def->member_count; k++)
            p->excluded[k] = slo->parts[k].sli->sieve.set;
    }
    return n;
}

void evaluator_merge_composite(struct evaluator *e, const char *key, const struct live *past,
                               int64_t until_us)
{
    struct eval_joint *j = find_joint(e, key);
    if (!j || j->merged || until_us < e->settled_us - JOIN_US)
        return;
    live_merge(j->line.live, past);
    j->line.until_us = until_us;
    j->merged = true;
    j->torn = true;
}
