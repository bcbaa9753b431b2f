#include "report/groups.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/wide.h"
#include "model/select.h"
#include "report/fmt.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- making them ------------------------------------------------------------------- */

struct item {
    const char *group, *sli; /* either may be NULL */
    const struct report_slo *slo;
    size_t index; /* equal ones stay in the order of the report */
};

/* NULL last. */
static int compare_names(const char *a, const char *b)
{
    if (!a || !b)
        return (a == NULL) - (b == NULL);
    return strcmp(a, b);
}

static int compare(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    int c = compare_names(x->group, y->group);
    if (c == 0)
        c = compare_names(x->sli, y->sli);
    return c ? c : (x->index > y->index) - (x->index < y->index);
}

static const char *group_of(const struct slo_def *slo, const char *by)
{
    if (!str_eq(by, GROUPS_BY_SERVICE))
        return slo_label(slo, by);
    return slo->service && *slo->service ? slo->service : NULL;
}

/* Has `a` less of its budget left than `b`? */
static bool is_less(const struct report_slo *a, const struct report_slo *b)
{
    return !wide_at_least(b->use.spent, a->use.allowed, a->use.spent, b->use.allowed);
}

static void take_events(struct report_group *g, const struct item *at, const struct item *before,
                        const struct report_slo *first)
{
    const struct report_slo *s = at->slo;
    if (s->def->member_count)
        return;
    if (s->source == SOURCE_RAW) { /* scrapes by their share are no events to add */
        g->has_events = false;
        return;
    }
    bool same_span = s->start_us == first->start_us && s->upto_us == first->upto_us;
    if (before && at->sli && str_eq(before->sli, at->sli)) { /* counted already */
        const struct counts *a = &s->counts, *b = &before->slo->counts;
        g->has_events = g->has_events && same_span && a->good == b->good && a->bad == b->bad;
        return;
    }
    g->has_events = g->has_events && same_span &&
                    !__builtin_add_overflow(g->bad, s->counts.bad, &g->bad) &&
                    !__builtin_add_overflow(g->total, counts_total(s->counts), &g->total);
}

/* Adds a run of items of one group; the number of them. */
static size_t take_group(struct report_group *g, const struct item *items, size_t n)
{
    const struct item *first = NULL, *before = NULL;
    size_t i = 0;
    *g = (struct report_group){.name = items[0].group, .has_events = true};
    for (; i < n && compare_names(items[i].group, g->name) == 0; i++) {
        const struct report_slo *s = items[i].slo;
        g->objectives++;
        g->states[s->state]++;
        if (s->has_budget && (!g->least || is_less(s, g->least)))
            g->least = s;
        if (!first && !s->def->member_count)
            first = &items[i];
        take_events(g, &items[i], before, first ? first->slo : s);
        before = &items[i];
    }
    g->has_events = g->has_events && first;
    return i;
}

void groups_make(struct report_groups *g, const struct report *r, const char *by)
{
    struct item *items = mem_array(r->slo_count + 1, sizeof(*items));
    for (size_t i = 0; i < r->slo_count; i++) {
        const struct report_slo *s = &r->slos[i];
        items[i] = (struct item){group_of(s->def, by), s->def->sli.key, s, i};
    }
    if (r->slo_count > 1)
        qsort(items, r->slo_count, sizeof(*items), compare);
    *g = (struct report_groups){by, mem_array(r->slo_count + 1, sizeof(*g->at)), 0};
    for (size_t i = 0; i < r->slo_count;)
        i += take_group(&g->at[g->n++], items + i, r->slo_count - i);
    free(items);
}

void groups_release(struct report_groups *g)
{
    free(g->at);
    *g = (struct report_groups){0};
}

/* ---- words ------------------------------------------------------------------------- */

enum slo_state groups_state(const struct report_group *g)
{
    for (enum slo_state s = SLO_BREACHED; s <= SLO_NO_DATA; s++)
        if (g->states[s])
            return s;
    return SLO_MET;
}

void groups_states(struct str *out, const struct report_group *g)
{
    static const enum slo_state order[] = {SLO_BREACHED, SLO_AT_RISK, SLO_WARMING, SLO_NO_DATA,
                                           SLO_MET};
    const char *comma = "";
    for (size_t i = 0; i < countof(order); i++) {
        if (!g->states[order[i]])
            continue;
        str_addf(out, "%s%zu %s", comma, g->states[order[i]], fmt_state(order[i]));
        comma = ", ";
    }
}

/* ---- JSON -------------------------------------------------------------------------- */

static void put_least(struct str *out, const struct report_slo *s)
{
    char ratio[FMT_MAX];
    str_add(out, ", \"least_left\": ");
    if (!s) {
        str_add(out, "null");
        return;
    }
    str_add(out, "{\"slo\": ");
    json_add_string(out, s->def->name);
    str_add(out, ", \"objective_name\": ");
    json_add_string(out, s->def->objective_name ? s->def->objective_name : "");
    str_addf(out, ", \"remaining_ratio\": %s}", fmt_ratio(ratio, s->remaining_ratio));
}

static void put_group(struct str *out, const struct report_group *g)
{
    str_add(out, "{\"group\": ");
    json_add_string(out, g->name);
    str_addf(out, ", \"objectives\": %zu, \"states\": {", g->objectives);
    for (enum slo_state s = SLO_MET; s <= SLO_NO_DATA; s++)
        str_addf(out, "%s\"%s\": %zu", s ? ", " : "", slo_state_name(s), g->states[s]);
    str_addc(out, '}');
    put_least(out, g->least);
    if (g->has_events)
        str_addf(out, ", \"bad\": %" PRId64 ", \"total\": %" PRId64 "}", g->bad, g->total);
    else
        str_add(out, ", \"bad\": null, \"total\": null}");
}

static void put_rollup(struct str *out, const struct report *r, const char *by, const char *newline)
{
    struct report_groups g;
    groups_make(&g, r, by);
    str_add(out, "{\"by\": ");
    json_add_string(out, by);
    str_add(out, ", \"groups\": [");
    for (size_t i = 0; i < g.n; i++) {
        str_addf(out, "%s%s", i ? "," : "", newline);
        put_group(out, &g.at[i]);
    }
    str_add(out, "]}");
    groups_release(&g);
}

void groups_put_json(struct str *out, const struct report *r, const char *by, const char *newline)
{
    bool team = false;
    for (size_t i = 0; !team && i < r->slo_count; i++)
        team = slo_label(r->slos[i].def, GROUPS_BY_TEAM) != NULL;
    str_addc(out, '[');
    put_rollup(out, r, GROUPS_BY_SERVICE, newline);
    const char *more[] = {team ? GROUPS_BY_TEAM : NULL, by};
    for (size_t i = 0; i < countof(more); i++) {
        if (!more[i] || str_eq(more[i], GROUPS_BY_SERVICE) || (i && str_eq(more[i], more[0])))
            continue;
        str_add(out, ", ");
        put_rollup(out, r, more[i], newline);
    }
    str_addc(out, ']');
}
