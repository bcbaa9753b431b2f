/*
 * Tells a local outage from a target's: when a target cannot be reached, are
 * there others that can (`self_check` in nines.yaml)?
 *
 * One check at a time, at most one begins in a second; whoever asks meanwhile
 * waits for the one under way, or for the next. Targets are tried one after the
 * other, each a little later than the one before or when that has failed: the
 * first that answers ends the check, and as a rule it is the only one that is
 * asked. http and https targets answer by any status, tcp ones by a connection.
 *
 * Lives on the loop thread.
 */
#pragma once

#include "nines/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_client;
struct uv_loop_s;
struct selfcheck;
struct selfcheck_wait;

#define SELFCHECK_TARGETS_MAX 16

/* `up`: some target answered. Else `detail` says why the last one did not; it
 * lives during the call. */
typedef void (*selfcheck_fn)(void *ctx, bool up, const char *detail);

/* `now_us`: engine time, by which checks are spaced. The client must outlive it. */
struct selfcheck *selfcheck_new(struct uv_loop_s *loop, struct http_client *http,
                                int64_t (*now_us)(void *ctx), void *ctx);
/* Nobody may wait any more. Its memory goes once the loop has turned. */
void selfcheck_close(struct selfcheck *c); /* NULL is fine */

/* The targets from now on; a check under way goes on with those it began with. */
void selfcheck_set(struct selfcheck *c, const struct self_check_config *config);

/* `fn` comes exactly once, never from inside this function, unless cancelled. It
 * may ask again. NULL: there are no targets. */
struct selfcheck_wait *selfcheck_ask(struct selfcheck *c, selfcheck_fn fn, void *ctx);
void selfcheck_cancel(struct selfcheck_wait *w);

/* For config_tables.finish: what is wrong with the targets. */
void selfcheck_finish(const struct config *cfg, const struct node *daemon, struct decode *c);
