#include "base/arena.h"

#include "base/mem.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Blocks double from the first to the largest: there are thousands of arenas
 * with a name or two in them. */
#define FIRST_SIZE 256
#define BLOCK_SIZE 8192

struct arena_block {
    struct arena_block *next;
    size_t used, size;
    max_align_t data[];
};

struct arena_hook {
    struct arena_hook *next;
    void (*fn)(void *ptr);
    void *ptr;
};

static struct arena_block *new_block(size_t size)
{
    assert(size <= SIZE_MAX - sizeof(struct arena_block));
    struct arena_block *b = mem_alloc(sizeof(*b) + size);
    b->size = size;
    return b;
}

static size_t next_size(const struct arena *a)
{
    if (!a->head)
        return FIRST_SIZE;
    return a->head->size < BLOCK_SIZE / 2 ? 2 * a->head->size : BLOCK_SIZE;
}

void *arena_alloc(struct arena *a, size_t size)
{
    const size_t align = _Alignof(max_align_t);
    assert(size <= SIZE_MAX / 2);
    size = (size + align - 1) / align * align;

    /* What does not fit into a quarter of a block gets its own, behind the
     * head, so that the head's free space stays in use. */
    if (size > BLOCK_SIZE / 4 && a->head) {
        struct arena_block *own = new_block(size);
        own->used = size;
        own->next = a->head->next;
        a->head->next = own;
        return own->data;
    }
    if (!a->head || a->head->size - a->head->used < size) {
        size_t next = next_size(a);
        struct arena_block *b = new_block(size > next ? size : next);
        b->next = a->head;
        a->head = b;
    }
    void *p = (char *)a->head->data + a->head->used;
    a->head->used += size;
    return p;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
    size_t len = strnlen(s, n);
    char *copy = arena_alloc(a, len + 1);
    memcpy(copy, s, len);
    return copy;
}

char *arena_strdup(struct arena *a, const char *s)
{
    return s ? arena_strndup(a, s, strlen(s)) : NULL;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    char first[256]; /* most texts fit, and are formatted once */
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(first, sizeof(first), fmt, ap);
    va_end(ap);
    assert(n >= 0);
    char *s = arena_alloc(a, (size_t)n + 1);
    if ((size_t)n < sizeof(first))
        memcpy(s, first, (size_t)n);
    else
        vsnprintf(s, (size_t)n + 1, fmt, again);
    va_end(again);
    return s;
}

void arena_on_release(struct arena *a, void (*fn)(void *ptr), void *ptr)
{
    struct arena_hook *hook = arena_alloc(a, sizeof(*hook));
    *hook = (struct arena_hook){a->hooks, fn, ptr};
    a->hooks = hook;
}

static void run_hooks(struct arena *a)
{
    for (struct arena_hook *hook = a->hooks; hook; hook = hook->next)
        hook->fn(hook->ptr);
    a->hooks = NULL;
}

void arena_release(struct arena *a)
{
    run_hooks(a);
    while (a->head) {
        struct arena_block *next = a->head->next;
        free(a->head);
        a->head = next;
    }
}

void arena_reset(struct arena *a)
{
    struct arena_block *kept = NULL;
    run_hooks(a);
    while (a->head) {
        struct arena_block *b = a->head, *gone = b;
        a->head = b->next;
        if (b->size <= BLOCK_SIZE && (!kept || b->size > kept->size)) {
            gone = kept;
            kept = b;
        }
        free(gone);
    }
    if (!kept)
        return;
    memset(kept->data, 0, kept->used);
    kept->used = 0;
    kept->next = NULL;
    a->head = kept;
}
