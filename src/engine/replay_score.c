#include "engine/replay_score.h"

#include "base/str.h"

void score_init(struct score *s, int64_t from_us, int64_t to_us)
{
    *s = (struct score){.from_us = from_us, .to_us = to_us};
}

void score_release(struct score *s)
{
    vec_release(&s->alerts);
    vec_release(&s->open);
}

/* ---- from transitions to alerts ------------------------------------------------- */

static size_t find_open(const struct score *s, const struct alert_transition *t)
{
    size_t i = 0;
    while (i < s->open.len) {
        const struct score_alert *a = &s->alerts.at[s->open.at[i]];
        if (str_eq(a->slo, t->slo) && str_eq(a->objective_name, t->objective_name))
            break;
        i++;
    }
    return i;
}

static void begin_alert(struct score *s, const struct alert_transition *t)
{
    vec_push(&s->open, s->alerts.len);
    vec_push(&s->alerts, ((struct score_alert){.slo = t->slo,
                                               .objective_name = t->objective_name,
                                               .from_us = t->at_us,
                                               .saw_us = t->at_us - t->tier.short_us}));
}

static void note_sent(struct score_alert *a, const struct alert_transition *t)
{
    if (!t->notify || t->kind == ALERT_EVENT_RESOLVE)
        return;
    if (!a->told_us)
        a->told_us = t->at_us;
    if (t->severity == SEVERITY_PAGE && !a->page_us)
        a->page_us = t->at_us;
    if (t->severity == SEVERITY_TICKET && !a->ticket_us)
        a->ticket_us = t->at_us;
}

void score_take(struct score *s, const struct alert_transition *t)
{
    size_t i = find_open(s, t);
    s->transitions++;
    if (t->kind == ALERT_EVENT_PEND || t->kind == ALERT_EVENT_CALM)
        return; /* nobody would have heard of it */
    if (i == s->open.len) {
        if (s->alerts.len == SCORE_ALERTS_MAX) {
            s->full = true;
            return;
        }
        begin_alert(s, t);
    }
    struct score_alert *a = &s->alerts.at[s->open.at[i]];
    note_sent(a, t);
    if (t->kind == ALERT_EVENT_RESOLVE) {
        a->end_us = t->at_us;
        s->open.at[i] = s->open.at[--s->open.len];
    } else {
        a->clear_us = t->kind == ALERT_EVENT_COOL ? t->at_us : 0;
    }
}

/* ---- alerts and incidents ---------------------------------------------------------- */

int64_t score_length_us(const struct score *s, const struct score_alert *a)
{
    return (a->end_us ? a->end_us : s->to_us) - a->from_us;
}

static bool belongs(const struct score *s, const struct score_alert *a,
                    const struct score_incident *in)
{
    int64_t clear_us = a->clear_us ? a->clear_us : s->to_us;
    return a->told_us && a->saw_us < in->to_us && clear_us > in->from_us;
}

/* The least of what was so far and this, if there is this. */
static bool sooner(int64_t *best_us, int64_t at_us, int64_t from_us)
{
    int64_t after_us = at_us > from_us ? at_us - from_us : 0;
    if (at_us == 0 || (*best_us >= 0 && *best_us <= after_us))
        return false;
    *best_us = after_us;
    return true;
}

static void meet(const struct score_alert *a, struct score_incident *in, bool *fires)
{
    in->alerts++;
    if (sooner(&in->detected_us, a->told_us, in->from_us))
        in->severity = a->page_us == a->told_us ? SEVERITY_PAGE : SEVERITY_TICKET;
    sooner(&in->page_us, a->page_us, in->from_us);
    sooner(&in->ticket_us, a->ticket_us, in->from_us);
    int64_t after_us = a->clear_us > in->to_us ? a->clear_us - in->to_us : 0;
    if (after_us > in->reset_us)
        in->reset_us = after_us;
    *fires |= !a->clear_us;
}

static void judge(struct score *s, struct score_incident *in)
{
    bool fires = false;
    in->alerts = 0;
    in->severity = SEVERITY_NONE;
    in->detected_us = in->page_us = in->ticket_us = in->reset_us = -1;
    in->judged = in->from_us >= s->from_us && in->from_us < s->to_us;
    for (size_t i = 0; i < s->alerts.len; i++) {
        struct score_alert *a = &s->alerts.at[i];
        if (!belongs(s, a, in))
            continue;
        a->right = true;
        meet(a, in, &fires);
    }
    if (fires)
        in->reset_us = -1;
    s->judged += in->judged;
    s->detected += in->judged && in->alerts > 0;
}

static void add_up(struct score *s, const struct score_alert *a)
{
    if (!a->told_us) {
        s->muted++;
        return;
    }
    s->pages += a->page_us != 0;
    s->tickets += a->page_us == 0;
    s->firing += a->end_us == 0;
    s->right += a->right;
    if (!s->longest || score_length_us(s, a) > score_length_us(s, s->longest))
        s->longest = a;
}

void score_finish(struct score *s, struct score_incident *incidents, size_t n)
{
    for (size_t i = 0; i < n; i++)
        judge(s, &incidents[i]);
    for (size_t i = 0; i < s->alerts.len; i++)
        add_up(s, &s->alerts.at[i]);
}
