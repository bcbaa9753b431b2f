/*
 * The targets that SLOs had before, read with the history of their SLIs: a part of
 * engine/attach.h, with the same threads.
 */
#pragma once

#include "base/vec.h"
#include "engine/evaluate.h"

struct attach_target_list {
    struct wanted_targets of; /* holds a reference to what is excluded; its key is owned */
    char *key;
    struct slo_target *at;
    struct past_head *heads;
    size_t n; /* 0: its own target always held, as far as is known */
};

struct attach_targets {
    VEC(struct attach_target_list) list;
};

void attach_targets_want(struct attach_targets *a, const struct evaluator *e);
int attach_targets_read(struct attach_targets *a, struct store_reader *r, struct err *reterr);
/* Behind the merge of the SLIs. */
void attach_targets_merge(const struct attach_targets *a, struct evaluator *e);
void attach_targets_release(struct attach_targets *a);
