#include "notify/lanes.h"

#include "base/str.h"
#include "nines/notifier.h"

/* ---- which there are ----------------------------------------------------------------------- */

static struct lane *find(const struct lanes *l, const char *receiver, const char *integration)
{
    struct lane *at = l->head;
    while (at && !(str_eq(at->integration, integration) && str_eq(at->receiver, receiver)))
        at = at->next;
    return at;
}

static struct lane *make(struct lanes *l, const char *receiver, const char *integration)
{
    struct lane *lane = lane_new(l->owner, receiver, integration);
    lane->next = l->head;
    l->head = lane;
    return lane;
}

static void adopt(struct lanes *l, const struct receiver_def *receiver)
{
    for (size_t i = 0; i < receiver->n; i++) {
        const struct integration_def *def = &receiver->at[i];
        struct lane *lane = find(l, receiver->name, def->name);
        if (!lane)
            lane = make(l, receiver->name, def->name);
        lane->def = def;
        lane->per_minute = receiver->rate > 0 ? (int)receiver->rate : NOTIFY_RATE;
    }
}

static void use(struct lanes *l)
{
    for (struct lane *lane = l->head; lane; lane = lane->next)
        lane->def = NULL;
    for (size_t i = 0; i < l->config->receiver_count; i++)
        adopt(l, l->config->receivers[i]);
}

void lanes_init(struct lanes *l, struct lane_owner *owner, struct config *config)
{
    *l = (struct lanes){.owner = owner, .config = config_ref(config)};
    use(l);
}

void lanes_configure(struct lanes *l, struct config *config)
{
    struct config *before = l->config;
    l->config = config_ref(config);
    use(l);
    config_unref(before);
}

void lanes_release(struct lanes *l)
{
    while (l->head) {
        struct lane *lane = l->head;
        l->head = lane->next;
        lane_free(lane);
    }
    config_unref(l->config);
    l->config = NULL;
}

struct lane *lanes_get(struct lanes *l, const struct item *it)
{
    struct lane *lane = find(l, it->receiver, it->integration);
    return lane ? lane : make(l, it->receiver, it->integration);
}

static void sweep(struct lanes *l)
{
    for (struct lane **at = &l->head; *at;) {
        struct lane *lane = *at;
        if (lane->def || lane->sending || lane->pending > 0 || lane->left_from) {
            at = &lane->next;
            continue;
        }
        *at = lane->next;
        lane_free(lane);
    }
}

/* ---- what they do -------------------------------------------------------------------------- */

void lanes_pump(struct lanes *l)
{
    for (struct lane *lane = l->head; lane; lane = lane->next)
        lane_pump(lane, l->config);
    sweep(l);
}

int64_t lanes_due_us(const struct lanes *l)
{
    int64_t due = INT64_MAX;
    for (const struct lane *lane = l->head; lane; lane = lane->next)
        due = lane_due_us(lane) < due ? lane_due_us(lane) : due;
    return due;
}

bool lanes_busy(const struct lanes *l, int64_t mono_us)
{
    for (const struct lane *lane = l->head; lane; lane = lane->next)
        if (lane->sending || lane_due_us(lane) <= mono_us)
            return true;
    return false;
}

static struct notify_lane_stats stats_of(const struct lane *lane, int64_t mono_us,
                                         struct arena *arena)
{
    return (struct notify_lane_stats){
        .receiver = arena_strdup(arena, lane->receiver),
        .integration = arena_strdup(arena, lane->integration),
        .delivered = lane->delivered,
        .retried = lane->retried,
        .rejected = lane->rejected,
        .pending = (int64_t)lane->pending,
        .oldest_us = lane_oldest_us(lane),
        .failing = lane->failing,
        .broken = breaker_state(&lane->breaker, mono_us) != BREAKER_CLOSED,
    };
}

void lanes_stats(const struct lanes *l, int64_t mono_us, struct notify_stats *ret,
                 struct arena *arena, struct notify_lane_stats **ret_at, size_t *ret_n)
{
    size_t n = 0;
    for (const struct lane *lane = l->head; lane; lane = lane->next)
        n++;
    *ret_at = arena_alloc(arena, (n + 1) * sizeof(**ret_at));
    *ret_n = n;
    ret->failing = ret->broken = ret->in_flight = ret->oldest_us = 0;
    for (const struct lane *lane = l->head; lane; lane = lane->next) {
        struct notify_lane_stats *s = &(*ret_at)[--n];
        *s = stats_of(lane, mono_us, arena);
        ret->failing += s->failing;
        ret->broken += s->broken;
        ret->in_flight += lane->sending;
        if (s->oldest_us && (ret->oldest_us == 0 || s->oldest_us < ret->oldest_us))
            ret->oldest_us = s->oldest_us;
    }
}
