/*
 * What alert_text() says beyond what the tick knew: why probes failed, the last deploy,
 * when the budget ends, what an incident cost, its number. Read from the store, so not on the loop
 * thread. What cannot be read is not said: an alert does not wait for its decoration.
 */
#pragma once

#include "engine/alert_text.h"
#include "nines/store_reader.h"

#include <stdbool.h>
#include <stdint.h>

#define FACTS_DEPLOY_US (7 * USEC_PER_DAY)   /* an older one is no news */
#define FACTS_BACK_US (3 * USEC_PER_DAY)     /* failures before the alert are of so long */
#define FACTS_UNKNOWN_US (1 * USEC_PER_HOUR) /* the same, of an alert without a tier */

struct facts_wanted {
    struct config *config;                /* of what follows */
    const struct slo_def *slo;            /* or NULL */
    const struct probe_def *probe;        /* of a condition that is about one; or NULL */
    const struct alert_transition *alert; /* its time, its tier, whether it resolves */
    struct budget_use use;                /* of the SLO, at the transition */
    int64_t deadline_ns;                  /* clock_mono_ns(): what is not begun then is left */
};

/* Everything is the arena's. */
void facts_read(struct store_reader *r, const struct facts_wanted *w, struct arena *arena,
                struct alert_facts *ret);
