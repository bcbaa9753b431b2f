/*
 * The report of a composite: its members are looked at as it counts them, each like an
 * objective of its own over the same instants, and then put together. What slices are
 * worth is put together slice by slice, everything else as sums.
 */
#include "engine/query_internal.h"

#include "base/mem.h"
#include "base/str.h"
#include "engine/excluding.h"
#include "engine/sieved.h"
#include "nines/probe.h"
#include "slo/budget.h"
#include "slo/composite.h"
#include "slo/expected.h"
#include "slo/slices.h"

#include <stdlib.h>
#include <string.h>

#define PAGE 1024
#define HOURS_6 (6 * USEC_PER_HOUR)

struct part_source {
    struct store_probe known;
    struct probe_revision declared;
    struct sieve sieve; /* holds a reference to its set */
};

struct composite {
    struct slo_query *whole;
    struct part_source *sources; /* of whole->members */
    uint128 *losses;             /* under slice methods: what each member lost in the window */
};

/* ---- members ------------------------------------------------------------------- */

static void set_part(struct slo_query *part, struct slo_query *whole, const struct slo_def *as)
{
    *part = *whole;
    part->def = as;
    part->whole = whole;
    part->members = NULL;
    part->member_count = 0;
    part->out = arena_alloc(whole->arena, sizeof(*part->out));
    query_set_source(part->out, as, whole->arena);
    part->out->start_us = whole->out->start_us;
    part->out->end_us = whole->out->end_us;
    part->out->upto_us = whole->out->upto_us;
}

static int read_parts(struct composite *c, struct err *reterr)
{
    struct slo_query *whole = c->whole;
    for (size_t i = 0; i < whole->member_count; i++) {
        const struct slo_def *as = whole->def->members[i].as;
        struct part_source *source = &c->sources[i];
        struct slo_query *part = &whole->members[i];
        set_part(part, whole, as);
        if (whole->excluding)
            source->sieve.set = excluding_of_part(whole->excluding, whole->def, i);
        source->sieve.no_data = as->no_data;
        part->sieve = &source->sieve;
        source->declared = (struct probe_revision){0, as->probe->interval_us, as->probe->phase_us,
                                                   as->probe->timeout_us, as->probe->hours};
        part->revisions = &source->declared;
        part->revision_count = 1;
        if (query_read_probe(part, &source->known, reterr) < 0)
            return -1;
    }
    for (size_t i = 0; i < whole->member_count; i++)
        if (whole->members[i].raw_since_us > whole->raw_since_us)
            whole->raw_since_us = whole->members[i].raw_since_us;
    return 0;
}

/* Steps hold a slot of every member. */
static int make_grid(struct composite *c, struct err *reterr)
{
    struct slo_query *whole = c->whole;
    struct report_slo *s = whole->out;
    struct probe_revision slowest = {0};
    for (size_t i = 0; i < whole->member_count; i++) {
        const struct slo_query *p = &whole->members[i];
        if (p->revisions[p->revision_count - 1].interval_us > slowest.interval_us)
            slowest = p->revisions[p->revision_count - 1];
    }
    whole->revisions = &slowest;
    whole->revision_count = 1;
    int rc = query_step_grid(whole, reterr);
    whole->revisions = NULL;
    whole->revision_count = 0;
    for (size_t i = 0; i < whole->member_count; i++) {
        whole->members[i].out->step_us = s->step_us;
        whole->members[i].out->points = s->points;
        whole->members[i].out->point_count = s->point_count;
    }
    return rc;
}

int query_composite_each(struct slo_query *whole, int (*step)(struct slo_query *, struct err *),
                         struct err *reterr)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < whole->member_count; i++)
        rc = step(&whole->members[i], reterr);
    return rc;
}

/* ---- slices -------------------------------------------------------------------- */

struct walk {
    struct slice_grid grid;
    size_t instant; /* those before it have their sums */
    struct counts all;
    struct counts worth[SLO_MEMBERS_MAX];
    int64_t edges[PAGE + 1];
    struct counts cells[SLO_MEMBERS_MAX][PAGE];
};

static void reach(struct composite *c, struct walk *w, int64_t t_us)
{
    struct slo_query *whole = c->whole;
    while (w->instant < whole->instants.len && whole->instants.at[w->instant] < t_us) {
        whole->worth[w->instant] = w->all;
        for (size_t i = 0; i < whole->member_count; i++)
            whole->members[i].worth[w->instant] = w->worth[i];
        w->instant++;
    }
}

