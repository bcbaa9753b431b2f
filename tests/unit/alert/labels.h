/* Labels and matchers as a test writes them. */
#pragma once

#include "../cmocka_all.h"

#include "base/mem.h"
#include "model/matcher.h"

/* "a=x b=y" */
static inline struct string_map labels_of(struct arena *a, const char *text)
{
    struct string_map map = {.at = arena_alloc(a, 32 * sizeof(*map.at))};
    while (*text) {
        size_t n = strcspn(text, " "), key = strcspn(text, "=");
        map.at[map.n++] = (struct pair){.key = arena_strndup(a, text, key),
                                        .value = arena_strndup(a, text + key + 1, n - key - 1)};
        text += n + (text[n] == ' ');
    }
    return map;
}

static inline void release_list(void *list)
{
    matchers_release(list);
}

/* Released with the arena; `into` lives as long. */
static inline void matchers_of(struct arena *a, struct matchers *into, const char *text)
{
    struct err err = {0};
    size_t at;
    arena_on_release(a, release_list, into);
    if (matchers_parse(text, a, into, &at, &err) < 0)
        fail_msg("%s: %s", text, err.msg);
}
