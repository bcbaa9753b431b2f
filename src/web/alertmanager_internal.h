/* Alertmanager's API from within: what its files share. */
#pragma once

#include "alert/inhibit.h"
#include "base/arena.h"
#include "base/str.h"
#include "engine/silencing.h"
#include "nines/config.h"
#include "nines/matcher.h"
#include "nines/route.h"

#include <stdbool.h>
#include <stdint.h>

/* What the query says; texts are its own, for the thread of the job. */
struct am_query {
    char filter[4096]; /* matchers in lines */
    char receiver[512];
    bool without_active, without_silenced, without_inhibited;
};

/* One look at all there is. */
struct am_view {
    struct arena arena;
    struct silencing known;
    const struct config *config;
    const struct routing_def *routing;
    const struct string_map **firing; /* the labels of known.alerts */
    int64_t now_us;
    const struct am_query *query;
    struct matchers filter, receiver;
};

/* Append JSON documents. */
void am_put_alerts(struct am_view *v, struct str *out);
void am_put_groups(struct am_view *v, struct str *out);
