/*
 * What goes over the wire for a notification.
 */
#pragma once

#include "base/str.h"
#include "nines/notifier.h"

#define BODY_MAX (256 << 10)

/* The payload on one line; one that is not yet recorded gets a member
 * "unrecorded": true in front. -1 (out.overflow) when it is too long. */
int body_write(const struct notification *n, struct str *out);
