/* What the dispatcher begins with, and what became of messages. */
#include "alert/dispatch.h"
#include "base/mem.h"
#include "base/vec.h"
#include "io/sqlite.h"
#include "store/outbox.h"
#include "store/reader.h"

#include <string.h>

/* What a vector holds, in the arena. */
static void *in_arena(struct arena *a, const void *at, size_t n, size_t size)
{
    void *to = arena_alloc(a, (n + 1) * size);
    if (n)
        memcpy(to, at, n * size);
    return to;
}

static int read_alerts(struct store_reader *r, struct arena *a, struct dispatch_past *ret,
                       struct err *reterr)
{
    VEC(struct told_alert) rows = {0};
    struct sqlite_rows *q =
        sqlite_query(r->db, "SELECT fingerprint, at, alert FROM notify_alert ORDER BY fingerprint",
                     NULL, reterr);
    int rc = q ? 0 : -1;
    while (q && (rc = sqlite_next(q, reterr)) > 0)
        vec_push(&rows, ((struct told_alert){.fingerprint = arena_strdup(a, sqlite_text(q, 0)),
                                             .at_us = sqlite_int(q, 1),
                                             .alert = arena_strdup(a, sqlite_text(q, 2))}));
    ret->alerts = in_arena(a, rows.at, rows.len, sizeof(*rows.at));
    ret->alert_count = rows.len;
    vec_release(&rows);
    return rc;
}

static int read_groups(struct store_reader *r, struct arena *a, struct dispatch_past *ret,
                       struct err *reterr)
{
    VEC(struct dispatch_group) rows = {0};
    struct sqlite_rows *q = sqlite_query(r->db,
                                         "SELECT group_key, receiver, began, next, flushed"
                                         " FROM notify_group ORDER BY group_key, receiver",
                                         NULL, reterr);
    int rc = q ? 0 : -1;
    while (q && (rc = sqlite_next(q, reterr)) > 0)
        vec_push(&rows, ((struct dispatch_group){.group_key = arena_strdup(a, sqlite_text(q, 0)),
                                                 .receiver = arena_strdup(a, sqlite_text(q, 1)),
                                                 .began_us = sqlite_int(q, 2),
                                                 .next_us = sqlite_int(q, 3),
                                                 .flushed_us = sqlite_int(q, 4)}));
    ret->groups = in_arena(a, rows.at, rows.len, sizeof(*rows.at));
    ret->group_count = rows.len;
    vec_release(&rows);
    return rc;
}

static bool read_set(struct sqlite_rows *q, int column, struct arena *a, struct notified_set *ret)
{
    size_t n;
    const void *at = sqlite_blob(q, column, &n);
    return outbox_unpack_set(at, n, a, ret);
}

static int read_log(struct store_reader *r, struct arena *a, struct dispatch_past *ret,
                    struct err *reterr)
{
    VEC(struct notified) rows = {0};
    struct sqlite_rows *q =
        sqlite_query(r->db,
                     "SELECT group_key, receiver, integration, told, firing, resolved"
                     " FROM notify_log ORDER BY group_key, receiver, integration",
                     NULL, reterr);
    int rc = q ? 0 : -1;
    while (q && (rc = sqlite_next(q, reterr)) > 0) {
        struct notified t = {.told_us = sqlite_int(q, 3)};
        if (!read_set(q, 4, a, &t.firing) || !read_set(q, 5, a, &t.resolved))
            continue; /* damaged: it is told anew */
        t.group_key = arena_strdup(a, sqlite_text(q, 0));
        t.receiver = arena_strdup(a, sqlite_text(q, 1));
        t.integration = arena_strdup(a, sqlite_text(q, 2));
        vec_push(&rows, t);
    }
    ret->told = in_arena(a, rows.at, rows.len, sizeof(*rows.at));
    ret->told_count = rows.len;
    vec_release(&rows);
    return rc;
}

int store_reader_dispatch(struct store_reader *r, struct arena *arena, struct dispatch_past *ret,
                          struct err *reterr)
{
    struct dispatch_past past = {0};
    if (reader_begin(r, reterr) < 0)
        return -1;
    int rc = read_alerts(r, arena, &past, reterr);
    if (rc == 0)
        rc = read_groups(r, arena, &past, reterr);
    if (rc == 0)
        rc = read_log(r, arena, &past, reterr);
    if (rc == 0)
        *ret = past;
    return reader_end(r, rc);
}

int store_reader_outbox(struct store_reader *r, int64_t from_us, int64_t to_us, store_outbox_fn fn,
                        void *ctx, struct err *reterr)
{
    if (reader_begin(r, reterr) < 0)
        return -1;
    struct sqlite_rows *q =
        sqlite_query(r->db,
                     "SELECT id, created, retry_at, done, attempts, receiver, integration,"
                     " group_key, dedup_key, payload, detail FROM outbox"
                     " WHERE created >= ?1 AND created < ?2 ORDER BY created DESC, id DESC",
                     BIND(v_int(from_us), v_int(to_us)), reterr);
    int rc = q ? 0 : -1;
    while (q && (rc = sqlite_next(q, reterr)) > 0) {
        struct outbox_row row = {
            .id = sqlite_int(q, 0),
            .created_us = sqlite_int(q, 1),
            .retry_at_us = sqlite_int(q, 2),
            .state = (enum outbox_state)sqlite_int(q, 3),
            .attempts = (int)sqlite_int(q, 4),
            .receiver = sqlite_text(q, 5),
            .integration = sqlite_text(q, 6),
            .group_key = sqlite_text(q, 7),
            .dedup_key = sqlite_text(q, 8),
            .payload = sqlite_text(q, 9),
            .detail = sqlite_text(q, 10),
        };
        if (!fn(ctx, &row)) {
            rc = 0;
            break;
        }
    }
    sqlite_end(q);
    return reader_end(r, rc);
}
