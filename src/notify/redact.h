/*
 * Texts for people, without the secrets of an integration: each is shown as "[secret]",
 * as it is, as JSON and addresses escape it, and in a login as Basic authentication has
 * it. Of an address that is a secret the host is shown, and nothing behind it.
 */
#pragma once

#include "base/arena.h"
#include "base/str.h"
#include "nines/notifier.h"

#include <stddef.h>

#define REDACT_MAX 256

struct redact {
    struct arena arena;
    size_t n;
    struct {
        const char *text;
        size_t n;
    } at[REDACT_MAX];
};

/* All that the integration's fields hold as secrets. `def` outlives it. */
void redact_init(struct redact *r, const struct integration_def *def);
void redact_release(struct redact *r);

/* Appends the text. */
void redact_add(const struct redact *r, const char *text, size_t n, struct str *out);

/* The same as lines for somebody to look at, each after `prefix`; what a terminal could
 * take for a command becomes '.'. At most `max` bytes of the text. */
void redact_show(const struct redact *r, const struct notifier_env *env, const char *prefix,
                 const char *text, size_t n, size_t max);
