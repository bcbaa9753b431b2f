/*
 * The receiver kinds of this folder, for the table in src/engine/kinds.c.
 */
#pragma once

#include "nines/notifier.h"

extern const struct notifier_kind notifier_log;     /* one JSON line to a stream or file */
extern const struct notifier_kind notifier_webhook; /* HTTP POST of the JSON payload */
