/*
 * What `nines replay` reads beside the database, and what it writes.
 */
#pragma once

#include "base/arena.h"
#include "base/str.h"
#include "engine/replay.h"
#include "engine/replay_score.h"
#include "nines/diag.h"
#include "report/term.h"

/*
 * Declared incidents, {from, to, name}: one object a line (NDJSON), or a YAML list.
 * 0, or -1 with errors in `diag`. The list and its texts, which `diag` may point at,
 * live in `arena`.
 */
int incidents_read(const char *path, struct arena *arena, struct score_incident **ret,
                   size_t *ret_n, struct diag *diag);

/* The same of those that are stored, as far as they went on in [from, to): from when they began
 * (or were opened, if that is not known) until they were over. */
#define INCIDENTS_STORED "stored" /* instead of a file's name */
int incidents_stored(struct config *cfg, int64_t from_us, int64_t to_us, struct arena *arena,
                     struct score_incident **ret, size_t *ret_n, struct err *reterr);

/* One transition, a line. */
void replay_put_json(struct str *out, const struct alert_transition *t);
void replay_put_text(struct term *t, const struct alert_transition *tr);

/* What they come to: an object on a line, or a few lines and a table. */
struct replay_summary {
    const struct score *score;
    const struct replay_totals *totals;
    const struct score_incident *incidents;
    size_t incident_count;
    bool declared; /* there is a file of incidents */
};
void replay_sum_json(struct str *out, const struct replay_summary *s);
void replay_sum_text(struct term *t, const struct replay_summary *s);
