/* What the dispatcher wants kept, and messages from when they are made until they are
 * delivered or given up. */
#include "store/outbox.h"

#include "alert/dispatch.h"
#include "base/mem.h"
#include "base/vec.h"
#include "io/sqlite.h"
#include "store/internal.h"
#include "store/records.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- pushing ------------------------------------------------------------------------ */

/* A copy, charged to the queue: messages may be large. */
static const char *keep_text(struct record *r, const char *text)
{
    r->bytes += strlen(text) + 1;
    return arena_strdup(&r->arena, text);
}

static void *keep(struct record *r, const void *from, size_t n)
{
    void *to = arena_alloc(&r->arena, n);
    memcpy(to, from, n);
    r->bytes += n;
    return to;
}

static const struct told_alert *keep_alert(struct record *r, const struct told_alert *from)
{
    struct told_alert *a = keep(r, from, sizeof(*from));
    a->fingerprint = keep_text(r, from->fingerprint);
    a->alert = from->alert ? keep_text(r, from->alert) : NULL;
    return a;
}

static const struct dispatch_group *keep_group(struct record *r, const struct dispatch_group *from)
{
    struct dispatch_group *g = keep(r, from, sizeof(*from));
    g->group_key = keep_text(r, from->group_key);
    g->receiver = keep_text(r, from->receiver);
    return g;
}

static struct notified_set keep_set(struct record *r, const struct notified_set *from)
{
    struct notified_set set = {.n = from->n};
    if (from->n)
        set.at = keep(r, from->at, from->n * sizeof(*from->at));
    return set;
}

static const struct notified *keep_told(struct record *r, const struct notified *from)
{
    struct notified *t = keep(r, from, sizeof(*from));
    t->group_key = keep_text(r, from->group_key);
    t->receiver = keep_text(r, from->receiver);
    t->integration = keep_text(r, from->integration);
    t->firing = keep_set(r, &from->firing);
    t->resolved = keep_set(r, &from->resolved);
    return t;
}

static const struct outbox_new *keep_message(struct record *r, const struct outbox_new *from)
{
    struct outbox_new *m = keep(r, from, sizeof(*from));
    m->receiver = keep_text(r, from->receiver);
    m->integration = keep_text(r, from->integration);
    m->group_key = keep_text(r, from->group_key);
    m->dedup_key = keep_text(r, from->dedup_key);
    m->payload = keep_text(r, from->payload);
    return m;
}

static struct dispatch_row keep_row(struct record *r, const struct dispatch_row *from)
{
    struct dispatch_row row = {.kind = from->kind};
    switch (from->kind) {
    case DISPATCH_ALERT:
    case DISPATCH_ALERT_DONE:
        row.alert = keep_alert(r, from->alert);
        break;
    case DISPATCH_GROUP:
    case DISPATCH_GROUP_GONE:
        row.group = keep_group(r, from->group);
        break;
    case DISPATCH_TOLD:
        row.told = keep_told(r, from->told);
        break;
    case DISPATCH_MESSAGE:
        row.message = keep_message(r, from->message);
        break;
    }
    return row;
}

/* They come for ever, without anything having happened: what a disk that fails keeps in
 * memory are results and alerts. */
static bool may_go(const struct store *s, const struct dispatch_row *rows, size_t n)
{
    bool all = atomic_load(&s->q.used_bytes) > s->q.limit_bytes / 2;
    for (size_t i = 0; all && i < n; i++)
        all = rows[i].kind == DISPATCH_GROUP;
    return all;
}

void store_push_dispatch(struct store *s, const struct dispatch_row *rows, size_t n)
{
    if (!n || may_go(s, rows, n))
        return;
    struct record_dispatch *r = record_new(RECORD_DISPATCH, sizeof(*r), 0);
    r->rows = keep(&r->head, rows, n * sizeof(*rows));
    r->n = n;
    for (size_t i = 0; i < n; i++) {
        r->rows[i] = keep_row(&r->head, &rows[i]);
        r->messages |= rows[i].kind == DISPATCH_MESSAGE;
    }
    queue_push(&s->q, &r->head, r->messages);
}

void store_push_delivery(struct store *s, int64_t outbox_id, enum outbox_state state,
                         const char *detail, int64_t retry_at_us)
{
    struct record_delivery *r = record_new(RECORD_DELIVERY, sizeof(*r), 0);
    r->outbox_id = outbox_id;
    r->state = state;
    r->detail = detail ? keep_text(&r->head, detail) : NULL;
    r->retry_at_us = state == OUTBOX_PENDING ? retry_at_us : 0;
    queue_push(&s->q, &r->head, false);
}

void store_push_outbox_retry(struct store *s, int64_t outbox_id)
{
    struct record_delivery *r = record_new(RECORD_OUTBOX_RETRY, sizeof(*r), 0);
    r->outbox_id = outbox_id;
    queue_push(&s->q, &r->head, false);
}

