/*
 * A SQLite connection with cached statements and our error form. Only src/io
 * and src/store see it. MEMSTATUS is off: sqlite_global_init() before use.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sqlite3;
struct sqlite3_stmt;

void sqlite_global_init(void); /* idempotent; before any thread */
