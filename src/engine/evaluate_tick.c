/*
 * Ticks. What is done for every SLO every 10 s is additions and comparisons of
 * integers that lie side by side; ratios, states and what else is for people
 * is worked out when somebody looks.
 */
#include "engine/evaluate_internal.h"

#include "slo/alert.h"
#include "slo/budget.h"
#include "slo/expected.h"
#include "slo/live.h"

#include <assert.h>

/* Instants further back were jumped over with the clock. */
#define CATCH_UP_US USEC_PER_MIN

static const int64_t people_windows[PEOPLE_WINDOWS] = {
    5 * USEC_PER_MIN, 30 * USEC_PER_MIN, USEC_PER_HOUR, 6 * USEC_PER_HOUR, 3 * USEC_PER_DAY,
};

/* ---- windows ------------------------------------------------------------------ */

static uint16_t watch(struct live *live, int64_t length_us)
{
    size_t i = live_watch(live, length_us);
    assert(i <= UINT16_MAX);
    return (uint16_t)i;
}

static uint16_t watch_window(struct live *live, const struct slo_def *def)
{
    if (def->window.type == WINDOW_ROLLING)
        return watch(live, def->window.duration_us);
    return (uint16_t)live_watch_period(live);
}

static void watch_lengths(struct eval_slo *slo, struct live *live)
{
    const struct slo_def *def = slo->def;
    assert(def->tier_count <= TIERS_MAX);
    for (size_t i = 0; i < def->tier_count; i++) {
        slo->lng[i] = watch(live, def->tiers[i].long_us);
        slo->shrt[i] = watch(live, def->tiers[i].short_us);
    }
    for (size_t i = 0; i < PEOPLE_WINDOWS; i++)
        slo->people[i] = watch(live, people_windows[i]);
}

void eval_watch(struct eval_slo *slo)
{
    slo->period = (struct span){INT64_MIN, INT64_MIN};
    for (size_t i = 0; i < slo->def->member_count; i++)
        eval_watch(&slo->parts[i]);
    if (slo->sli) {
        slo->line = eval_line_of(slo->sli, slo->def);
        slo->window = watch_window(slo->sli->live, slo->def);
    } else {
        slo->line = slo->joint ? &slo->joint->line : NULL;
    }
    struct live *live = slo->line ? slo->line->live : slo->sli ? slo->sli->live : NULL;
    if (live)
        watch_lengths(slo, live);
    if (slo->line)
        slo->slices = watch_window(live, slo->def);
    eval_watch_targets(slo);
}

static void enter_period(struct eval_slo *slo, int64_t t_us)
{
    if (slo->def->window.type == WINDOW_ROLLING || t_us < slo->period.end_us)
        return;
    slo->period = window_span(&slo->def->window, t_us);
    for (size_t i = 0; i < slo->def->member_count; i++)
        enter_period(&slo->parts[i], t_us);
    if (slo->sli)
        live_rewind(slo->sli->live, slo->window, slo->period.start_us);
    if (slo->line)
        live_rewind(slo->line->live, slo->slices, slo->period.start_us);
}

static void tick_sli(struct eval_sli *sli, int64_t t_us)
{
    size_t n;
    live_tick(sli->live, t_us);
    const struct live_window *at = live_windows(sli->live, &n);
    const struct eval_edge *now = eval_move_now(sli, t_us);
    while (sli->windows.len < n)
        vec_push(&sli->windows, ((struct eval_window){.from.at_us = INT64_MIN}));
    for (size_t i = 0; i < n; i++) {
        struct eval_window *w = &sli->windows.at[i];
        if (w->from.at_us != at[i].from_us)
            eval_move_from(sli, i, at[i].from_us);
        w->slots = now->slots - w->from.slots;
        w->counts = at[i].counts;
    }
    eval_tick_lines(sli, t_us);
}

/* ---- views -------------------------------------------------------------------- */

static struct tier_counts event_counts(const struct eval_slo *slo, size_t window)
{
    const struct eval_window *w = &slo->sli->windows.at[window];
    return tier_counts_make(slo->def, w->counts, w->slots);
}

struct tier_counts eval_window_counts(const struct eval_slo *slo, enum eval_which which, size_t i)
{
    if (slo->parts)
        return eval_composite_counts(slo, which, i);
    size_t window = eval_window_number(slo, which, i);
    if (slo->line)
        return slices_tier_counts(slo->def, eval_line_counts(slo->line, window));
    return event_counts(slo, window);
}

static double burn(const struct eval_slo *slo, size_t i)
{
    return tier_burn(eval_window_counts(slo, EVAL_PEOPLE, i), slo->def->target);
}

int64_t eval_first_event(const struct eval_slo *slo)
{
    int64_t first =
        slo->def->sli.metric ? slo->sli->first_event_us : slo->sli->probe->first_event_us;
    return first < slo->sli->since_us ? slo->sli->since_us : first;
}

void eval_draw_source(const struct eval_slo *slo, struct slo_view *v)
{
    const struct slo_def *def = slo->def;
    v->window = slo->sli->windows.at[slo->window].counts;
    v->window_expected = event_counts(slo, slo->window).expected / sli_event(&def->sli);
    v->window_observed = sli_observed(&def->sli, slo_apply_no_data(def, v->window));
    v->judged =
        slo->line ? eval_line_counts(slo->line, slo->slices) : slo_apply_no_data(def, v->window);
    v->use = eval_use(slo, v->judged);
    v->first_event_us = eval_first_event(slo);
    v->resets = slo->sli->resets;
    v->clamped = slo->sli->clamped;
}

