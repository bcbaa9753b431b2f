/*
 * URLs, by curl's own parser, so that what is checked is what is connected to.
 * Only http and https. Results never carry a user or password.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>

#define URL_MAX 8192

/* Whether a person's URL is complete and one of ours: scheme http or https, a
 * host in ASCII, no port 0, no user or password (they belong under `auth`). */
int url_check(const char *url, struct err *reterr);

/* Where a Location header leads from `base`: absolute, without user, password
 * and fragment. The caller frees *ret. Errors: not a URL, not http or https,
 * over URL_MAX. */
int url_resolve(const char *base, const char *location, char **ret, struct err *reterr);

/* Whether scheme, host and port are the same; both valid URLs. */
bool url_same_origin(const char *a, const char *b);
/* The host of a valid URL as it is looked up, without brackets; the caller frees
 * it. */
char *url_host(const char *url);
/* "host:port" that a valid URL connects to, in lower case; the caller frees it. */
char *url_peer(const char *url);
bool url_is_https(const char *url);
