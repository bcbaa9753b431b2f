/* An observation lives only while it is told: a copy for whoever makes one of several. */
#pragma once

#include "nines/probe.h"

struct arena;

/* With all that it points to, in the arena. */
struct observation observation_copy(struct arena *a, const struct observation *o);
