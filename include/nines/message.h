/*
 * What receivers are told: a group of alerts, in the data model of Alertmanager's
 * notifications, so that its templates and its webhook format fit. Immutable once
 * made; texts and arrays are the arena's of whoever made it.
 */
#pragma once

#include "nines/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MESSAGE_ALERTS_MAX 1000 /* beyond, they are counted in `truncated` */

struct message_alert {
    bool firing;
    struct string_map labels, annotations; /* by rising key */
    int64_t starts_us, ends_us;            /* ends_us 0: it fires */
    const char *fingerprint;               /* of the labels: 16 hexadecimal digits */
    const char *generator_url;             /* where it comes from, or "" */
};

struct message {
    const char *receiver;
    const char *group_key; /* names the group for ever: `{}/{severity="page"}:{alertname="x"}` */
    bool firing;           /* one of its alerts does */
    struct string_map group_labels, common_labels, common_annotations;
    const char *external_url;     /* of the pages of this process, or "" */
    struct message_alert *alerts; /* firing ones first, each part by starts_us */
    size_t alert_count;
    int64_t truncated; /* alerts that are not among them */
    int64_t at_us;
};
