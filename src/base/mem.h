/*
 * Allocation that cannot fail: out of memory prints one line and aborts, as a
 * long-running program that limps on with half an object is worse than one
 * that a supervisor restarts. All sizes driven by input are checked against a
 * stated maximum before they get here.
 */
#pragma once

#include <stddef.h>

void *mem_alloc(size_t size);           /* zeroed; never NULL */
void *mem_array(size_t n, size_t size); /* zeroed; overflow-checked */
void *mem_resize(void *p, size_t n, size_t size);
char *mem_strdup(const char *s); /* NULL gives NULL */
char *mem_strndup(const char *s, size_t n);
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Frees and clears a pointer variable: mem_free(&s->name). NULL is fine. */
#define mem_free(pp)                                                                               \
    do {                                                                                           \
        free((void *)*(pp));                                                                       \
        *(pp) = NULL;                                                                              \
    } while (0)

/* Scope-bound cleanup: `mem_auto char *s = mem_strdup("x");` */
void mem_cleanup(void *pp);
#define mem_auto __attribute__((cleanup(mem_cleanup)))

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#define countof(a) (sizeof(a) / sizeof((a)[0]))
