/*
 * The CA bundles in use, each loaded once on the worker pool and refreshed in
 * the background: a connection never waits for a file on the loop thread.
 */
#pragma once

#include "base/err.h"

struct uv_loop_s;
struct cert_store;
struct trust;

enum trust_state { TRUST_READY, TRUST_LOADING, TRUST_FAILED };

#define TRUST_MAX 256 /* bundles in use at a time */

/* `changed` is called when something that was loading is not any more. */
struct trust *trust_new(struct uv_loop_s *loop, void (*changed)(void *ctx), void *ctx);
void trust_close(struct trust *t, void (*closed)(void *ctx), void *ctx);

/* The store of a bundle; NULL is the system's. READY sets *ret (not a
 * reference: good until the next turn of the loop), FAILED sets the error. */
enum trust_state trust_get(struct trust *t, const char *path, struct cert_store **ret,
                           struct err *reterr);
