#include "nines/diag.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 2048

static void item_release(struct diag_item *item)
{
    union {
        const char *text;
        char *copy;
    } file = {item->pos.file}; /* ours: add() made it */
    free(file.copy);
    free(item->text);
}

/* A place for one more: a warning gives way to an error, as a load that fails
 * must show why. NULL when there is none. */
static struct diag_item *place(struct diag *d, bool warning)
{
    if (d->n < DIAG_MAX) {
        if (d->n == d->cap) {
            d->cap = d->cap ? d->cap * 2 : 8;
            d->items = mem_resize(d->items, d->cap, sizeof(*d->items));
        }
        return &d->items[d->n++];
    }
    d->dropped++;
    for (size_t i = d->n; !warning && i-- > 0;) {
        if (d->items[i].warning) {
            item_release(&d->items[i]);
            return &d->items[i];
        }
    }
    return NULL;
}

static void add(struct diag *d, bool warning, struct pos pos, const char *fmt, va_list ap)
{
    if (warning)
        d->warnings++;
    else
        d->errors++;
    struct diag_item *item = place(d, warning);
    if (!item)
        return;
    char text[TEXT_MAX];
    vsnprintf(text, sizeof(text), fmt, ap);
    /* The diag outlives the snapshot that it rejects, so the name is copied. */
    pos.file = mem_strdup(pos.file);
    *item = (struct diag_item){.warning = warning, .pos = pos, .text = mem_strdup(text)};
}

void diag_error(struct diag *d, struct pos pos, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add(d, false, pos, fmt, ap);
    va_end(ap);
}

void diag_warning(struct diag *d, struct pos pos, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add(d, true, pos, fmt, ap);
    va_end(ap);
}

static int compare(const struct diag_item *a, const struct diag_item *b)
{
    int files = strcmp(a->pos.file ? a->pos.file : "", b->pos.file ? b->pos.file : "");
    if (files)
        return files;
    if (a->pos.line != b->pos.line)
        return a->pos.line < b->pos.line ? -1 : 1;
    return (a->pos.column > b->pos.column) - (a->pos.column < b->pos.column);
}

/* Whether one of the first n says the same of the same place. */
static bool is_repeated(const struct diag *d, size_t n, const struct diag_item *item)
{
    for (size_t i = n; i-- > 0 && compare(&d->items[i], item) == 0;)
        if (d->items[i].warning == item->warning && strcmp(d->items[i].text, item->text) == 0)
            return true;
    return false;
}

/* Something that several definitions refer to is found faulty once for each. */
static void drop_repeated(struct diag *d)
{
    size_t kept = 0;
    for (size_t i = 0; i < d->n; i++) {
        struct diag_item *item = &d->items[i];
        if (is_repeated(d, kept, item)) {
            *(item->warning ? &d->warnings : &d->errors) -= 1;
            item_release(item);
            continue;
        }
        d->items[kept++] = *item;
    }
    d->n = kept;
}

void diag_sort(struct diag *d)
{
    /* Insertion: stable, and there are DIAG_MAX at most. */
    for (size_t i = 1; i < d->n; i++) {
        struct diag_item item = d->items[i];
        size_t at = i;
        for (; at > 0 && compare(&d->items[at - 1], &item) > 0; at--)
            d->items[at] = d->items[at - 1];
        d->items[at] = item;
    }
    drop_repeated(d);
}

void diag_release(struct diag *d)
{
    for (size_t i = 0; i < d->n; i++)
        item_release(&d->items[i]);
    free(d->items);
    *d = (struct diag){0};
}
