/*
 * Pages go out once they are committed. Until then they are kept here as well:
 * when nothing can be committed for 30 s, whether the disk says so or just
 * hangs, they go out from memory, and the failure is a page of its own.
 */
#include "engine/daemon_internal.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "engine/message.h"
#include "nines/notifier.h"

#include <inttypes.h>

#define PATIENCE_US (30 * USEC_PER_SEC)

struct unrecorded {
    struct unrecorded *next;
    int64_t kept_ns;
    char *receiver, *dedup_key, *payload;
};

void daemon_keep_page(struct daemon *d, const char *receiver, const char *key, const char *payload)
{
    struct unrecorded *u = mem_alloc(sizeof(*u));
    u->kept_ns = clock_mono_ns();
    u->receiver = mem_strdup(receiver);
    u->dedup_key = mem_strdup(key);
    u->payload = mem_strdup(payload);
    pthread_mutex_lock(&d->gate);
    *d->unrecorded_tail = u;
    d->unrecorded_tail = &u->next;
    pthread_mutex_unlock(&d->gate);
}

static void drop(struct daemon *d, struct unrecorded **at)
{
    struct unrecorded *u = *at;
    *at = u->next;
    if (d->unrecorded_tail == &u->next)
        d->unrecorded_tail = at;
    free(u->receiver);
    free(u->dedup_key);
    free(u->payload);
    free(u);
}

void daemon_pages_recorded(struct daemon *d, const struct outbox_item *items, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct unrecorded **at = &d->unrecorded;
        while (*at && !(str_eq((*at)->dedup_key, items[i].dedup_key) &&
                        str_eq((*at)->receiver, items[i].receiver)))
            at = &(*at)->next;
        if (*at)
            drop(d, at);
    }
}

void daemon_free_pages(struct daemon *d)
{
    while (d->unrecorded)
        drop(d, &d->unrecorded);
}

/* Sends what was kept at or before `until_ns`. */
static void send_until(struct daemon *d, int64_t until_ns)
{
    pthread_mutex_lock(&d->gate);
    for (struct unrecorded *u; (u = d->unrecorded) && u->kept_ns <= until_ns;) {
        notify_push_unrecorded(d->notify, u->receiver, u->dedup_key, u->payload);
        drop(d, &d->unrecorded);
    }
    pthread_mutex_unlock(&d->gate);
}

void daemon_send_pages(struct daemon *d)
{
    send_until(d, INT64_MAX);
}

/* ---- the failure itself ---------------------------------------------------- */

static void page_storage(struct daemon *d, int64_t since_us, int64_t now_us, bool over)
{
    char key[64], error[sizeof(d->store_error)];
    pthread_mutex_lock(&d->gate);
    str_copy(error, sizeof(error), d->store_error);
    pthread_mutex_unlock(&d->gate);
    snprintf(key, sizeof(key), "nines/storage/%" PRId64 "/%s", since_us, over ? "resolve" : "fire");
    mem_auto char *payload = message_storage(since_us, now_us, over ? NULL : error);
    for (size_t i = 0; i < d->config->receiver_count; i++)
        notify_push_unrecorded(d->notify, d->config->receivers[i]->name, key, payload);
}

void daemon_check_pages(struct daemon *d, int64_t now_us)
{
    int64_t failing_us = atomic_load(&d->store_failing_since_us);
    bool cannot = failing_us && now_us - failing_us >= PATIENCE_US;
    send_until(d, cannot ? INT64_MAX : clock_mono_ns() - PATIENCE_US * NSEC_PER_USEC);
    if (cannot && !d->storage_page_us) {
        d->storage_page_us = failing_us;
        page_storage(d, failing_us, now_us, false);
    } else if (!failing_us && d->storage_page_us) {
        page_storage(d, d->storage_page_us, now_us, true);
        d->storage_page_us = 0;
    }
}