void store_push_outbox_more(struct store *s, const char *receiver, const char *integration,
                            int64_t from_id)
{
    struct record_more *r = record_new(RECORD_OUTBOX_MORE, sizeof(*r), 0);
    r->receiver = keep_text(&r->head, receiver);
    r->integration = keep_text(&r->head, integration);
    r->from_id = from_id;
    queue_push(&s->q, &r->head, false);
}

/* ---- messages ------------------------------------------------------------------------ */

#define ITEM_COLUMNS                                                                               \
    "id, created, retry_at, attempts, receiver, integration, group_key, dedup_key, payload"

static struct outbox_item read_item(struct sqlite_rows *q)
{
    return (struct outbox_item){
        .id = sqlite_int(q, 0),
        .created_us = sqlite_int(q, 1),
        .retry_at_us = sqlite_int(q, 2),
        .attempts = (int)sqlite_int(q, 3),
        .receiver = mem_strdup(sqlite_text(q, 4)),
        .integration = mem_strdup(sqlite_text(q, 5)),
        .group_key = mem_strdup(sqlite_text(q, 6)),
        .dedup_key = mem_strdup(sqlite_text(q, 7)),
        .payload = mem_strdup(sqlite_text(q, 8)),
    };
}

void outbox_item_release(struct outbox_item *item)
{
    mem_free(&item->receiver);
    mem_free(&item->integration);
    mem_free(&item->group_key);
    mem_free(&item->dedup_key);
    mem_free(&item->payload);
}

/* One more than is wanted is read, which tells whether there is one. */
static void link_up(struct store *s, size_t first)
{
    for (size_t i = first; i + 1 < s->outbox.len; i++)
        s->outbox.at[i].next_id = s->outbox.at[i + 1].id;
    if (s->outbox.len - first > OUTBOX_MORE)
        outbox_item_release(&s->outbox.at[--s->outbox.len]);
    if (s->outbox.len > first)
        s->outbox.at[s->outbox.len - 1].last = true;
}

int record_outbox_more(struct store *s, const struct record_more *r, struct err *reterr)
{
    size_t first = s->outbox.len;
    struct sqlite_rows *q =
        sqlite_query(s->db,
                     "SELECT " ITEM_COLUMNS " FROM outbox WHERE done = 0 AND id >= ?1"
                     " AND receiver = ?2 AND integration = ?3 ORDER BY id LIMIT ?4",
                     BIND(v_int(r->from_id), v_text(r->receiver), v_text(r->integration),
                          v_int(OUTBOX_MORE + 1)),
                     reterr);
    int rc = q ? 0 : -1;
    while (q && (rc = sqlite_next(q, reterr)) > 0) {
        struct outbox_item item = read_item(q);
        item.again = true;
        vec_push(&s->outbox, item);
    }
    if (rc == 0 && s->outbox.len == first) /* whoever asked waits for an answer */
        vec_push(&s->outbox, ((struct outbox_item){.again = true,
                                                   .receiver = mem_strdup(r->receiver),
                                                   .integration = mem_strdup(r->integration)}));
    link_up(s, first);
    return rc;
}

int outbox_load(struct store *s, struct err *reterr)
{
    struct arena arena = {0};
    VEC(struct record_more) all = {0};
    struct sqlite_rows *q = sqlite_query(
        s->db, "SELECT DISTINCT receiver, integration FROM outbox WHERE done = 0 ORDER BY id", NULL,
        reterr);
    int rc = q ? 0 : -1;
    while (q && (rc = sqlite_next(q, reterr)) > 0)
        vec_push(&all,
                 ((struct record_more){.receiver = arena_strdup(&arena, sqlite_text(q, 0)),
                                       .integration = arena_strdup(&arena, sqlite_text(q, 1))}));
    for (size_t i = 0; rc == 0 && i < all.len; i++)
        rc = record_outbox_more(s, &all.at[i], reterr);
    vec_release(&all);
    arena_release(&arena);
    return rc;
}

static int insert_message(struct store *s, const struct outbox_new *m, struct err *reterr)
{
    if (sqlite_run(s->db,
                   "INSERT INTO outbox(event, created, receiver, integration, group_key, dedup_key,"
                   " payload) VALUES(0, ?1, ?2, ?3, ?4, ?5, ?6)",
                   BIND(v_int(m->created_us), v_text(m->receiver), v_text(m->integration),
                        v_text(m->group_key), v_text(m->dedup_key), v_text(m->payload)),
                   reterr) < 0)
        return -1;
    struct outbox_item item = {
        .id = sqlite_last_id(s->db),
        .created_us = m->created_us,
        .receiver = mem_strdup(m->receiver),
        .integration = mem_strdup(m->integration),
        .group_key = mem_strdup(m->group_key),
        .dedup_key = mem_strdup(m->dedup_key),
        .payload = mem_strdup(m->payload),
    };
    vec_push(&s->outbox, item);
    return 0;
}

