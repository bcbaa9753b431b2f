#include "store/records.h"

#include "base/mem.h"
#include "base/str.h"
#include "io/sqlite.h"
#include "store/answers.h"
#include "store/asked.h"
#include "store/derived.h"
#include "store/incidents.h"
#include "store/internal.h"
#include "store/metric.h"
#include "store/rows.h"
#include "store/samples.h"
#include "store/seal.h"

#include <assert.h>

/* ---- probes and SLOs ----------------------------------------------------- */

static int rename_probe(struct store *s, const char *from, const char *to, struct err *reterr)
{
    int64_t num = catalog_find(&s->catalog, from);
    if (num == 0 || catalog_find(&s->catalog, to) != 0)
        return 0;
    /* The key of an SLI begins with its probe's id. Its rollups may say what no
     * result does any more, so they go on under the new key. */
    if (sqlite_run(s->db, "UPDATE probe SET id = ?2 WHERE num = ?1", BIND(v_int(num), v_text(to)),
                   reterr) < 0 ||
        sqlite_run(s->db,
                   "UPDATE roll_stream SET key = ?3 || substr(key, length(?2) + 1)"
                   " WHERE probe = ?1 AND kind <> 1"
                   " AND (key = ?2 OR substr(key, 1, length(?2) + 1) = ?2 || ' ')",
                   BIND(v_int(num), v_text(from), v_text(to)), reterr) < 0 ||
        sqlite_run(s->db, "UPDATE annotation SET probe = ?2 WHERE probe = ?1",
                   BIND(v_text(from), v_text(to)), reterr) < 0)
        return -1;
    return catalog_load(&s->catalog, s->db, reterr);
}

static int find_newest(struct store *s, struct catalog_probe *p, struct err *reterr)
{
    struct sqlite_rows *q =
        sqlite_query(s->db,
                     "SELECT since, interval, phase, timeout, hours FROM probe_revision"
                     " WHERE probe = ?1 ORDER BY since DESC LIMIT 1",
                     BIND(v_int(p->num)), reterr);
    int rc = q ? sqlite_next(q, reterr) : -1;
    if (rc > 0) {
        p->newest = (struct probe_revision){sqlite_int(q, 0), sqlite_int(q, 1), sqlite_int(q, 2),
                                            sqlite_int(q, 3)};
        p->newest_hours = catalog_hours(sqlite_text(q, 4));
    }
    sqlite_end(q);
    return rc < 0 ? -1 : 0;
}

static int revise_probe(struct store *s, int64_t num, const struct record_probe *r,
                        struct err *reterr)
{
    struct catalog_probe *p = catalog_at(&s->catalog, num);
    const struct probe_revision *rev = &r->revision, *now = &p->newest;
    uint64_t hours = catalog_hours(r->hours);
    if (!now->interval_us && find_newest(s, p, reterr) < 0)
        return -1;
    if (now->interval_us == rev->interval_us && now->phase_us == rev->phase_us &&
        now->timeout_us == rev->timeout_us && p->newest_hours == hours)
        return 0;
    if (sqlite_run(s->db,
                   "INSERT OR REPLACE INTO probe_revision(probe, since, interval, phase,"
                   " timeout, imported, hours) VALUES(?1, ?2, ?3, ?4, ?5, 0, ?6)",
                   BIND(v_int(num), v_int(rev->since_us), v_int(rev->interval_us),
                        v_int(rev->phase_us), v_int(rev->timeout_us), v_text(r->hours)),
                   reterr) < 0)
        return -1;
    if (!now->interval_us || rev->since_us >= now->since_us) {
        p->newest = *rev;
        p->newest_hours = hours;
    }
    return 0;
}

static int apply_probe(struct store *s, const struct record_probe *r, struct err *reterr)
{
    int64_t num;
    if (r->renamed_from && rename_probe(s, r->renamed_from, r->id, reterr) < 0)
        return -1;
    if (catalog_probe(&s->catalog, s->db, r->id, &num, reterr) < 0 ||
        revise_probe(s, num, r, reterr) < 0 ||
        catalog_stream(&s->catalog, s->db, num, NULL, reterr) < 0)
        return -1;
    catalog_at(&s->catalog, num)->known = true;
    while (s->handles.len <= r->handle)
        vec_push(&s->handles, 0);
    s->handles.at[r->handle] = num;
    return 0;
}

/* Runs that began before are no runs of these series, and their slots are not behind
 * what is stored: a clock may have been set back. */
