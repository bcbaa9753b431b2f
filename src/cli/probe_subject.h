/*
 * What `nines probe` runs: a probe of the configuration, or one made of a URL
 * and options.
 */
#pragma once

#include "base/arena.h"
#include "base/str.h"
#include "cli/cli.h"
#include "nines/config.h"
#include "nines/probe.h"

#include <stdbool.h>
#include <stdint.h>

struct probe_options {
    struct cli_common common;
    const char *kind, *method, *body, *expect_status, *bearer_env;
    struct option_list headers, header_envs;
    int64_t timeout_us; /* 0: 10 s, of an agent 60 s, or the probe's own */
    bool insecure, follow, verbose;
    /* of --kind agent */
    const char *protocol, *model, *system, *prompt, *max_tokens, *tool, *arguments;
    struct option_list read;
    bool no_stream;
};

struct probe_subject {
    const char *id; /* NULL for a URL */
    struct probe_def def;
    struct config *config; /* ID */
    struct arena arena;    /* URL: its spec and text */
    struct str dns_servers;
};

void probe_subject_init(struct probe_subject *s);
void probe_subject_release(struct probe_subject *s); /* also after a failure */

/* `target` has "://" in it, or it is an ID. -1, or the exit code after telling
 * what is wrong. */
int probe_subject_open(const struct command *self, struct probe_subject *s,
                       const struct probe_options *o, const char *target);
