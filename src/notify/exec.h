/*
 * `exec_configs`, of ours: a program of the user's, which gets the message as JSON (the
 * format of Alertmanager's webhook) on its standard input. Its arguments are a fixed list,
 * run without a shell, and nothing of an alert is ever among them. Its environment is
 * PATH, LANG, what `env` says, NINES_STATUS (firing, resolved), NINES_RECEIVER,
 * NINES_DEDUP_KEY and, of a message that could not be stored, NINES_UNRECORDED=true. How it
 * runs: io/command.h.
 */
#pragma once

#include "base/arena.h"
#include "base/str.h"
#include "io/command.h"
#include "nines/config.h"
#include "nines/message.h"
#include "notify/kinds.h"
#include "notify/verdict.h"

struct exec_spec {
    struct notifier_spec base;
    struct string_list command; /* its first is an absolute path */
    struct secret_map env;
    int64_t timeout_us;
};

/* The run that a message becomes: texts live in the arena, the input in `input`
 * (initialised here; the caller releases). -1: never to be run. */
int exec_build(const struct exec_spec *spec, const struct notification *n, struct arena *arena,
               struct str *input, struct command_request *ret, struct err *reterr);

/* 0 is delivered; 64 to 78 of sysexits.h, but 75 (try later), are refused for good;
 * everything else is tried again. */
void exec_judge(const struct command_result *r, struct verdict *ret);