static void join_slice(struct composite *c, struct walk *w, size_t cell)
{
    const struct slo_query *whole = c->whole;
    struct counts worth[SLO_MEMBERS_MAX];
    int64_t begin = w->edges[cell], end = w->edges[cell + 1];
    bool within = end > whole->out->start_us && end <= whole->out->upto_us;
    for (size_t i = 0; i < whole->member_count; i++) {
        const struct slo_query *part = &whole->members[i];
        worth[i] = slices_judge(part->def, w->cells[i][cell], slo_query_slots(part, begin, end));
        counts_add(&w->worth[i], worth[i]);
        if (within)
            c->losses[i] += composite_loss(whole->def, i, worth[i]);
    }
    counts_add(&w->all, composite_slice(whole->def, worth));
}

static int join_page(struct composite *c, struct walk *w, size_t n, struct err *reterr)
{
    const struct slo_query *whole = c->whole;
    for (size_t i = 0; i < whole->member_count; i++)
        if (sieved_cells(whole->reader, &whole->members[i].def->sli, whole->members[i].sieve,
                         w->edges, n, w->cells[i], reterr) < 0)
            return -1;
    for (size_t k = 0; k < n; k++) {
        reach(c, w, w->edges[k + 1]);
        join_slice(c, w, k);
        if (counts_total(w->all) > BUDGET_EVENTS_MAX - slices_whole(whole->def))
            return err_set(reterr, "the span holds too many slices of '%s'", whole->def->name);
    }
    return 0;
}

/* Slices of the next page whose end is not after `last`. */
static size_t fill_page(struct walk *w, int64_t last_us)
{
    size_t n = 0;
    while (n < PAGE) {
        int64_t next = slices_next(&w->grid, w->edges[n]);
        if (next > last_us)
            break;
        w->edges[++n] = next;
    }
    return n;
}

static int step_slices(struct composite *c, struct err *reterr)
{
    struct slo_query *whole = c->whole;
    size_t n = whole->instants.len;
    int rc = 0;
    if (whole->def->method == METHOD_OCCURRENCES)
        return 0;
    struct walk *w = mem_alloc(sizeof(*w));
    w->grid = slices_grid(whole->def);
    w->edges[0] = slices_floor(&w->grid, whole->instants.at[0]);
    whole->worth = mem_array(n, sizeof(*whole->worth));
    for (size_t i = 0; i < whole->member_count; i++)
        whole->members[i].worth = mem_array(n, sizeof(*whole->worth));
    for (size_t slices; rc == 0 && (slices = fill_page(w, whole->instants.at[n - 1])) > 0;) {
        rc = join_page(c, w, slices, reterr);
        w->edges[0] = w->edges[slices];
    }
    reach(c, w, INT64_MAX);
    free(w);
    return rc;
}

static void share_instants(struct slo_query *whole)
{
    for (size_t i = 0; i < whole->members[0].instants.len; i++)
        vec_push(&whole->instants, whole->members[0].instants.at[i]);
}

/* ---- sums and the budget ---------------------------------------------------------- */

static void add_part(struct slo_query *whole, const struct slo_query *part)
{
    struct report_slo *s = whole->out;
    const struct report_slo *p = part->out;
    counts_add(&s->counts, p->counts);
    s->expected += p->expected;
    s->observed += p->observed;
    s->prober_down += p->prober_down;
    s->target_silent += p->target_silent;
    s->not_started += p->not_started;
    /* As long as one with data is young, the composite is. */
    if (p->use.allowed == 0)
        return;
    if (whole->first_event_us == INT64_MAX || part->first_event_us > whole->first_event_us)
        whole->first_event_us = part->first_event_us;
}

/* One event of a member with data costs less than the whole budget. */
static bool is_conclusive(const struct slo_query *whole)
{
    for (size_t i = 0; i < whole->member_count; i++) {
        struct budget_use u = budget_use_with(whole->members[i].out->use, 1);
        struct decimal weight = whole->def->members[i].weight;
        if (u.allowed && composite_term(weight, u.spent, u.allowed) > COMPOSITE_PARTS)
            return false;
    }
    return true;
}

/* The whole period's budget by the budget to date: what is spent of each changes alike. */
static void project(struct slo_query *whole)
{
    struct report_slo *s = whole->out;
    double future = 0;
    for (size_t i = 0; i < whole->member_count; i++) {
        const struct report_slo *p = whole->members[i].out;
        if (p->projected > 0)
            future += decimal_double(whole->def->members[i].weight) * p->consumed / p->projected;
    }
    s->projected = future > 0 && s->consumed > 0 ? s->consumed / future : 1;
    if (whole->def->window.type == WINDOW_CALENDAR)
        whole->full = (uint128)(s->projected * COMPOSITE_PARTS);
}

