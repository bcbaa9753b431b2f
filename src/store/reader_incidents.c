#include "store/reader_incidents.h"

#include "base/str.h"
#include "base/vec.h"
#include "io/sqlite.h"
#include "nines/incident.h"
#include "store/reader.h"

#include <assert.h>
#include <string.h>

#define INCIDENT_SELECT                                                                            \
    "SELECT id, title, severity, opened, opened_by, closed, closed_by, began, detected, restored"  \
    " FROM incident"

static struct incident read_row(struct sqlite_rows *q, struct arena *a)
{
    return (struct incident){
        .id = sqlite_int(q, 0),
        .title = arena_strdup(a, sqlite_text(q, 1)),
        .severity = (enum severity)sqlite_int(q, 2),
        .opened_us = sqlite_int(q, 3),
        .opened_by = arena_strdup(a, sqlite_text(q, 4)),
        .closed_us = sqlite_int(q, 5),
        .closed_by = arena_strdup(a, sqlite_text(q, 6)),
        .began_us = sqlite_int(q, 7),
        .detected_us = sqlite_int(q, 8),
        .restored_us = sqlite_int(q, 9),
    };
}

static int read_rows(struct sqlite_rows *q, struct arena *a, struct incident **ret, size_t *ret_n,
                     struct err *reterr)
{
    VEC(struct incident) rows = {0};
    int rc = q ? 0 : -1;
    while (q && (rc = sqlite_next(q, reterr)) > 0)
        vec_push(&rows, read_row(q, a));
    if (rc == 0) {
        *ret = arena_alloc(a, (rows.len + 1) * sizeof(**ret));
        if (rows.len)
            memcpy(*ret, rows.at, rows.len * sizeof(**ret));
        *ret_n = rows.len;
    }
    vec_release(&rows);
    return rc;
}

/* ---- what belongs to one -------------------------------------------------------------- */

static int read_names(struct sqlite *db, int64_t id, const char *kind, struct arena *a,
                      struct string_list *ret, struct err *reterr)
{
    VEC(const char *) names = {0};
    struct sqlite_rows *q = sqlite_query(
        db, "SELECT name FROM incident_about WHERE incident = ?1 AND kind = ?2 ORDER BY name",
        BIND(v_int(id), v_text(kind)), reterr);
    int rc = q ? 0 : -1;
    while (q && (rc = sqlite_next(q, reterr)) > 0)
        vec_push(&names, arena_strdup(a, sqlite_text(q, 0)));
    if (rc == 0) {
        ret->at = arena_alloc(a, (names.len + 1) * sizeof(*ret->at));
        if (names.len)
            memcpy(ret->at, names.at, names.len * sizeof(*ret->at));
        ret->n = names.len;
    }
    vec_release(&names);
    return rc;
}

static int read_about(struct sqlite *db, struct arena *a, struct incident *in, struct err *reterr)
{
    if (read_names(db, in->id, "slo", a, &in->slos, reterr) < 0)
        return -1;
    return read_names(db, in->id, "service", a, &in->services, reterr);
}

static struct incident_alert read_alert(struct sqlite_rows *q, struct arena *a)
{
    return (struct incident_alert){
        .condition = arena_strdup(a, sqlite_text(q, 0)),
        .slo = arena_strdup(a, sqlite_text(q, 1)),
        .objective_name = arena_strdup(a, sqlite_text(q, 2)),
        .service = arena_strdup(a, sqlite_text(q, 3)),
        .severity = (enum severity)sqlite_int(q, 4),
        .since_us = sqlite_int(q, 5),
        .fired_us = sqlite_int(q, 6),
        .long_us = sqlite_int(q, 7),
        .short_us = sqlite_int(q, 8),
        .told_us = sqlite_int(q, 9),
        .cleared_us = sqlite_int(q, 10),
        .resolved_us = sqlite_int(q, 11),
    };
}

static int read_alerts(struct sqlite *db, struct arena *a, struct incident *in, struct err *reterr)
{
    VEC(struct incident_alert) alerts = {0};
    struct sqlite_rows *q =
        sqlite_query(db,
                     "SELECT condition, slo, objective, service, severity, since, fired,"
                     " long_window, short_window, told, cleared, resolved FROM incident_alert"
                     " WHERE incident = ?1 ORDER BY fired, id",
                     BIND(v_int(in->id)), reterr);
    int rc = q ? 0 : -1;
    while (q && (rc = sqlite_next(q, reterr)) > 0)
        vec_push(&alerts, read_alert(q, a));
    if (rc == 0) {
        in->alerts = arena_alloc(a, (alerts.len + 1) * sizeof(*in->alerts));
        if (alerts.len)
            memcpy(in->alerts, alerts.at, alerts.len * sizeof(*in->alerts));
        in->alert_count = alerts.len;
    }
    vec_release(&alerts);
    return rc;
}

