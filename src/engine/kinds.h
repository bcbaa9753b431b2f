/*
 * The extension tables: every probe kind and every receiver kind, with the
 * hooks that the configuration loader needs from its sibling layers.
 */
#pragma once

#include "nines/config.h"

const struct config_tables *engine_config_tables(void);
