/*
 * Keeps secrets out of what is shown and stored: servers echo them.
 */
#pragma once

#include "base/arena.h"

#include <stddef.h>

/* Overwrites each occurrence of `secret` in the n bytes of `text` with '*',
 * also where the text was cut in its middle. Secrets under 4 bytes are left:
 * they would blank out half of every page. NULL is fine. */
void redact(char *text, size_t n, const char *secret);

/* The same with the values of URL parameters whose names say that they are
 * secret (token, api_key, signature and the like), whatever the values are. */
void redact_query(char *text, size_t n);

/* The values of such parameters in a URL, as written and decoded, for redact().
 * They live in the arena. */
#define REDACT_QUERY_MAX 32
size_t redact_query_values(struct arena *a, const char *url,
                           const char *ret[static REDACT_QUERY_MAX]);