static int apply_wanted(struct store *s, const struct record_wanted *r, struct err *reterr)
{
    int64_t num = s->handles.at[r->handle], newest;
    struct catalog *c = &s->catalog;
    int rc = r->n ? 1 : asked_any(s->db, num, reterr); /* most probes never had samples */
    if (rc <= 0)
        return rc;
    if (derived_newest(s, num, &newest, reterr) < 0)
        return -1;
    rc = asked_change(s->db, num, newest >= r->at_us ? newest + 1 : r->at_us, r->selectors, r->n,
                      reterr);
    for (size_t i = catalog_at(c, num)->first_stream; rc > 0 && i != STREAM_NONE;
         i = c->streams.at[i].next)
        if (c->streams.at[i].metric)
            metric_forget(c->streams.at[i].metric);
    return rc < 0 ? -1 : 0;
}

static int apply_sli(struct store *s, const struct record_sli *r, struct err *reterr)
{
    int64_t num;
    if (catalog_probe(&s->catalog, s->db, r->sli.probe, &num, reterr) < 0)
        return -1;
    return catalog_stream(&s->catalog, s->db, num, &r->sli, reterr);
}

/* The newest revision is the one in force, also when the clock was set back. */
static int apply_slo(struct store *s, const struct record_slo *r, struct err *reterr)
{
    int64_t content = 0, since = r->at_us;
    struct sqlite_rows *q =
        sqlite_query(s->db,
                     "SELECT content, since FROM slo_revision WHERE slo = ?1 AND objective = ?2"
                     " ORDER BY since DESC LIMIT 1",
                     BIND(v_text(r->slo), v_text(r->objective)), reterr);
    int rc = q ? sqlite_next(q, reterr) : -1;
    if (rc > 0) {
        content = sqlite_int(q, 0);
        since = sqlite_int(q, 1) > since ? sqlite_int(q, 1) : since;
    }
    sqlite_end(q);
    if (rc < 0)
        return -1;
    if (rc > 0 && content == (int64_t)r->content)
        return 0;
    return sqlite_run(s->db,
                      "INSERT OR REPLACE INTO slo_revision(slo, objective, since, content, target,"
                      " window, sli) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                      BIND(v_text(r->slo), v_text(r->objective), v_int(since),
                           v_int((int64_t)r->content), v_text(r->target), v_text(r->window),
                           v_text(r->sli)),
                      reterr);
}

/* ---- results ------------------------------------------------------------- */

static int insert_evidence(struct store *s, int64_t num, const struct record_result *r,
                           struct err *reterr)
{
    if (!r->has_message && !r->body_len)
        return 0;
    /* Bytes of the wire: the message is ours and is UTF-8, the body is a blob. */
    mem_auto char *message = r->has_message ? mem_strndup(r->text, r->message_len) : NULL;
    return sqlite_run(s->db,
                      "INSERT OR IGNORE INTO evidence(probe, slot, message, body)"
                      " VALUES(?1, ?2, ?3, ?4)",
                      BIND(v_int(num), v_int(r->result.slot_us), v_text(message),
                           v_blob(r->body_len ? r->text + r->message_len : NULL, r->body_len)),
                      reterr);
}

/* Its samples as they were pushed: they point into the record. */
static struct sample *unpack_samples(const struct record_result *r)
{
    struct sample *at = mem_array(r->sample_count, sizeof(*at));
    const char *p = r->text + r->message_len + r->body_len;
    for (uint32_t i = 0; i < r->sample_count; i++) {
        memcpy(&at[i].value, p, sizeof(double));
        at[i].series = p + sizeof(double);
        p = at[i].series + strlen(at[i].series) + 1;
    }
    return at;
}

static bool is_scrape(const struct result *r)
{
    return r->flags & RESULT_SCRAPED && r->outcome <= OUTCOME_BAD;
}

/* Of a result that was stored just now. */
static int apply_samples(struct store *s, int64_t num, const struct record_result *r,
                         int64_t newest_us, struct err *reterr)
{
    const struct result *x = &r->result;
    struct sample *at = unpack_samples(r);
    int rc = 0;
    if (is_scrape(x))
        rc = samples_insert(s, num, x->slot_us, at, r->sample_count, reterr);
    if (rc == 0 && catalog_at(&s->catalog, num)->metric)
        rc = derived_result(s, num, x, at, r->sample_count, newest_us, reterr);
    free(at);
    return rc;
}

/* The newest slot before this result's is known from the one before, or looked
 * for: only metric SLIs ask. */
