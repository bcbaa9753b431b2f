#include "store/incidents.h"

#include "base/str.h"
#include "io/sqlite.h"
#include "nines/incident.h"
#include "slo/incidents.h"
#include "store/internal.h"
#include "store/reader_incidents.h"

#include <assert.h>

/* ---- one alert of one incident --------------------------------------------------------- */

static int add_about(struct store *s, int64_t id, const char *kind, const char *name,
                     struct err *reterr)
{
    if (!*name)
        return 0;
    return sqlite_run(s->db,
                      "INSERT OR IGNORE INTO incident_about(incident, kind, name)"
                      " VALUES(?1, ?2, ?3)",
                      BIND(v_int(id), v_text(kind), v_text(name)), reterr);
}

static int raise_severity(struct store *s, int64_t id, enum severity severity, struct err *reterr)
{
    return sqlite_run(s->db, "UPDATE incident SET severity = max(severity, ?2) WHERE id = ?1",
                      BIND(v_int(id), v_int(severity)), reterr);
}

static int add_alert(struct store *s, int64_t id, const struct alert_transition *t,
                     struct err *reterr)
{
    struct incident_alert a = incident_alert_begin(t);
    if (sqlite_run(s->db,
                   "INSERT INTO incident_alert(incident, condition, slo, objective, since,"
                   " service, severity, fired, long_window, short_window, told, cleared, resolved)"
                   " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)"
                   /* it pages again */
                   " ON CONFLICT DO UPDATE SET severity = max(severity, excluded.severity),"
                   " told = iif(told = 0, excluded.told, told), cleared = 0, resolved = 0",
                   BIND(v_int(id), v_text(a.condition), v_text(a.slo), v_text(a.objective_name),
                        v_int(a.since_us), v_text(a.service), v_int(a.severity), v_int(a.fired_us),
                        v_int(a.long_us), v_int(a.short_us), v_int(a.told_us), v_int(a.cleared_us),
                        v_int(a.resolved_us)),
                   reterr) < 0 ||
        add_about(s, id, "service", a.service, reterr) < 0)
        return -1;
    return raise_severity(s, id, a.severity, reterr);
}

/* *ret_id 0: the alert is in no incident, or it is over there, and may come to another. */
static int step_alert(struct store *s, const struct alert_transition *t, int64_t *ret_id,
                      struct err *reterr)
{
    struct incident_alert a = {0};
    int64_t num = 0;
    *ret_id = 0;
    struct sqlite_rows *q =
        sqlite_query(s->db,
                     "SELECT a.id, a.incident, a.severity, a.told, a.cleared, a.resolved, i.closed"
                     " FROM incident_alert AS a JOIN incident AS i ON i.id = a.incident"
                     " WHERE condition = ?1 AND slo = ?2 AND objective = ?3 AND since = ?4"
                     " ORDER BY a.incident DESC LIMIT 1",
                     BIND(v_text(t->condition ? t->condition : ""), v_text(t->slo),
                          v_text(t->objective_name), v_int(t->since_us)),
                     reterr);
    int rc = q ? sqlite_next(q, reterr) : -1;
    if (rc > 0) {
        num = sqlite_int(q, 0);
        *ret_id = sqlite_int(q, 1);
        a.severity = (enum severity)sqlite_int(q, 2);
        a.told_us = sqlite_int(q, 3);
        a.cleared_us = sqlite_int(q, 4);
        a.resolved_us = sqlite_int(q, 5);
        if (a.resolved_us && sqlite_int(q, 6) && incident_may_join(t))
            *ret_id = 0;
        sqlite_end(q);
    }
    if (rc < 0 || !*ret_id)
        return rc < 0 ? -1 : 0;
    incident_alert_step(&a, t);
    if (sqlite_run(s->db,
                   "UPDATE incident_alert SET severity = ?2, told = ?3, cleared = ?4, resolved = ?5"
                   " WHERE id = ?1",
                   BIND(v_int(num), v_int(a.severity), v_int(a.told_us), v_int(a.cleared_us),
                        v_int(a.resolved_us)),
                   reterr) < 0)
        return -1;
    return raise_severity(s, *ret_id, a.severity, reterr);
}

/* ---- what came before it was opened -------------------------------------------------------- */

