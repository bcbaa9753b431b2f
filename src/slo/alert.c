#include "slo/alert.h"

#include <assert.h>

static bool fires(const struct slo_def *slo, const struct tier_view *views, size_t i)
{
    return tier_fires(&slo->tiers[i], slo->target, views[i].lng, views[i].shrt);
}

/* Whether no tier of the severity can tell that it is over. */
static bool all_blind(const struct slo_def *slo, const struct tier_view *views, enum severity s)
{
    for (size_t i = 0; i < slo->tier_count; i++)
        if (slo->tiers[i].severity == s && tier_may_clear(views[i].shrt))
            return false;
    return true;
}

/* Whether a tier keeps a firing alert up although it does not fire itself. */
static bool holds(const struct alert_state *state, const struct slo_def *slo,
                  const struct tier_view *views, size_t i)
{
    const struct tier_def *tier = &slo->tiers[i];
    if (state->phase != ALERT_FIRING || tier->severity > state->severity ||
        tier_may_clear(views[i].shrt))
        return false;
    return tier_long_burns(tier, slo->target, views[i].lng) ||
           (tier->severity == state->severity && all_blind(slo, views, tier->severity));
}

/* The tiers that fire now, or may not clear yet. */
static uint32_t firing_tiers(const struct alert_state *state, const struct slo_def *slo,
                             const struct tier_view *views)
{
    uint32_t firing = 0;
    for (size_t i = 0; i < slo->tier_count; i++)
        if (fires(slo, views, i) || holds(state, slo, views, i))
            firing |= 1u << i;
    return firing;
}

static enum severity highest(const struct slo_def *slo, uint32_t firing)
{
    enum severity top = SEVERITY_NONE;
    for (size_t i = 0; i < slo->tier_count; i++)
        if ((firing >> i & 1) && slo->tiers[i].severity > top)
            top = slo->tiers[i].severity;
    return top;
}

/* The tier to show as the cause: of this severity, a firing one first, then
 * the one that burns most over its long window. */
static size_t deciding_tier(const struct slo_def *slo, const struct tier_view *views,
                            enum severity severity)
{
    size_t best = slo->tier_count;
    bool best_fires = false;
    double best_burn = -1;
    for (size_t i = 0; i < slo->tier_count; i++) {
        if (slo->tiers[i].severity != severity)
            continue;
        bool f = fires(slo, views, i);
        double burn = tier_burn(views[i].lng, slo->target);
        if (best < slo->tier_count && (f < best_fires || (f == best_fires && burn <= best_burn)))
            continue;
        best = i;
        best_fires = f;
        best_burn = burn;
    }
    return best;
}

/* Parts of slices as slices. */
static struct counts seen(const struct slo_def *slo, const struct tier_counts *c)
{
    int64_t whole = c->whole ? c->whole : 1, bad = (c->bad + whole / 2) / whole;
    return (struct counts){.good = c->total / whole - bad,
                           .bad = bad,
                           .scrapes =
                               slo->sli.metric || slo->member_count ? c->observed / whole : 0};
}

/* The cause: the tier that decided for the severity. */
static void describe(struct alert_transition *tr, const struct slo_def *slo,
                     const struct tier_view *views, enum severity severity)
{
    size_t i = deciding_tier(slo, views, severity);
    if (i == slo->tier_count)
        return; /* the configuration lost the tier meanwhile */
    const struct tier_counts *l = &views[i].lng, *s = &views[i].shrt;
    tr->tier = slo->tiers[i];
    tr->long_counts = seen(slo, l);
    tr->short_counts = seen(slo, s);
    tr->long_expected = l->expected / (l->whole ? l->whole : 1);
    tr->short_expected = s->expected / (s->whole ? s->whole : 1);
    tr->long_burn = tier_burn(*l, slo->target);
    tr->short_burn = tier_burn(*s, slo->target);
}

struct move {
    bool any, notify;
    enum alert_event_kind kind;
    enum alert_phase phase;
    enum severity severity;
};

