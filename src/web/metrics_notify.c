#include "web/metrics_notify.h"

#include "base/mem.h"
#include "wire/exposition.h"

static void totals(struct exposition *e, const struct notify_stats *n)
{
    const struct {
        const char *result;
        int64_t value;
    } ends[] = {{"delivered", n->delivered}, {"retried", n->retried}, {"rejected", n->rejected}};

    exposition_family(e, "nines_notify_attempts_total", EXPOSITION_COUNTER,
                      "Delivery attempts by how they ended.");
    for (size_t i = 0; i < countof(ends); i++) {
        const struct label l[] = {{"result", ends[i].result}};
        exposition_int(e, l, countof(l), ends[i].value);
    }
    exposition_counter(e, "nines_notify_messages_total", "Messages made of alerts.", n->messages);
    exposition_counter(e, "nines_notify_deduplicated_total", "Messages not sent a second time.",
                       n->deduplicated);
    exposition_counter(e, "nines_notify_overflowed_total",
                       "Messages left in the outbox for want of room.", n->overflowed);
    exposition_counter(e, "nines_notify_refused_alerts_total",
                       "Alerts that were not taken for want of room.", n->refused);
}

static void now(struct exposition *e, const struct notify_stats *n)
{
    exposition_gauge(e, "nines_notify_alerts", "Alerts that fire, or whose end is to be told.",
                     n->alerts);
    exposition_gauge(e, "nines_notify_groups", "Groups of alerts.", n->groups);
    exposition_gauge(e, "nines_notify_uncommitted", "Messages not yet stored.", n->uncommitted);
    exposition_gauge(e, "nines_notify_pending", "Messages not yet delivered.", n->pending);
    exposition_gauge(e, "nines_notify_receivers_failing",
                     "Integrations of receivers whose last attempt failed.", n->failing);
    exposition_gauge(e, "nines_notify_receivers_broken",
                     "Of these, the ones that are left alone for a while.", n->broken);
}

/* ---- each integration of a receiver ----------------------------------------------------- */

static int64_t is_broken(const struct notify_lane_stats *l)
{
    return l->broken;
}

static int64_t is_failing(const struct notify_lane_stats *l)
{
    return l->failing;
}

static int64_t pending(const struct notify_lane_stats *l)
{
    return l->pending;
}

static void gauge(struct exposition *e, const struct status *s, const char *name, const char *help,
                  int64_t (*value)(const struct notify_lane_stats *l))
{
    exposition_family(e, name, EXPOSITION_GAUGE, help);
    for (size_t i = 0; i < s->lane_count; i++) {
        const struct notify_lane_stats *at = &s->lanes[i];
        const struct label l[] = {{"receiver", at->receiver}, {"integration", at->integration}};
        exposition_int(e, l, countof(l), value(at));
    }
}

static void attempts(struct exposition *e, const struct status *s)
{
    exposition_family(e, "nines_notify_receiver_attempts_total", EXPOSITION_COUNTER,
                      "Delivery attempts to each integration by how they ended.");
    for (size_t i = 0; i < s->lane_count; i++) {
        const struct notify_lane_stats *at = &s->lanes[i];
        const struct {
            const char *result;
            int64_t value;
        } ends[] = {
            {"delivered", at->delivered}, {"retried", at->retried}, {"rejected", at->rejected}};
        for (size_t k = 0; k < countof(ends); k++) {
            const struct label l[] = {{"receiver", at->receiver},
                                      {"integration", at->integration},
                                      {"result", ends[k].result}};
            exposition_int(e, l, countof(l), ends[k].value);
        }
    }
}

static void ages(struct exposition *e, const struct status *s)
{
    exposition_family(e, "nines_notify_receiver_oldest_pending_seconds", EXPOSITION_GAUGE,
                      "How long the oldest message has waited; 0 without any.");
    for (size_t i = 0; i < s->lane_count; i++) {
        const struct notify_lane_stats *at = &s->lanes[i];
        const struct label l[] = {{"receiver", at->receiver}, {"integration", at->integration}};
        int64_t age = at->oldest_us ? s->now_us - at->oldest_us : 0;
        exposition_seconds(e, l, countof(l), age > 0 ? age : 0);
    }
}

void metrics_notify(struct exposition *e, const struct status *s)
{
    totals(e, &s->notify);
    now(e, &s->notify);
    attempts(e, s);
    gauge(e, s, "nines_notify_receiver_pending", "Messages not yet delivered to it.", pending);
    gauge(e, s, "nines_notify_receiver_failing", "Whether the last attempt failed.", is_failing);
    gauge(e, s, "nines_notify_receiver_broken",
          "Whether it failed so often that it is left alone for a while.", is_broken);
    ages(e, s);
}
