/*
 * Memory that is freed together: a configuration snapshot, a parsed document.
 * Allocation never fails; everything dies with arena_release(). Zeroed.
 */
#pragma once

#include <stddef.h>

struct arena_block;
struct arena_hook;

struct arena {
    struct arena_block *head;
    struct arena_hook *hooks;
};

void *arena_alloc(struct arena *a, size_t size);
char *arena_strdup(struct arena *a, const char *s); /* NULL gives NULL */
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Calls fn(ptr) when the arena is released or reset, while its memory is still
 * there, in reverse order: for what a piece of it owns outside of it. */
void arena_on_release(struct arena *a, void (*fn)(void *ptr), void *ptr);
void arena_release(struct arena *a);
/* The same, but keeps one block for what comes next. */
void arena_reset(struct arena *a);
