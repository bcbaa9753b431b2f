/*
 * Log lines on stderr: JSON objects (`ts level msg caller` and fields), or
 * human lines when stderr is a terminal. Thread-safe; one write(2) per line.
 * A line that nobody reads in time is lost and counted, so a stuck reader cannot
 * stop the caller. Only ranks 5 and up log; lower layers return errors. Secrets
 * never get here.
 *
 *     log_warn("reload failed", "file", path, "error", err.msg, NULL);
 *
 * Fields are pairs of (const char *key, const char *value) ended by NULL. A
 * key that ends in '#' carries a number: the value is written unquoted and the
 * '#' is dropped. A NULL value is written as null.
 */
#pragma once

#include <stdbool.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_AUTO, LOG_JSON, LOG_TEXT };

void log_setup(enum log_level min, enum log_format format, bool color);
void log_event(enum log_level level, const char *caller, const char *msg, ...)
    __attribute__((sentinel));

#define log_debug(...) log_event(LOG_DEBUG, __func__, __VA_ARGS__)
#define log_info(...) log_event(LOG_INFO, __func__, __VA_ARGS__)
#define log_warn(...) log_event(LOG_WARN, __func__, __VA_ARGS__)
#define log_error(...) log_event(LOG_ERROR, __func__, __VA_ARGS__)
