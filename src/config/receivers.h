/*
 * Receivers and their integrations: src/config/receivers.c.
 */
#pragma once

#include "config/build.h"

/* Fields of a receiver: made of the table of kinds. */
struct receiver_tables {
    const struct kind_names *names;
    const struct field *own, *outside; /* in a Daemon document, in an alertmanager.yml */
};
const struct receiver_tables *receivers_tables(struct arena *a, const struct config_tables *tables);

/* What an integration of a kind is configured to be: `n` decoded, in c's arena; complete only
 * if there were no errors. `global` may be NULL. */
const struct notifier_spec *receiver_spec(struct decode *c, const struct notifier_kind *kind,
                                          const struct node *n, const struct node *global);
