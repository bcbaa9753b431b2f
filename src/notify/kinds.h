/*
 * The kinds of this folder, for the table in src/engine/kinds.c. docs/receivers.md is the
 * manual.
 */
#pragma once

#include "nines/notifier.h"

extern const struct notifier_kind notifier_alertmanager, notifier_discord, notifier_email,
    notifier_exec, notifier_log, notifier_msteams, notifier_msteamsv2, notifier_ntfy,
    notifier_opsgenie, notifier_pagerduty, notifier_slack, notifier_telegram, notifier_webhook;
