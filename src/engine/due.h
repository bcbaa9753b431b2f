/*
 * Probes by when they are due next: a binary min-heap whose entries know their
 * place (scheduled.heap_at).
 */
#pragma once

#include "base/vec.h"

#include <stdint.h>

struct scheduled;

struct due {
    VEC(struct scheduled *) at;
};

int64_t due_us(const struct due *d); /* of the first; INT64_MAX: none */
struct scheduled *due_first(const struct due *d);

void due_add(struct due *d, struct scheduled *p);
void due_moved(struct due *d, struct scheduled *p); /* its next_us has changed */
void due_remove(struct due *d, struct scheduled *p);
void due_clear(struct due *d);
void due_release(struct due *d);
