/*
 * A hash table from text to pointers (uthash).
 *
 *     struct table t = {0};
 *     table_set(&t, probe->id, probe);
 *     struct probe *p = table_get(&t, "api");
 *     table_release(&t);
 *
 * Keys are borrowed: they must live, unchanged, as long as their entry does.
 */
#pragma once

#include <stddef.h>

struct table_entry;

struct table {
    struct table_entry *head;
};

void *table_get(const struct table *t, const char *key); /* NULL: not there */
/* Replaces what was there, key included; `value` is not NULL. */
void table_set(struct table *t, const char *key, void *value);
void table_remove(struct table *t, const char *key); /* no effect if not there */
size_t table_count(const struct table *t);
void table_release(struct table *t); /* empty again, of use again */
