#include "engine/due.h"

#include "engine/scheduler.h"

int64_t due_us(const struct due *d)
{
    return d->at.len ? d->at.at[0]->next_us : INT64_MAX;
}

struct scheduled *due_first(const struct due *d)
{
    return d->at.at[0];
}

static void put(struct due *d, size_t i, struct scheduled *p)
{
    d->at.at[i] = p;
    p->heap_at = i;
}

static void sift(struct due *d, size_t i)
{
    struct scheduled *p = d->at.at[i];
    while (i > 0 && d->at.at[(i - 1) / 2]->next_us > p->next_us) {
        put(d, i, d->at.at[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    for (;;) {
        size_t c = 2 * i + 1;
        if (c >= d->at.len)
            break;
        if (c + 1 < d->at.len && d->at.at[c + 1]->next_us < d->at.at[c]->next_us)
            c++;
        if (d->at.at[c]->next_us >= p->next_us)
            break;
        put(d, i, d->at.at[c]);
        i = c;
    }
    put(d, i, p);
}

void due_add(struct due *d, struct scheduled *p)
{
    vec_push(&d->at, p);
    put(d, d->at.len - 1, p);
    sift(d, d->at.len - 1);
}

void due_moved(struct due *d, struct scheduled *p)
{
    sift(d, p->heap_at);
}

void due_remove(struct due *d, struct scheduled *p)
{
    size_t i = p->heap_at;
    struct scheduled *last = d->at.at[--d->at.len];
    if (last == p)
        return;
    put(d, i, last);
    sift(d, i);
}

void due_clear(struct due *d)
{
    vec_clear(&d->at);
}

void due_release(struct due *d)
{
    vec_release(&d->at);
}
