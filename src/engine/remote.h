/*
 * Requests to the daemon that holds the database, over its control socket. Blocks:
 * not for the loop thread.
 *
 *     struct remote *r;
 *     if (remote_open("nines.db.sock", &r, reterr) < 0) return -1;
 *     rc = remote_post(r, "/v1/edit", text, n, &status, &reply, reterr);
 *     remote_close(r);
 */
#pragma once

#include "base/err.h"

#include <stddef.h>

struct json_t;
struct remote;

int remote_open(const char *socket_path, struct remote **ret, struct err *reterr);
void remote_close(struct remote *r);

/* `path` with its query. *ret is the answer, NULL if that is no JSON; json_decref() it. */
int remote_post(struct remote *r, const char *path, const char *body, size_t n, int *ret_status,
                struct json_t **ret, struct err *reterr);