/* Where the machine goes from here; the only place that knows its arrows. */
static struct move next_move(const struct alert_state *s, int64_t for_us, enum severity want,
                             int64_t t_us)
{
    switch (s->phase) {
    case ALERT_INACTIVE:
        if (want != SEVERITY_NONE && for_us > 0)
            return (struct move){true, false, ALERT_EVENT_PEND, ALERT_PENDING, want};
        if (want != SEVERITY_NONE)
            return (struct move){true, true, ALERT_EVENT_FIRE, ALERT_FIRING, want};
        break;
    case ALERT_PENDING:
        if (want == SEVERITY_NONE)
            return (struct move){true, false, ALERT_EVENT_CALM, ALERT_INACTIVE, s->severity};
        if (t_us - s->since_us >= for_us)
            return (struct move){true, true, ALERT_EVENT_FIRE, ALERT_FIRING, want};
        break;
    case ALERT_FIRING:
        if (want == SEVERITY_NONE)
            return (struct move){true, false, ALERT_EVENT_COOL, ALERT_COOLING, s->severity};
        if (want > s->severity)
            return (struct move){true, true, ALERT_EVENT_ESCALATE, ALERT_FIRING, want};
        if (want < s->severity)
            return (struct move){true, true, ALERT_EVENT_DEESCALATE, ALERT_FIRING, want};
        break;
    case ALERT_COOLING:
        if (want > s->severity)
            return (struct move){true, true, ALERT_EVENT_ESCALATE, ALERT_FIRING, want};
        if (want != SEVERITY_NONE) /* a lower severity is told by the next step */
            return (struct move){true, false, ALERT_EVENT_REFIRE, ALERT_FIRING, s->severity};
        if (t_us - s->cooling_since_us >= ALERT_COOLING_US)
            return (struct move){true, true, ALERT_EVENT_RESOLVE, ALERT_INACTIVE, s->severity};
        break;
    }
    return (struct move){0};
}

/* What is to be said when nothing moves: what could not be said before. */
static struct move catch_up(const struct alert_state *s)
{
    if (s->phase != ALERT_FIRING || s->told == s->severity)
        return (struct move){0};
    return (struct move){true, true,
                         s->told < s->severity ? ALERT_EVENT_ESCALATE : ALERT_EVENT_DEESCALATE,
                         ALERT_FIRING, s->severity};
}

/* Whether a move is sent, and as what: an alert begins for people when they are
 * first told, and ends under the severity that they were told of last. */
static void say(struct alert_state *s, bool muted, struct move *m)
{
    if (m->kind == ALERT_EVENT_RESOLVE) {
        m->notify = s->told != SEVERITY_NONE;
        m->severity = m->notify ? s->told : m->severity;
        return;
    }
    m->notify = m->notify && !muted && m->severity != s->told;
    if (!m->notify)
        return;
    if (s->told == SEVERITY_NONE)
        m->kind = ALERT_EVENT_FIRE;
    s->told = m->severity;
}

/* One instant for a machine of which `want` is wanted. False: nothing moves. */
static bool advance(struct alert_state *s, int64_t for_us, enum severity want, int64_t t_us,
                    bool muted, struct alert_transition *ret)
{
    struct move m = next_move(s, for_us, want, t_us);
    if (!m.any && !muted)
        m = catch_up(s);
    if (!m.any)
        return false;
    say(s, muted, &m);
    ret->at_us = t_us;
    ret->kind = m.kind;
    ret->notify = m.notify;
    ret->severity = m.severity;
    if (s->phase == ALERT_INACTIVE || (s->phase == ALERT_PENDING && m.phase == ALERT_FIRING))
        s->since_us = t_us;
    ret->since_us = s->since_us;
    s->phase = m.phase;
    s->severity = m.severity;
    s->cooling_since_us = m.phase == ALERT_COOLING ? t_us : 0;
    if (m.phase == ALERT_INACTIVE)
        *s = (struct alert_state){.evaluated_us = t_us};
    ret->state = *s;
    return true;
}

bool alert_step(struct alert_state *state, const struct slo_def *slo, int64_t t_us,
                const struct tier_view *views, bool muted, struct alert_transition *ret)
{
    assert(t_us % EVALUATE_EVERY_US == 0 && slo->tier_count <= TIERS_MAX);
    if (t_us <= state->evaluated_us)
        return false;
    state->firing = firing_tiers(state, slo, views);
    state->evaluated_us = t_us;
    enum severity want = highest(slo, state->firing);
    *ret = (struct alert_transition){
        .slo = slo->name, .objective_name = slo->objective_name, .service = slo->service};
    if (!advance(state, slo->for_us, want, t_us, muted, ret))
        return false;
    describe(ret, slo, views, want != SEVERITY_NONE && want < ret->severity ? want : ret->severity);
    return true;
}

bool alert_step_plain(struct alert_state *state, int64_t for_us, enum severity want, int64_t t_us,
                      bool muted, struct alert_transition *ret)
{
    assert(t_us % EVALUATE_EVERY_US == 0);
    if (t_us <= state->evaluated_us)
        return false;
    state->evaluated_us = t_us;
    *ret = (struct alert_transition){.slo = "", .objective_name = "", .service = ""};
    return advance(state, for_us, want, t_us, muted, ret);
}
