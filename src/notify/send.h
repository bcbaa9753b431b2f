/*
 * One delivery of a message to an integration, of whatever kind. Services that HTTP reaches
 * get the request that build() makes; redirects are not followed, so what is secret goes
 * nowhere else, and what the answer means judge() says. Other kinds send by themselves.
 *
 * What was asked and answered goes to env->show, line by line: "> " what was sent, "< " what
 * came back, "* " what there is to know about it.
 */
#pragma once

#include "nines/notifier.h"

#define SEND_SHOWN_MAX (16 << 10) /* bytes of an answer; of a request all is shown */

/* As notifier_kind.send: NULL when `done` was called from inside. `env`, `def` and `n` stay
 * valid until done or send_cancel(). */
void *send_begin(struct notifier_env *env, const struct integration_def *def,
                 const struct notification *n, notifier_done_fn done, void *ctx);
void send_cancel(const struct integration_def *def, void *delivery);