static int find_newest_slot(struct store *s, struct catalog_probe *p, struct err *reterr)
{
    if (!p->metric || p->newest_slot != NEWEST_UNKNOWN)
        return 0;
    return derived_newest(s, p->num, &p->newest_slot, reterr);
}

static int apply_answer(struct store *s, int64_t num, const struct result *x, struct err *reterr)
{
    if (answers_insert(s->db, num, x, reterr) < 0)
        return -1;
    return catalog_answers(&s->catalog, s->db, num, reterr);
}

static int apply_result(struct store *s, const struct record_result *r, struct err *reterr)
{
    const struct result *x = &r->result;
    assert(r->handle < s->handles.len && s->handles.at[r->handle]);
    int64_t num = s->handles.at[r->handle];
    struct catalog_probe *p = catalog_at(&s->catalog, num);
    /* The clock was set back by more than the retention: this hour is closed. */
    if (x->slot_us < p->raw_since)
        return 0;
    if (seal_open(s, num, x->slot_us, x->slot_us + 1, reterr) < 0 ||
        find_newest_slot(s, p, reterr) < 0)
        return -1;
    if (sqlite_run(s->db, RESULT_INSERT, RESULT_BIND(num, x), reterr) < 0)
        return -1;
    if (sqlite_changes(s->db) == 0)
        return 0; /* imported before: what is stored wins */
    if ((x->flags & RESULT_ANSWER || x->reason == REASON_SPEND_CAP) &&
        apply_answer(s, num, x, reterr) < 0)
        return -1;
    if (catalog_touch(&s->catalog, s->db, num, x->slot_us, reterr) < 0)
        return -1;
    if ((x->outcome == OUTCOME_GOOD || x->outcome == OUTCOME_BAD) &&
        catalog_saw_event(&s->catalog, s->db, num, x->slot_us, reterr) < 0)
        return -1;
    if ((p->metric || is_scrape(x)) && apply_samples(s, num, r, p->newest_slot, reterr) < 0)
        return -1;
    if (p->newest_slot != NEWEST_UNKNOWN && x->slot_us > p->newest_slot)
        p->newest_slot = x->slot_us;
    return insert_evidence(s, num, r, reterr);
}

static int apply_heartbeat(struct store *s, const struct record_heartbeat *r, struct err *reterr)
{
    return sqlite_run(s->db,
                      "INSERT INTO heartbeat(started, alive, complete_through, watchdog)"
                      " VALUES(?1, ?2, ?3, ?4)"
                      " ON CONFLICT(started) DO UPDATE SET alive = max(alive, excluded.alive),"
                      " complete_through = max(complete_through, excluded.complete_through),"
                      " watchdog = max(watchdog, excluded.watchdog)",
                      BIND(v_int(r->started_us), v_int(r->now_us), v_int(r->complete_through_us),
                           v_int(r->watchdog_us)),
                      reterr);
}

static int apply_annotation(struct store *s, const struct record_annotation *r, struct err *reterr)
{
    return sqlite_run(
        s->db, "INSERT INTO annotation(at, kind, probe, text, by_hand) VALUES(?1, ?2, ?3, ?4, ?5)",
        BIND(v_int(r->a.at_us), v_text(r->a.kind), v_text(r->a.probe), v_text(r->a.text),
             v_int(r->a.by_hand)),
        reterr);
}

static int forget_annotation(struct store *s, const struct record_annotation *r, struct err *reterr)
{
    return sqlite_run(s->db, "DELETE FROM annotation WHERE id = ?1", BIND(v_int(r->a.id)), reterr);
}

/* ---- alerts -------------------------------------------------------------- */

static int insert_event(struct store *s, const struct alert_transition *t, struct err *reterr)
{
    const struct alert_state *a = &t->state;
    const struct tier_def *tier = &t->tier;
    return sqlite_run(
        s->db,
        "INSERT INTO alert_event(at, slo, objective, service, kind, notify, severity, began,"
        " phase, state_severity, since, cooling_since, evaluated, firing,"
        " tier_severity, long_window, short_window, factor, factor_scale, min_failures,"
        " long_good, long_bad, long_excluded, long_expected, long_burn,"
        " short_good, short_bad, short_excluded, short_expected, short_burn, told, condition)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17,"
        " ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32)",
        BIND(v_int(t->at_us), v_text(t->slo), v_text(t->objective_name), v_text(t->service),
             v_int(t->kind), v_int(t->notify), v_int(t->severity), v_int(t->since_us),
             v_int(a->phase), v_int(a->severity), v_int(a->since_us), v_int(a->cooling_since_us),
             v_int(a->evaluated_us), v_int(a->firing), v_int(tier->severity), v_int(tier->long_us),
             v_int(tier->short_us), v_int(tier->factor.n), v_int(tier->factor.scale),
             v_int(tier->min_failures), v_int(t->long_counts.good), v_int(t->long_counts.bad),
             v_int(t->long_counts.excluded), v_int(t->long_expected), v_double(t->long_burn),
             v_int(t->short_counts.good), v_int(t->short_counts.bad),
             v_int(t->short_counts.excluded), v_int(t->short_expected), v_double(t->short_burn),
             v_int(a->told), v_text(t->condition)),
        reterr);
}

