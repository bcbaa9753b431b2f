/*
 * A small configuration and a status picture of it, made by hand.
 */
#pragma once

#include "engine/status.h"

struct config *fixture_config(void); /* two probes, two SLOs; free with fixture_config_free() */
void fixture_config_free(struct config *c);

/* A picture in which all is well, as if built just now. */
struct status *fixture_status(struct config *c);
