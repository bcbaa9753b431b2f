/*
 * Loading from memory, for tests and fuzzing: config_load() finds the files.
 */
#pragma once

#include "nines/config.h"

#include <stddef.h>

/* One file called `name` that holds `text`; its Daemon document, if it has
 * one, is decoded but its folders are not looked at. Otherwise as
 * config_load(). */
int config_load_text(const char *name, const char *text, size_t len,
                     const struct config_tables *tables, struct config **ret, struct diag *diag);
/* The same of the file that `alertmanager` names, with no Daemon document. */
int config_load_alertmanager_text(const char *name, const char *text, size_t len,
                                  const struct config_tables *tables, struct config **ret,
                                  struct diag *diag);
