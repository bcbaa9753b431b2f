/*
 * Kinds of probes and receivers that exist only here, so that what is tested
 * is the loader.
 */
#pragma once

#include "nines/config.h"

/* Counts what the loader opened and gave back. */
struct fake_counts {
    int prepared, released, zones_opened, zones_freed, finished, hours_made, hours_freed;
};

struct fake_spec {
    const char *url, *ca;
    int64_t retries, limit;
    struct decimal_box {
        int64_t n;
        int scale;
    } share;
    int ip;
    bool reuse;
    struct string_list tags;
    struct secret_map headers;
    struct secret token;
    struct fake_expect {
        int64_t status, faster_than_us;
    } expect;
};

extern const struct config_tables fake_tables;

/* Since the last call. */
struct fake_counts fake_take_counts(void);

struct notifier_spec;
/* What the kind `log` was given. */
const char *fake_log_path(const struct notifier_spec *spec);