int record_delivery(struct store *s, const struct record_delivery *r, struct err *reterr)
{
    return sqlite_run(
        s->db,
        "UPDATE outbox SET done = ?2, attempts = attempts + 1, retry_at = ?3,"
        " detail = ?4 WHERE id = ?1",
        BIND(v_int(r->outbox_id), v_int(r->state), v_int(r->retry_at_us), v_text(r->detail)),
        reterr);
}

/* What was given up goes to the list of what this transaction hands over. */
static int find_dead(struct store *s, int64_t id, struct err *reterr)
{
    struct sqlite_rows *q =
        sqlite_query(s->db,
                     "SELECT " ITEM_COLUMNS " FROM outbox WHERE done = 2 AND integration <> ''"
                     " AND (?1 = 0 OR id = ?1) ORDER BY id LIMIT ?2",
                     BIND(v_int(id), v_int(OUTBOX_RETRY_MAX)), reterr);
    int rc = q ? 0 : -1;
    while (q && (rc = sqlite_next(q, reterr)) > 0) {
        struct outbox_item item = read_item(q);
        item.retry_at_us = 0;
        vec_push(&s->outbox, item);
    }
    return rc;
}

int record_outbox_retry(struct store *s, const struct record_delivery *r, struct err *reterr)
{
    size_t first = s->outbox.len;
    int rc = find_dead(s, r->outbox_id, reterr);
    for (size_t i = first; rc == 0 && i < s->outbox.len; i++)
        rc = sqlite_run(s->db, "UPDATE outbox SET done = 0, retry_at = 0 WHERE id = ?1",
                        BIND(v_int(s->outbox.at[i].id)), reterr);
    return rc;
}

/* ---- the dispatcher's rows ------------------------------------------------------------- */

static int put_alert(struct store *s, const struct told_alert *a, struct err *reterr)
{
    return sqlite_run(
        s->db, "INSERT OR REPLACE INTO notify_alert(fingerprint, at, alert) VALUES(?1, ?2, ?3)",
        BIND(v_text(a->fingerprint), v_int(a->at_us), v_text(a->alert)), reterr);
}

static int put_group(struct store *s, const struct dispatch_group *g, struct err *reterr)
{
    return sqlite_run(s->db,
                      "INSERT OR REPLACE INTO notify_group(group_key, receiver, began, next,"
                      " flushed) VALUES(?1, ?2, ?3, ?4, ?5)",
                      BIND(v_text(g->group_key), v_text(g->receiver), v_int(g->began_us),
                           v_int(g->next_us), v_int(g->flushed_us)),
                      reterr);
}

static int drop_group(struct store *s, const struct dispatch_group *g, struct err *reterr)
{
    if (sqlite_run(s->db, "DELETE FROM notify_group WHERE group_key = ?1 AND receiver = ?2",
                   BIND(v_text(g->group_key), v_text(g->receiver)), reterr) < 0)
        return -1;
    return sqlite_run(s->db, "DELETE FROM notify_log WHERE group_key = ?1 AND receiver = ?2",
                      BIND(v_text(g->group_key), v_text(g->receiver)), reterr);
}

static int put_told(struct store *s, const struct notified *t, struct err *reterr)
{
    size_t n[2];
    unsigned char *firing = outbox_pack_set(&t->firing, &n[0]);
    unsigned char *resolved = outbox_pack_set(&t->resolved, &n[1]);
    int rc = sqlite_run(s->db,
                        "INSERT OR REPLACE INTO notify_log(group_key, receiver, integration, told,"
                        " firing, resolved) VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
                        BIND(v_text(t->group_key), v_text(t->receiver), v_text(t->integration),
                             v_int(t->told_us), v_blob(firing, n[0]), v_blob(resolved, n[1])),
                        reterr);
    free(firing);
    free(resolved);
    return rc;
}

static int apply_row(struct store *s, const struct dispatch_row *row, struct err *reterr)
{
    switch (row->kind) {
    case DISPATCH_ALERT:
        return put_alert(s, row->alert, reterr);
    case DISPATCH_ALERT_DONE:
        return sqlite_run(s->db, "DELETE FROM notify_alert WHERE fingerprint = ?1",
                          BIND(v_text(row->alert->fingerprint)), reterr);
    case DISPATCH_GROUP:
        return put_group(s, row->group, reterr);
    case DISPATCH_GROUP_GONE:
        return drop_group(s, row->group, reterr);
    case DISPATCH_TOLD:
        return put_told(s, row->told, reterr);
    case DISPATCH_MESSAGE:
        return insert_message(s, row->message, reterr);
    }
    assert(!"a row of the dispatcher");
    return -1;
}

int record_dispatch(struct store *s, const struct record_dispatch *r, struct err *reterr)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < r->n; i++)
        rc = apply_row(s, &r->rows[i], reterr);
    return rc;
}
