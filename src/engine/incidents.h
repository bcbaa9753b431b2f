/*
 * Stored incidents, with their times: docs/incidents.md. Blocks; not for the loop thread.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "nines/incident.h"
#include "nines/store_reader.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config;
struct excluding;

/* Those that are open, or were closed at or after `since_us`, by rising id; without their
 * times. All of it lives in the arena. */
int incidents_list(struct store_reader *r, int64_t since_us, struct arena *arena,
                   struct incident_case **ret, size_t *ret_n, struct err *reterr);

/* Works out its times. When trouble began is in the events of its alerts' objectives, as
 * `cfg` declares them now; of one that is not there any more, or whose events are deleted,
 * nothing is known. `x` NULL: nothing is excluded. */
int incidents_time(struct store_reader *r, const struct config *cfg, const struct excluding *x,
                   struct incident_case *c, struct err *reterr);

/* Whether it is about the objective: by name, by service, or by one of its alerts. */
bool incidents_concern(const struct incident *in, const struct slo_def *slo);

/* What the times of n of them come to: to detect, or with `restore` to restore. */
struct incident_mean incidents_mean(const struct incident_case *list, size_t n, bool restore);
