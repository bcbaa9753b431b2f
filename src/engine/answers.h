/*
 * What is promised of agents' answers, held against what the whole configuration knows
 * of their probes.
 */
#pragma once

#include "nines/config.h"

/* config_tables.finish, behind spending_finish(): a bound on a cost that nobody knows is an
 * error, and so are more tokens than are asked for. Objectives on a cost get its currency. */
void answers_finish(const struct config *cfg, struct decode *c);
