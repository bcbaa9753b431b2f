/* What the parts of `nines incident` share. */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "cli/cli.h"
#include "engine/incidents.h"

struct config;
struct store_reader;

/* Those that are stored, all of them, with their times if they are `wanted` (NULL: all are).
 * They live in the arena. */
struct incident_choice {
    bool open;              /* only open ones */
    int64_t from_us, to_us; /* only those that were going on in [from, to); to 0: no end */
    int64_t id;             /* only this one; 0: any */
};
int incident_choose(struct config *cfg, struct store_reader *r,
                    const struct incident_choice *choice, struct arena *arena,
                    struct incident_case **ret, size_t *ret_n, struct err *reterr);

/* A number as an argument; -1, or an exit code once told. */
int incident_number(const struct command *self, const char *text, int64_t *ret);

int incident_list(int argc, char **argv);
int incident_show(int argc, char **argv);
