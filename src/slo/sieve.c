#include "slo/sieve.h"

#include "slo/expected.h"

void sieve_enter(struct sieve *s, int64_t t_us)
{
    struct exclusion_span next;
    bool any = exclusions_next(s->set, t_us, &next);
    s->within = any && next.start_us <= t_us;
    s->mode = any ? next.mode : EXCLUSION_DROP;
    s->from_us = s->within ? next.start_us : t_us;
    s->to_us = s->within ? next.end_us : any ? next.start_us : INT64_MAX;
}

bool sieve_touches(struct sieve *s, int64_t from_us, int64_t to_us)
{
    if (!s->set || from_us >= to_us)
        return false;
    if (from_us < s->from_us || from_us >= s->to_us)
        sieve_enter(s, from_us);
    return s->within || s->to_us < to_us;
}

struct counts sieve_apply(const struct sieve *s, struct counts c)
{
    return s->within ? exclusion_apply(s->mode, s->no_data, s->event, c) : c;
}

static bool drops(const struct sieve *s)
{
    return s->within && s->mode == EXCLUSION_DROP;
}

int64_t sieve_dropped(struct sieve *s, const struct probe_revision *revs, size_t n, int64_t from_us,
                      int64_t to_us)
{
    int64_t dropped = 0;
    for (int64_t t = from_us; s->set && t < to_us; t = s->to_us) {
        if (t < s->from_us || t >= s->to_us)
            sieve_enter(s, t);
        if (drops(s))
            dropped += expected_slots(revs, n, t, s->to_us < to_us ? s->to_us : to_us);
    }
    return dropped;
}

int64_t sieve_slots(struct sieve *s, const struct probe_revision *revs, size_t n, int64_t from_us,
                    int64_t to_us)
{
    return expected_slots(revs, n, from_us, to_us) - sieve_dropped(s, revs, n, from_us, to_us);
}