static int read_notes(struct sqlite *db, struct arena *a, struct incident *in, struct err *reterr)
{
    VEC(struct incident_note) notes = {0};
    struct sqlite_rows *q = sqlite_query(
        db, "SELECT at, author, text FROM incident_note WHERE incident = ?1 ORDER BY at, id",
        BIND(v_int(in->id)), reterr);
    int rc = q ? 0 : -1;
    while (q && (rc = sqlite_next(q, reterr)) > 0) {
        struct incident_note n = {sqlite_int(q, 0), arena_strdup(a, sqlite_text(q, 1)),
                                  arena_strdup(a, sqlite_text(q, 2))};
        vec_push(&notes, n);
    }
    if (rc == 0) {
        in->notes = arena_alloc(a, (notes.len + 1) * sizeof(*in->notes));
        if (notes.len)
            memcpy(in->notes, notes.at, notes.len * sizeof(*in->notes));
        in->note_count = notes.len;
    }
    vec_release(&notes);
    return rc;
}

/* ---- the writer's questions -------------------------------------------------------------- */

int incident_read_current(struct sqlite *db, int64_t closed_us, struct arena *arena,
                          struct incident **ret, size_t *ret_n, struct err *reterr)
{
    struct sqlite_rows *q =
        sqlite_query(db, INCIDENT_SELECT " WHERE closed = 0 OR closed >= ?1 ORDER BY id",
                     BIND(v_int(closed_us)), reterr);
    if (read_rows(q, arena, ret, ret_n, reterr) < 0)
        return -1;
    for (size_t i = 0; i < *ret_n; i++)
        if (read_about(db, arena, &(*ret)[i], reterr) < 0)
            return -1;
    return 0;
}

int incident_read_about(struct sqlite *db, int64_t id, struct arena *arena, struct incident *ret,
                        struct err *reterr)
{
    struct incident *one;
    size_t n;
    struct sqlite_rows *q =
        sqlite_query(db, INCIDENT_SELECT " WHERE id = ?1", BIND(v_int(id)), reterr);
    if (read_rows(q, arena, &one, &n, reterr) < 0)
        return -1;
    assert(n == 1);
    *ret = one[0];
    return read_about(db, arena, ret, reterr);
}

/* ---- everybody's ------------------------------------------------------------------------- */

static int read_all(struct store_reader *r, struct arena *arena, struct incident *list, size_t n,
                    struct err *reterr)
{
    for (size_t i = 0; i < n; i++)
        if (read_about(r->db, arena, &list[i], reterr) < 0 ||
            read_alerts(r->db, arena, &list[i], reterr) < 0 ||
            read_notes(r->db, arena, &list[i], reterr) < 0)
            return -1;
    return 0;
}

int store_reader_incidents(struct store_reader *r, int64_t since_us, struct arena *arena,
                           struct incident **ret, size_t *ret_n, struct err *reterr)
{
    if (reader_begin(r, reterr) < 0)
        return -1;
    struct sqlite_rows *q =
        sqlite_query(r->db, INCIDENT_SELECT " WHERE closed = 0 OR closed >= ?1 ORDER BY id",
                     BIND(v_int(since_us)), reterr);
    int rc = read_rows(q, arena, ret, ret_n, reterr);
    if (rc == 0)
        rc = read_all(r, arena, *ret, *ret_n, reterr);
    return reader_end(r, rc);
}

int store_reader_incident_of(struct store_reader *r, const struct alert_transition *t, int64_t *ret,
                             struct err *reterr)
{
    if (reader_begin(r, reterr) < 0)
        return -1;
    struct sqlite_rows *q =
        sqlite_query(r->db,
                     "SELECT coalesce(max(incident), 0) FROM incident_alert"
                     " WHERE condition = ?1 AND slo = ?2 AND objective = ?3 AND since = ?4",
                     BIND(v_text(t->condition ? t->condition : ""), v_text(t->slo),
                          v_text(t->objective_name), v_int(t->since_us)),
                     reterr);
    int rc = q ? 0 : -1;
    while (q && (rc = sqlite_next(q, reterr)) > 0)
        *ret = sqlite_int(q, 0);
    return reader_end(r, rc);
}