static void draw_windows(const struct eval_slo *slo, struct slo_view *v)
{
    const struct slo_def *def = slo->def;
    v->at_us = slo->tick_us;
    v->window_start_us = def->window.type == WINDOW_ROLLING ? v->at_us - def->window.duration_us
                                                            : slo->period.start_us;
    if (slo->parts)
        eval_draw_composite(slo, v);
    else
        eval_draw_source(slo, v);
    v->burn_5m = burn(slo, 0);
    v->burn_30m = burn(slo, 1);
    v->burn_1h = burn(slo, 2);
    v->burn_6h = burn(slo, 3);
    v->burn_3d = burn(slo, 4);
    for (size_t i = 0; i < def->tier_count; i++)
        v->firing[i] =
            tier_fires(&def->tiers[i], def->target, eval_window_counts(slo, EVAL_LONG, i),
                       eval_window_counts(slo, EVAL_SHORT, i));
}

void eval_draw(const struct eval_slo *slo)
{
    struct slo_view *v = slo->view;
    v->def = slo->def;
    v->alert = slo->alert;
    v->settled = slo->settled;
    if (v->at_us != slo->tick_us)
        draw_windows(slo, v);
}

/* ---- results and ticks ---------------------------------------------------------- */

int64_t evaluator_done_us(const struct evaluator *e, int64_t end_us, int64_t now_us)
{
    int64_t done = end_us < now_us ? end_us : now_us;
    return done > e->settled_us ? done : e->settled_us + 1;
}

static void add_result(struct eval_sli *sli, const struct result *r)
{
    enum outcome o = sli_classify(sli->def, r);
    struct counts c = {o == OUTCOME_GOOD, o == OUTCOME_BAD, o == OUTCOME_EXCLUDED};
    assert(o != OUTCOME_SKIPPED);
    if (o != OUTCOME_EXCLUDED)
        eval_note_data(sli, r->slot_us);
    eval_add_event(sli, r->slot_us, c);
}

void evaluator_result(struct evaluator *e, const char *probe, const struct observation *obs)
{
    const struct result *r = &obs->result;
    struct watched *w = table_get(&e->probes, probe);
    e->running = true;
    /* What is stored wins, and it has been merged. */
    if (!w || r->slot_us <= w->stored_us)
        return;
    bool event = r->outcome == OUTCOME_GOOD || r->outcome == OUTCOME_BAD;
    eval_note_outcome(w, r->slot_us, (enum outcome)r->outcome);
    if (!event && r->slot_us > w->deaf_us)
        w->deaf_us = r->slot_us;
    if (event && r->slot_us < w->first_event_us)
        w->first_event_us = r->slot_us;
    if (r->outcome == OUTCOME_SKIPPED)
        return;
    bool metric = false;
    for (size_t i = 0; i < w->slis.len; i++) {
        struct eval_sli *sli = w->slis.at[i];
        if (sli->def->metric)
            metric = true;
        else
            add_result(sli, r);
    }
    if (metric)
        eval_scrape(w, obs);
}

void evaluator_samples(struct evaluator *e, const char *probe, const struct observation *obs)
{
    struct watched *w = table_get(&e->probes, probe);
    bool metric = false;
    for (size_t i = 0; w && i < w->slis.len; i++)
        metric |= w->slis.at[i]->def->metric != NULL;
    if (metric)
        eval_scrape(w, obs);
}

static void tick_slo(struct evaluator *e, struct eval_slo *slo, int64_t t_us)
{
    const struct slo_def *def = slo->def;
    struct tier_view views[TIERS_MAX];
    struct alert_transition tr;
    slo->tick_us = t_us;
    if (!def->alerting || !slo->settled || !eval_is_merged(slo))
        return;
    for (size_t i = 0; i < def->tier_count; i++) {
        views[i].lng = eval_window_counts(slo, EVAL_LONG, i);
        views[i].shrt = eval_window_counts(slo, EVAL_SHORT, i);
    }
    if (!alert_step(&slo->alert, def, t_us, views, eval_muted(e, def, t_us), &tr))
        return;
    eval_draw(slo);
    e->hooks.transition(e->hooks.ctx, slo->view, &tr);
}

static void tick(struct evaluator *e, int64_t t_us)
{
    e->settled_us = t_us;
    for (size_t i = 0; i < e->slo_count; i++)
        enter_period(&e->slo_list[i], t_us);
    for (size_t i = 0; i < e->sli_list.len; i++)
        tick_sli(e->sli_list.at[i], t_us);
    eval_tick_joints(e, t_us);
    for (size_t i = 0; i < e->slo_count; i++)
        tick_slo(e, &e->slo_list[i], t_us);
    if (e->hooks.ticked)
        e->hooks.ticked(e->hooks.ctx, t_us);
}

int64_t evaluator_due(const struct evaluator *e)
{
    return e->next_tick_us;
}

void evaluator_run_due(struct evaluator *e, int64_t now_us)
{
    if (now_us - e->next_tick_us > CATCH_UP_US)
        e->next_tick_us = now_us - now_us % EVALUATE_EVERY_US;
    for (; e->next_tick_us <= now_us; e->next_tick_us += EVALUATE_EVERY_US)
        tick(e, e->next_tick_us);
}

size_t evaluator_count(const struct evaluator *e)
{
    return e->slo_count;
}

const struct slo_def *evaluator_part(const struct evaluator *e, size_t i, size_t part,
                                     const char **ret_key)
{
    const struct eval_slo *slo = &e->slo_list[i];
    if (part >= slo_part_count(slo->def))
        return NULL;
    *ret_key = slo->parts ? slo->parts[part].sli->key : slo->sli->key;
    return slo_part(slo->def, part);
}

const struct slo_view *evaluator_view(const struct evaluator *e, size_t i)
{
    eval_draw(&e->slo_list[i]);
    return e->slo_list[i].view;
}
