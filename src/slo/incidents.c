#include "slo/incidents.h"

#include "base/str.h"
#include "base/units.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- which alerts ------------------------------------------------------------------- */

bool incident_may_join(const struct alert_transition *t)
{
    return t->kind == ALERT_EVENT_FIRE || t->kind == ALERT_EVENT_ESCALATE;
}

bool incident_may_open(const struct alert_transition *t)
{
    return incident_may_join(t) && t->notify && t->severity == SEVERITY_PAGE;
}

static bool has_name(const struct string_list *list, const char *name)
{
    for (size_t i = 0; name && *name && i < list->n; i++)
        if (str_eq(list->at[i], name))
            return true;
    return false;
}

/* What is of no service, as the prober itself, is known by its name. */
static bool is_about(const struct incident *in, const struct alert_transition *t)
{
    return has_name(&in->services, t->service) || has_name(&in->slos, t->slo);
}

static bool is_near(int64_t at_us, int64_t of_us)
{
    return at_us >= of_us - INCIDENT_TOGETHER_US && at_us <= of_us + INCIDENT_TOGETHER_US;
}

static bool may_reopen(const struct incident *in, const struct alert_transition *t)
{
    return !*in->opened_by && !*in->closed_by && incident_may_open(t) &&
           t->at_us - in->closed_us <= INCIDENT_REOPEN_US;
}

int64_t incident_start(const struct incident *in)
{
    return in->began_us && in->began_us < in->opened_us ? in->began_us : in->opened_us;
}

/* 0: it does not belong to it. */
static int rank(const struct incident *in, const struct alert_transition *t)
{
    if (in->closed_us)
        return is_about(in, t) && may_reopen(in, t) ? 1 : 0;
    if (t->at_us < incident_start(in) - INCIDENT_TOGETHER_US)
        return 0;
    if (is_about(in, t))
        return 3;
    return is_near(t->at_us, incident_start(in)) || is_near(t->at_us, in->opened_us) ? 2 : 0;
}

bool incident_takes(const struct incident *in, const struct alert_transition *t)
{
    return incident_may_join(t) && rank(in, t) > 0;
}

const struct incident *incident_of(const struct incident *list, size_t n,
                                   const struct alert_transition *t)
{
    const struct incident *best = NULL;
    int most = 1;
    for (size_t i = 0; incident_may_join(t) && i < n; i++) {
        int r = rank(&list[i], t);
        if (r < most)
            continue;
        best = &list[i];
        most = r;
    }
    return best;
}

/* ---- their lives -------------------------------------------------------------------- */

struct incident_alert incident_alert_begin(const struct alert_transition *t)
{
    struct incident_alert a = {
        .condition = t->condition ? t->condition : "",
        .slo = t->slo,
        .objective_name = t->objective_name,
        .service = t->service ? t->service : "",
        .since_us = t->since_us,
        .fired_us = t->at_us,
        .long_us = t->tier.long_us,
        .short_us = t->tier.short_us,
    };
    incident_alert_step(&a, t);
    return a;
}

/* To people a page that is a ticket from now on is over: not while they take it for a page,
 * since this was muted. */
static bool ends(const struct incident_alert *a, const struct alert_transition *t)
{
    return t->kind == ALERT_EVENT_RESOLVE ||
           (t->kind == ALERT_EVENT_DEESCALATE && t->severity < a->severity &&
            t->state.told < a->severity);
}

void incident_alert_step(struct incident_alert *a, const struct alert_transition *t)
{
    if (a->resolved_us && !incident_may_join(t))
        return; /* the ticket that is left of a page */
    if (t->severity > a->severity)
        a->severity = t->severity;
    if (t->notify && !a->told_us && t->kind != ALERT_EVENT_RESOLVE)
        a->told_us = t->at_us;
    a->resolved_us = ends(a, t) ? t->at_us : 0;
    if (!a->resolved_us)
        a->cleared_us = t->kind == ALERT_EVENT_COOL ? t->at_us : 0;
    else if (!a->cleared_us)
        a->cleared_us = t->at_us;
}

void incident_title(const struct alert_transition *t, char *buf, size_t size)
{
    const char *objective = t->objective_name ? t->objective_name : "";
    if (!t->condition || !*t->condition)
        snprintf(buf, size, "%s%s%s", t->slo, *objective ? " / " : "", objective);
    else
        snprintf(buf, size, "%s%s%s%s%s", t->condition, *t->slo ? " of " : "", t->slo,
                 *objective ? " " : "", objective);
}

/* ---- times --------------------------------------------------------------------------- */

static int64_t find_told(const struct incident *in)
{
    int64_t first = 0;
    for (size_t i = 0; i < in->alert_count; i++) {
        int64_t told = in->alerts[i].told_us;
        if (told && (!first || told < first))
            first = told;
    }
    return first;
}

/* Tickets go on for hours after what raised them, so pages tell, where there are any. 0:
 * something still fires. */
static int64_t find_cleared(const struct incident *in)
{
    enum severity highest = SEVERITY_NONE;
    int64_t last = 0;
    for (size_t i = 0; i < in->alert_count; i++)
        if (in->alerts[i].severity > highest)
            highest = in->alerts[i].severity;
    for (size_t i = 0; i < in->alert_count; i++) {
        int64_t cleared = in->alerts[i].cleared_us;
        if (in->alerts[i].severity < highest)
            continue;
        if (!cleared)
            return 0;
        last = cleared > last ? cleared : last;
    }
    return last;
}

static int64_t began(const struct incident *in, int64_t alerts_began_us)
{
    if (in->began_us)
        return in->began_us;
    if (!*in->opened_by)
        return alerts_began_us;
    /* Who opens one sees trouble. */
    bool earlier = alerts_began_us && alerts_began_us < in->opened_us;
    return earlier ? alerts_began_us : in->opened_us;
}

static int64_t restored(const struct incident *in)
{
    if (in->restored_us || !in->closed_us)
        return in->restored_us;
    int64_t cleared = find_cleared(in);
    return cleared ? cleared : in->closed_us;
}

/* A person who writes down what is long over does not say when he noticed. */
static int64_t detected(const struct incident *in, int64_t told_us, int64_t restored_us)
{
    int64_t seen = in->detected_us;
    if (!seen && *in->opened_by && (!restored_us || in->opened_us < restored_us))
        seen = in->opened_us;
    return told_us && (!seen || told_us < seen) ? told_us : seen;
}

static int64_t span(int64_t from_us, int64_t to_us)
{
    if (!from_us || !to_us)
        return -1;
    return to_us > from_us ? to_us - from_us : 0;
}

struct incident_times incident_times(const struct incident *in, int64_t alerts_began_us)
{
    int64_t told = find_told(in);
    struct incident_times t = {
        .began_us = began(in, alerts_began_us),
        .restored_us = restored(in),
        .alerted = told != 0,
    };
    t.detected_us = detected(in, told, t.restored_us);
    t.detect_us = span(t.began_us, t.detected_us);
    t.restore_us = span(t.began_us, t.restored_us);
    return t;
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

struct incident_mean incident_mean(int64_t *spans_us, size_t n)
{
    struct incident_mean m = {.n = n, .mean_us = -1, .median_us = -1};
    int64_t sum = 0;
    if (n == 0)
        return m;
    qsort(spans_us, n, sizeof(*spans_us), compare);
    for (size_t i = 0; i < n; i++)
        sum += spans_us[i];
    m.mean_us = sum / (int64_t)n;
    int64_t low = spans_us[(n - 1) / 2], high = spans_us[n / 2];
    m.median_us = low + (high - low) / 2;
    return m;
}
