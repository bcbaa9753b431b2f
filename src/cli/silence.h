/* nines silence: what its files share. */
#pragma once

#include "base/err.h"
#include "cli/cli.h"
#include "engine/silencing.h"

struct config;

/* What is stored; a database that is not there holds nothing. The caller releases it. */
int silence_read(const struct config *cfg, struct silencing *ret, struct err *reterr);

int silence_list(int argc, char **argv);