static void read_past(struct sqlite_rows *q, struct alert_transition *t)
{
    *t = (struct alert_transition){
        .at_us = sqlite_int(q, 0),
        .condition = sqlite_text(q, 1),
        .slo = sqlite_text(q, 2),
        .objective_name = sqlite_text(q, 3),
        .service = sqlite_text(q, 4),
        .kind = (enum alert_event_kind)sqlite_int(q, 5),
        .notify = sqlite_int(q, 6) != 0,
        .severity = (enum severity)sqlite_int(q, 7),
        .since_us = sqlite_int(q, 8),
        .tier = {.long_us = sqlite_int(q, 9), .short_us = sqlite_int(q, 10)},
        .state.told = (enum severity)(sqlite_int(q, 11) > 0 ? sqlite_int(q, 11) : 0),
    };
}

/* An alert of another incident stays there. */
static int take_past(struct store *s, int64_t id, const struct alert_transition *t,
                     struct err *reterr)
{
    struct arena arena = {0};
    struct incident in;
    int64_t of;
    int rc = sqlite_lookup(
        s->db,
        "SELECT max(incident) FROM incident_alert WHERE condition = ?1 AND slo = ?2"
        " AND objective = ?3 AND since = ?4",
        BIND(v_text(t->condition), v_text(t->slo), v_text(t->objective_name), v_int(t->since_us)),
        &of, reterr);
    if (rc < 0)
        return -1;
    if (rc > 0)
        return of == id ? step_alert(s, t, &of, reterr) : 0;
    if (!incident_may_join(t))
        return 0;
    rc = incident_read_about(s->db, id, &arena, &in, reterr);
    if (rc == 0 && incident_takes(&in, t))
        rc = add_alert(s, id, t, reterr);
    arena_release(&arena);
    return rc;
}

/* Alerts that fired just before it, and were no reason to open one. */
static int collect(struct store *s, int64_t id, int64_t from_us, struct err *reterr)
{
    struct sqlite_rows *q =
        sqlite_query(s->db,
                     "SELECT at, condition, slo, objective, service, kind, notify, severity, began,"
                     " long_window, short_window, told FROM alert_event WHERE at >= ?1"
                     " ORDER BY at, id",
                     BIND(v_int(from_us)), reterr);
    int rc = q ? 0 : -1;
    while (q && (rc = sqlite_next(q, reterr)) > 0) {
        struct alert_transition t;
        read_past(q, &t);
        if (take_past(s, id, &t, reterr) < 0) {
            sqlite_end(q);
            return -1;
        }
    }
    return rc;
}

/* ---- transitions --------------------------------------------------------------------------- */

static int insert(struct store *s, const struct incident *in, int64_t *ret_id, struct err *reterr)
{
    if (sqlite_run(s->db,
                   "INSERT INTO incident(title, severity, opened, opened_by, began, detected)"
                   " VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
                   BIND(v_text(in->title), v_int(in->severity), v_int(in->opened_us),
                        v_text(in->opened_by), v_int(in->began_us), v_int(in->detected_us)),
                   reterr) < 0)
        return -1;
    *ret_id = sqlite_last_id(s->db);
    return 0;
}

static int open_one(struct store *s, const struct alert_transition *t, struct err *reterr)
{
    char title[INCIDENT_TITLE_MAX + 1];
    int64_t id;
    incident_title(t, title, sizeof(title));
    struct incident in = {
        .title = title, .severity = t->severity, .opened_us = t->at_us, .opened_by = ""};
    if (insert(s, &in, &id, reterr) < 0 || add_alert(s, id, t, reterr) < 0)
        return -1;
    return collect(s, id, t->at_us - INCIDENT_TOGETHER_US, reterr);
}

static int join_or_open(struct store *s, const struct alert_transition *t, struct err *reterr)
{
    struct arena arena = {0};
    struct incident *list;
    size_t n;
    if (incident_read_current(s->db, t->at_us - INCIDENT_REOPEN_US, &arena, &list, &n, reterr) <
        0) {
        arena_release(&arena);
        return -1;
    }
    const struct incident *in = incident_of(list, n, t);
    int64_t id = in ? in->id : 0;
    bool closed = in && in->closed_us;
    arena_release(&arena);
    if (!id)
        return incident_may_open(t) ? open_one(s, t, reterr) : 0;
    if (closed && sqlite_run(s->db, "UPDATE incident SET closed = 0 WHERE id = ?1", BIND(v_int(id)),
                             reterr) < 0)
        return -1;
    return add_alert(s, id, t, reterr);
}

/* With the last page an incident that one has opened is closed; tickets go on for hours. */
static int close_if_over(struct store *s, int64_t id, int64_t at_us, struct err *reterr)
{
    return sqlite_run(s->db,
                      "UPDATE incident SET closed = ?2 WHERE id = ?1 AND closed = 0"
                      " AND opened_by = '' AND NOT EXISTS(SELECT 1 FROM incident_alert AS a"
                      " WHERE a.incident = ?1 AND a.resolved = 0 AND a.severity = ?3)",
                      BIND(v_int(id), v_int(at_us), v_int(SEVERITY_PAGE)), reterr);
}