static void occurrences_budget(struct slo_query *whole)
{
    struct report_slo *s = whole->out;
    struct budget_use uses[SLO_MEMBERS_MAX];
    for (size_t i = 0; i < whole->member_count; i++)
        uses[i] = whole->members[i].out->use;
    s->judged = s->counts;
    s->use = composite_use(whole->def, uses);
    s->conclusive = s->use.allowed && is_conclusive(whole);
    budget_fill(s, s->use, COMPOSITE_PARTS);
    s->has_sli = s->has_budget;
    s->sli = s->has_sli ? composite_sli(whole->def, s->judged, s->use) : 0;
    whole->full = COMPOSITE_PARTS;
    if (s->has_budget)
        project(whole);
    s->targets = arena_alloc(whole->arena, sizeof(*s->targets));
    s->targets[s->target_count++] = (struct report_target){s->start_us, whole->def->target,
                                                           counts_total(s->counts), s->allowed};
}

static int slices_budget(struct slo_query *whole, struct err *reterr)
{
    struct report_slo *s = whole->out;
    const struct slo_def *def = whole->def;
    uint128 projected;
    if (slo_query_judged(whole, s->start_us, s->upto_us, &s->judged, reterr) < 0)
        return -1;
    int64_t total = counts_total(s->judged);
    s->slices = total / slices_whole(def);
    if (query_use(whole, &projected, reterr) < 0)
        return -1;
    s->conclusive = budget_is_conclusive(s->use);
    budget_fill(s, s->use, projected);
    s->has_sli = total > 0;
    s->sli = total > 0 ? (double)s->judged.good / (double)total : 0;
    s->has_confidence = total > 0 && def->method == METHOD_TIMESLICES;
    for (size_t i = 0; s->has_confidence && i < whole->member_count; i++)
        s->has_confidence = !whole->members[i].def->sli.metric;
    if (s->has_confidence)
        budget_wilson(s->judged, &s->confidence_low, &s->confidence_high);
    return 0;
}

static int step_budget(struct slo_query *whole, struct err *reterr)
{
    for (size_t i = 0; i < whole->member_count; i++)
        add_part(whole, &whole->members[i]);
    if (whole->def->method == METHOD_OCCURRENCES)
        occurrences_budget(whole);
    else if (slices_budget(whole, reterr) < 0)
        return -1;
    whole->out->state = budget_state(whole->out->use, whole->first_event_us, whole->out->start_us);
    return 0;
}

/* ---- burn rates -------------------------------------------------------------------- */

/* The sum of w * burn of the members, of those with data in the span. */
static int sum_burns(const struct slo_query *whole, int64_t from_us, int64_t to_us, bool *ret_has,
                     double *ret, struct err *reterr)
{
    uint128 sum = 0;
    *ret_has = false;
    for (size_t i = 0; i < whole->member_count; i++) {
        const struct slo_query *part = &whole->members[i];
        struct counts c;
        if (slo_query_judged(part, from_us, to_us, &c, reterr) < 0)
            return -1;
        if (counts_total(c) == 0)
            continue;
        struct budget_use u = budget_use_make(c, part->def->target, 1);
        sum += composite_term(whole->def->members[i].weight, u.spent, u.allowed);
        *ret_has = true;
    }
    *ret = (double)sum / COMPOSITE_PARTS;
    return 0;
}

int query_composite_burn(const struct slo_query *whole, int64_t from_us, int64_t to_us,
                         bool *ret_has, double *ret, struct err *reterr)
{
    struct counts c;
    if (whole->def->method == METHOD_OCCURRENCES)
        return sum_burns(whole, from_us, to_us, ret_has, ret, reterr);
    if (slo_query_judged(whole, from_us, to_us, &c, reterr) < 0)
        return -1;
    *ret_has = counts_total(c) > 0;
    *ret = budget_burn(c.bad, counts_total(c), whole->def->target);
    return 0;
}

static int step_burn(struct slo_query *whole, struct err *reterr)
{
    struct report_slo *s = whole->out;
    for (size_t i = 0; i < query_burn_count; i++) {
        struct report_burn *b = &s->burn[s->burn_count++];
        b->window_us = query_burn_windows[i];
        if (query_composite_burn(whole, whole->at_us - b->window_us, whole->at_us, &b->has_rate,
                                 &b->rate, reterr) < 0)
            return -1;
        b->has_rate = b->has_rate && slices_divide(whole->def, b->window_us);
        b->rate = b->has_rate ? b->rate : 0;
        if (whole->outlook && b->window_us == HOURS_6 && b->has_rate)
            s->exhausts_at_us = query_exhausts_at(whole, b->rate);
    }
    return 0;
}

