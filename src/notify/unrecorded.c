#include "notify/unrecorded.h"

#include "base/mem.h"
#include "base/str.h"
#include "notify/lane.h"

#include <string.h>

void unrecorded_init(struct unrecorded *u)
{
    *u = (struct unrecorded){.tail = &u->head};
}

void unrecorded_release(struct unrecorded *u)
{
    for (struct item *it; (it = unrecorded_take(u, INT64_MAX));)
        item_free(it);
    mem_free(&u->sent);
}

void unrecorded_add(struct unrecorded *u, const struct outbox_new *m, int64_t mono_us)
{
    struct item *it = mem_alloc(sizeof(*it));
    *it = (struct item){.created_us = m->created_us,
                        .due_us = mono_us,
                        .unrecorded = true,
                        .receiver = mem_strdup(m->receiver),
                        .integration = mem_strdup(m->integration),
                        .group_key = mem_strdup(m->group_key),
                        .dedup_key = mem_strdup(m->dedup_key),
                        .payload = mem_strdup(m->payload)};
    *u->tail = it;
    u->tail = &it->next;
    u->waiting++;
}

static struct item *unlink_at(struct unrecorded *u, struct item **at)
{
    struct item *it = *at;
    *at = it->next;
    if (u->tail == &it->next)
        u->tail = at;
    u->waiting--;
    it->next = NULL;
    return it;
}

/* Rows are committed in the order they were made, so it is the first one as a rule. */
bool unrecorded_committed(struct unrecorded *u, const struct item *recorded)
{
    struct item **at = &u->head;
    while (*at && !(str_eq((*at)->dedup_key, recorded->dedup_key) &&
                    str_eq((*at)->receiver, recorded->receiver) &&
                    str_eq((*at)->integration, recorded->integration)))
        at = &(*at)->next;
    if (!*at)
        return false;
    item_free(unlink_at(u, at));
    return true;
}

struct item *unrecorded_take(struct unrecorded *u, int64_t mono_us)
{
    return u->head && u->head->due_us <= mono_us ? unlink_at(u, &u->head) : NULL;
}

int64_t unrecorded_oldest_us(const struct unrecorded *u)
{
    return u->head ? u->head->due_us : INT64_MAX;
}

/* ---- delivered ones ---------------------------------------------------------------------- */

static uint64_t name_of(const struct item *it)
{
    uint64_t parts[3] = {str_hash(it->receiver, strlen(it->receiver)),
                         str_hash(it->integration, strlen(it->integration)),
                         str_hash(it->dedup_key, strlen(it->dedup_key))};
    return str_hash(parts, sizeof(parts));
}

void unrecorded_sent(struct unrecorded *u, const struct item *it)
{
    if (!u->sent)
        u->sent = mem_array(UNRECORDED_SENT_MAX, sizeof(*u->sent));
    u->sent[u->sent_count++ % UNRECORDED_SENT_MAX] = name_of(it);
}

bool unrecorded_was_sent(const struct unrecorded *u, const struct item *it)
{
    size_t n = u->sent_count < UNRECORDED_SENT_MAX ? u->sent_count : UNRECORDED_SENT_MAX;
    uint64_t name = name_of(it);
    for (size_t i = 0; i < n; i++)
        if (u->sent[i] == name)
            return true;
    return false;
}