static int apply_transition(struct store *s, const struct record_transition *r, struct err *reterr)
{
    const struct alert_transition *t = &r->t;
    if (insert_event(s, t, reterr) < 0 || incidents_take(s, t, reterr) < 0)
        return -1;
    return sqlite_run(
        s->db,
        "INSERT OR REPLACE INTO alert(condition, slo, objective, phase, severity,"
        " since, cooling_since, evaluated, firing, told)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        BIND(v_text(t->condition), v_text(t->slo), v_text(t->objective_name), v_int(t->state.phase),
             v_int(t->state.severity), v_int(t->state.since_us), v_int(t->state.cooling_since_us),
             v_int(t->state.evaluated_us), v_int(t->state.firing), v_int(t->state.told)),
        reterr);
}

/* ---- any of them --------------------------------------------------------- */

int record_apply(struct store *s, const struct record *r, struct err *reterr)
{
    switch (r->kind) {
    case RECORD_PROBE:
        return apply_probe(s, (const struct record_probe *)r, reterr);
    case RECORD_WANTED:
        return apply_wanted(s, (const struct record_wanted *)r, reterr);
    case RECORD_SLI:
        return apply_sli(s, (const struct record_sli *)r, reterr);
    case RECORD_SLO:
        return apply_slo(s, (const struct record_slo *)r, reterr);
    case RECORD_RESULT:
        return apply_result(s, (const struct record_result *)r, reterr);
    case RECORD_TRANSITION:
        return apply_transition(s, (const struct record_transition *)r, reterr);
    case RECORD_DISPATCH:
        return record_dispatch(s, (const struct record_dispatch *)r, reterr);
    case RECORD_DELIVERY:
        return record_delivery(s, (const struct record_delivery *)r, reterr);
    case RECORD_OUTBOX_RETRY:
        return record_outbox_retry(s, (const struct record_delivery *)r, reterr);
    case RECORD_OUTBOX_MORE:
        return record_outbox_more(s, (const struct record_more *)r, reterr);
    case RECORD_HEARTBEAT:
        return apply_heartbeat(s, (const struct record_heartbeat *)r, reterr);
    case RECORD_ANNOTATION:
        return apply_annotation(s, (const struct record_annotation *)r, reterr);
    case RECORD_FORGET_ANNOTATION:
        return forget_annotation(s, (const struct record_annotation *)r, reterr);
    case RECORD_EXCLUSION:
        return record_exclusion(s, (const struct record_exclusion *)r, reterr);
    case RECORD_REMOVE_EXCLUSION:
        return record_remove_exclusion(s, (const struct record_exclusion *)r, reterr);
    case RECORD_SILENCE:
        return record_silence(s, (const struct record_silence *)r, reterr);
    case RECORD_EXPIRE_SILENCE:
        return record_expire_silence(s, (const struct record_silence *)r, reterr);
    case RECORD_INCIDENT:
        return record_incident(s, (const struct record_incident *)r, reterr);
    case RECORD_INCIDENT_NOTE:
        return record_incident_note(s, (const struct record_incident_note *)r, reterr);
    case RECORD_CLOSE_INCIDENT:
        return record_close_incident(s, (const struct record_close_incident *)r, reterr);
    case RECORD_IMPORT:
        break; /* a batch of its own, writer.c */
    }
    assert(!"an import among records");
    return -1;
}

void record_committed(struct store *s, const struct record *r)
{
    if (r->kind != RECORD_HEARTBEAT)
        return;
    const struct record_heartbeat *h = (const struct record_heartbeat *)r;
    s->daemon = true;
    if (h->now_us > s->alive_us)
        s->alive_us = h->now_us;
    retention_beat(&s->retention, h->started_us, h->now_us);
    if (h->complete_through_us > s->complete_through_us)
        s->complete_through_us = h->complete_through_us;
}
