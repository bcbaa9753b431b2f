/*
 * What asking agents may cost, in the daemon: the ledger (model/spend.h) under the
 * `prices` and caps of the snapshot in force, and what an earlier process spent.
 */
#pragma once

#include "base/err.h"
#include "nines/config.h"
#include "nines/probe.h"

#include <stdint.h>

struct spend;

struct agent_spec;

/* NULL: it is of another kind. */
const struct agent_spec *spending_agent(const struct probe_def *def);

/*
 * config_tables.finish: gives agents' probes the prices of their models. A cap in money on
 * what has no price is an error, and so is a cap that no run would be sent under; a model
 * without a price where others have one is warned of.
 */
void spending_finish(const struct config *cfg, const struct node *daemon, struct decode *c);

/*
 * An error, `what` and why nobody knows what the probe costs; a warning where prices cannot
 * be known because the file that holds them is not read (config.partial).
 */
void spending_tell_unpriced(const struct config *cfg, const struct agent_spec *spec,
                            struct decode *c, struct pos pos, const char *what);

/* A snapshot comes into force: its caps do, and probes that were renamed keep their
 * accounts. Once the scheduler has it, so that no run settles on a name that is gone. */
void spending_set_config(struct spend *s, const struct config *cfg);

/* The parts of a picture that are about spending. */
struct status;
void spending_draw(struct spend *s, struct status *into);

/* Of one probe, as a ledger that begins now_us would take it over: what is stored of the
 * hour and the day, runs that did not tell at what one may come to. */
struct store_reader;
int spending_read(struct store_reader *r, const struct config *cfg, const char *id, int64_t now_us,
                  struct spend_caps *ret, struct err *reterr);

/*
 * What is stored of the hour and the day of now_us counts as spent, of probes that are
 * gone as well. A run that did not tell counts as what one may come to. Once, before any
 * run of this process, when what is put before is committed.
 */
int spending_restore(struct spend *s, const struct config *cfg, const char *database,
                     int64_t now_us, struct err *reterr);
