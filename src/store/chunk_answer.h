/*
 * The columns of a chunk that hold its answers, in the order in which they are stored. A
 * time is what it is over the one before it, so that most are small. Exact for every
 * struct answer. Pure.
 */
#pragma once

#include "nines/answer.h"

#include <stdbool.h>
#include <stdint.h>

#define ANSWER_COLUMNS 13

/* Of column c < ANSWER_COLUMNS. */
int64_t chunk_answer_get(const struct answer *a, int c);
/* The columns before it are set. False: the value does not fit its field. */
bool chunk_answer_set(struct answer *a, int c, int64_t v);
