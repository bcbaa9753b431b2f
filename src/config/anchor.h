/* When the periods of a calendar window begin: "2026-01-31", "2026-01-31 06:00:00" or
 * "2026-01-31T06:00:00", from 1970 to 9999, on the wall clock of no zone yet. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* *ret_s: struct window_def.anchor_s. False: it is none, or no such day. */
bool anchor_parse(const char *text, int64_t *ret_s);
