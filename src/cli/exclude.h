/* nines exclude: what its files share. */
#pragma once

#include "base/err.h"
#include "cli/cli.h"

#include <stdint.h>

struct config;
struct excluding;
struct store_reader;

/* What is declared and stored, in force. A database that is not there holds none; *ret_r
 * is NULL then. Both are the caller's. */
int exclude_read(struct config *cfg, struct excluding **ret, struct store_reader **ret_r,
                 struct err *reterr);

int64_t exclude_now_us(void);

int exclude_list(int argc, char **argv);
