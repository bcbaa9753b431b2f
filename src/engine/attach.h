/*
 * What a snapshot's SLOs need from the store before they may alert: the
 * schedules of their probes, the history of their SLIs and the alert state of
 * an earlier process; and what targets said then that they run. Read off the loop
 * thread, merged on it:
 *
 *     struct attach *a = attach_new(evaluator, config);   loop thread
 *     attach_read(a, database);                           any thread
 *     attach_merge(a, evaluator); attach_free(a);         loop thread
 *
 * Everything pushed to the store before attach_new() must be committed before
 * attach_read(): store_flush().
 */
#pragma once

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct attach;
struct conditions;
struct config;
struct evaluator;
struct gone; /* gone.h */
struct versions;

struct attach *attach_new(const struct evaluator *e, struct config *cfg);
/* Also what the targets said they run, of all probes that may say so and are not
 * known yet; told by attach_versions(). */
void attach_want_versions(struct attach *a, const struct versions *known);
/* Also what conditions go on from; told by attach_conditions(). They have this snapshot. */
void attach_want_conditions(struct attach *a, struct conditions *c, const struct evaluator *e);
/* 0, or -1 with the error kept inside for attach_error(). */
int attach_read(struct attach *a, const char *database);
const char *attach_error(const struct attach *a);

/* What was read: SLIs and, of all of them together, the steps with events that
 * their windows were put together from; and the alerts that go on. */
struct attach_totals {
    size_t slis, alerts;
    int64_t hours, minutes, tens, events;
    int64_t took_us;
};
struct attach_totals attach_totals(const struct attach *a);

void attach_merge(const struct attach *a, struct evaluator *e);
/* What ends alerts that no objective has any more; NULL: nothing was read. */
const struct gone *attach_gone(const struct attach *a);
void attach_versions(const struct attach *a, struct versions *v);
void attach_conditions(const struct attach *a, struct conditions *c);
void attach_free(struct attach *a);
