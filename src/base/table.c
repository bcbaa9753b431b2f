#include "base/table.h"

#include "base/mem.h"
#include "base/str.h"

#include <assert.h>
#include <string.h>
#define uthash_malloc(n) mem_alloc(n)
#define uthash_free(p, n) free(p)
/* Its own falls through cases in a way that not every compiler lets pass. */
#define HASH_FUNCTION(key, len, hash) ((hash) = (unsigned)str_hash(key, len))
#include <uthash.h>

struct table_entry {
    const char *key;
    void *value;
    UT_hash_handle hh;
};

static struct table_entry *find(const struct table *t, const char *key)
{
    struct table_entry *e;
    HASH_FIND_STR(t->head, key, e);
    return e;
}

void *table_get(const struct table *t, const char *key)
{
    const struct table_entry *e = find(t, key);
    return e ? e->value : NULL;
}

void table_set(struct table *t, const char *key, void *value)
{
    assert(value);
    table_remove(t, key);
    struct table_entry *e = mem_alloc(sizeof(*e));
    e->key = key;
    e->value = value;
    HASH_ADD_KEYPTR(hh, t->head, e->key, strlen(e->key), e);
}

void table_remove(struct table *t, const char *key)
{
    struct table_entry *e = find(t, key);
    if (!e)
        return;
    HASH_DEL(t->head, e);
    free(e);
}

size_t table_count(const struct table *t)
{
    return HASH_COUNT(t->head);
}

void table_release(struct table *t)
{
    struct table_entry *e, *next;
    HASH_ITER(hh, t->head, e, next)
    {
        HASH_DEL(t->head, e);
        free(e);
    }
}
