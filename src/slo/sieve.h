/*
 * What the exclusions of one objective leave of its events and slots. It remembers
 * the stretch of time that it was asked about last, so that many questions about one
 * stretch cost one look-up, and none at all where nothing is excluded.
 *
 * A value that whoever has it may copy; one thread at a time. It borrows the set.
 */
#pragma once

#include "slo/exclusions.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct probe_revision; /* nines/store.h */

struct sieve {
    const struct exclusions *set; /* NULL: all is left */
    enum no_data no_data;
    int64_t event;            /* sli_event() */
    int64_t from_us, to_us;   /* the stretch, [from, to): of one span, or of none */
    bool within;              /* it is of a span, */
    enum exclusion_mode mode; /* of this mode */
};

static inline struct sieve sieve_make(const struct exclusions *set, const struct slo_def *slo)
{
    return (struct sieve){.set = set, .no_data = slo->no_data, .event = sli_event(&slo->sli)};
}

/* Another one that has not been asked yet. */
static inline struct sieve sieve_again(const struct sieve *s)
{
    return (struct sieve){.set = s->set, .no_data = s->no_data, .event = s->event};
}

/* Looks at the stretch that holds `t_us`, from then on at least. */
void sieve_enter(struct sieve *s, int64_t t_us);

/* Whether anything of [from, to) is excluded. */
bool sieve_touches(struct sieve *s, int64_t from_us, int64_t to_us);

/* What is left of counts within the stretch. */
struct counts sieve_apply(const struct sieve *s, struct counts c);

/* What is left of an event, or of several of one slot. */
static inline struct counts sieve_event(struct sieve *s, int64_t slot_us, struct counts c)
{
    if (!s->set)
        return c;
    if (slot_us < s->from_us || slot_us >= s->to_us)
        sieve_enter(s, slot_us);
    return sieve_apply(s, c);
}

/* Slots of [from, to) that are left, by the schedules (expected_slots()); and those
 * that are none. */
int64_t sieve_slots(struct sieve *s, const struct probe_revision *revs, size_t n, int64_t from_us,
                    int64_t to_us);
int64_t sieve_dropped(struct sieve *s, const struct probe_revision *revs, size_t n, int64_t from_us,
                      int64_t to_us);