/* ---- members in the report ---------------------------------------------------------------- */

static void list_members(struct composite *c)
{
    const struct slo_query *whole = c->whole;
    struct report_slo *s = whole->out;
    bool slices = whole->def->method != METHOD_OCCURRENCES;
    uint128 spent[SLO_MEMBERS_MAX], all = 0;
    s->members = arena_alloc(whole->arena, whole->member_count * sizeof(*s->members));
    for (size_t i = 0; i < whole->member_count; i++) {
        struct budget_use u = whole->members[i].out->use;
        spent[i] = slices ? c->losses[i]
                          : composite_term(whole->def->members[i].weight, u.spent, u.allowed);
        all += spent[i];
    }
    for (size_t i = 0; i < whole->member_count; i++) {
        const struct report_slo *p = whole->members[i].out;
        const struct slo_member *m = &whole->def->members[i];
        s->members[s->member_count++] =
            (struct report_member){.def = m->slo,
                                   .weight = m->weight,
                                   .state = p->state,
                                   .counts = p->counts,
                                   .has_sli = p->has_sli,
                                   .has_budget = p->has_budget,
                                   .sli = p->sli,
                                   .consumed_ratio = p->consumed_ratio,
                                   .has_share = all > 0,
                                   .share = all > 0 ? (double)spent[i] / (double)all : 0};
    }
}

/* ---- all of it -------------------------------------------------------------------- */

/* Under Occurrences the members' own targets make the budget, else the composite's. */
static int cut_targets(struct slo_query *whole, struct err *reterr)
{
    if (whole->def->method == METHOD_OCCURRENCES)
        return query_composite_each(whole, query_step_targets, reterr);
    if (query_step_targets(whole, reterr) < 0)
        return -1;
    for (size_t i = 0; i < whole->member_count; i++) {
        whole->members[i].parts = whole->parts;
        whole->members[i].part_count = whole->part_count;
    }
    return 0;
}

static int run_brief(struct composite *c, struct err *reterr)
{
    struct slo_query *whole = c->whole;
    if (cut_targets(whole, reterr) < 0 || query_composite_each(whole, query_step_sums, reterr) < 0)
        return -1;
    share_instants(whole);
    if (step_slices(c, reterr) < 0 ||
        query_composite_each(whole, query_step_first_event, reterr) < 0 ||
        query_composite_each(whole, query_step_counts, reterr) < 0 ||
        query_composite_each(whole, query_step_budget, reterr) < 0 ||
        step_budget(whole, reterr) < 0 || step_burn(whole, reterr) < 0)
        return -1;
    list_members(c);
    return query_composite_tiers(whole, reterr);
}

static int run_details(struct slo_query *whole, struct err *reterr)
{
    return query_composite_reasons(whole, reterr) < 0 || query_composite_curve(whole, reterr) < 0 ||
                   query_step_incidents(whole, reterr) < 0 ||
                   query_composite_failures(whole, reterr) < 0 ||
                   query_step_annotations(whole, reterr) < 0 || query_step_spent(whole, reterr) < 0
               ? -1
               : 0;
}

int query_composite(struct slo_query *sq, bool brief, struct err *reterr)
{
    size_t n = sq->def->member_count;
    struct composite c = {.whole = sq};
    sq->members = mem_array(n, sizeof(*sq->members));
    sq->member_count = n;
    c.sources = mem_array(n, sizeof(*c.sources));
    c.losses = mem_array(n, sizeof(*c.losses));
    int rc = read_parts(&c, reterr);
    if (rc == 0)
        rc = query_step_excluded(sq, reterr);
    if (rc == 0 && !brief)
        rc = make_grid(&c, reterr);
    if (rc == 0)
        rc = run_brief(&c, reterr);
    if (rc == 0 && !brief)
        rc = run_details(sq, reterr);
    for (size_t i = 0; i < n; i++) {
        query_release(&sq->members[i]);
        revisions_free(c.sources[i].known.revisions, c.sources[i].known.revision_count);
        exclusions_unref(c.sources[i].sieve.set);
    }
    mem_free(&sq->members);
    free(c.sources);
    free(c.losses);
    return rc;
}