int incidents_take(struct store *s, const struct alert_transition *t, struct err *reterr)
{
    int64_t id;
    if (step_alert(s, t, &id, reterr) < 0)
        return -1;
    if (id)
        return close_if_over(s, id, t->at_us, reterr);
    return incident_may_join(t) ? join_or_open(s, t, reterr) : 0;
}

/* ---- by hand --------------------------------------------------------------------------------- */

static struct string_list copy_list(struct arena *a, const struct string_list *from)
{
    struct string_list to = {.n = from->n};
    to.at = arena_alloc(a, (from->n + 1) * sizeof(*to.at));
    for (size_t i = 0; i < from->n; i++)
        to.at[i] = arena_strdup(a, from->at[i]);
    return to;
}

void store_push_incident(struct store *s, const struct incident *in)
{
    struct record_incident *r = record_new(RECORD_INCIDENT, sizeof(*r), 0);
    struct arena *a = &r->head.arena;
    assert(*in->opened_by);
    r->in = (struct incident){
        .title = arena_strdup(a, in->title),
        .severity = in->severity,
        .opened_us = in->opened_us,
        .opened_by = arena_strdup(a, in->opened_by),
        .began_us = in->began_us,
        .detected_us = in->detected_us,
        .slos = copy_list(a, &in->slos),
        .services = copy_list(a, &in->services),
    };
    queue_push(&s->q, &r->head, false);
}

void store_push_incident_note(struct store *s, int64_t id, const struct incident_note *note)
{
    struct record_incident_note *r = record_new(RECORD_INCIDENT_NOTE, sizeof(*r), 0);
    r->id = id;
    r->note = (struct incident_note){note->at_us, arena_strdup(&r->head.arena, note->author),
                                     arena_strdup(&r->head.arena, note->text)};
    queue_push(&s->q, &r->head, false);
}

void store_push_close_incident(struct store *s, int64_t id, int64_t at_us, const char *by,
                               int64_t restored_us)
{
    struct record_close_incident *r = record_new(RECORD_CLOSE_INCIDENT, sizeof(*r), 0);
    assert(*by);
    r->id = id;
    r->at_us = at_us;
    r->by = arena_strdup(&r->head.arena, by);
    r->restored_us = restored_us;
    queue_push(&s->q, &r->head, false);
}

int record_incident(struct store *s, const struct record_incident *r, struct err *reterr)
{
    int64_t id;
    if (insert(s, &r->in, &id, reterr) < 0)
        return -1;
    for (size_t i = 0; i < r->in.slos.n; i++)
        if (add_about(s, id, "slo", r->in.slos.at[i], reterr) < 0)
            return -1;
    for (size_t i = 0; i < r->in.services.n; i++)
        if (add_about(s, id, "service", r->in.services.at[i], reterr) < 0)
            return -1;
    return collect(s, id, incident_start(&r->in) - INCIDENT_TOGETHER_US, reterr);
}

int record_incident_note(struct store *s, const struct record_incident_note *r, struct err *reterr)
{
    return sqlite_run(
        s->db, "INSERT INTO incident_note(incident, at, author, text) VALUES(?1, ?2, ?3, ?4)",
        BIND(v_int(r->id), v_int(r->note.at_us), v_text(r->note.author), v_text(r->note.text)),
        reterr);
}

/* What fired after it was over is none of it. One that was closed by itself is still a
 * person's to close, who knows better when it was over. */
int record_close_incident(struct store *s, const struct record_close_incident *r,
                          struct err *reterr)
{
    if (sqlite_run(s->db,
                   "DELETE FROM incident_alert WHERE incident = ?1 AND ?2 != 0 AND fired >= ?2"
                   " AND (SELECT closed = 0 OR closed_by = '' FROM incident WHERE id = ?1)",
                   BIND(v_int(r->id), v_int(r->restored_us)), reterr) < 0)
        return -1;
    return sqlite_run(s->db,
                      "UPDATE incident SET closed = iif(closed = 0, ?2, closed), closed_by = ?3,"
                      " restored = ?4 WHERE id = ?1 AND (closed = 0 OR closed_by = '')",
                      BIND(v_int(r->id), v_int(r->at_us), v_text(r->by), v_int(r->restored_us)),
                      reterr);
}
