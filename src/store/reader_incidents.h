/* Incidents as the writer reads them. Lists live in the arena. */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "nines/incident.h"

struct sqlite;

/* Open ones and those closed at or after `closed_us`, by rising id; without alerts and notes. */
int incident_read_current(struct sqlite *db, int64_t closed_us, struct arena *arena,
                          struct incident **ret, size_t *ret_n, struct err *reterr);
/* One that is there, in the same way. */
int incident_read_about(struct sqlite *db, int64_t id, struct arena *arena, struct incident *ret,
                        struct err *reterr);
