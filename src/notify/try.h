/*
 * One message, sent by itself on the caller's thread: `nines alerts test`.
 */
#pragma once

#include "base/err.h"
#include "nines/notifier.h"

struct config;
struct message;

/* Tells `show` what is asked and answered, secrets replaced by "[secret]"; returns when it is
 * over. Nothing is kept. 0: delivered, and `detail` says how; -1: it was not, and why. */
#define NOTIFY_DETAIL_MAX 1024
int notify_try(const struct config *config, const struct integration_def *def,
               const struct message *m, const char *dedup_key, notifier_show_fn show, void *ctx,
               char detail[static NOTIFY_DETAIL_MAX], struct err *reterr);
