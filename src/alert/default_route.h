/*
 * Where alerts go while the configuration has no `route`: every receiver (but the one of
 * the watchdog, which is told by that alone) gets every alert, one at a time and at once;
 * it is told again each 10 s what is new, and each 4 h what still fires. Pure.
 */
#pragma once

#include "base/arena.h"
#include "nines/config.h"
#include "nines/route.h"

/* Lives in the arena; texts are those of the configuration. Without receivers it is the
 * root alone, of the receiver "", whom nobody answers to. */
const struct routing_def *default_route(const struct config *config, struct arena *arena);
