/* What the store knows of SLOs, their alerts and the prober itself. */
#include "base/mem.h"
#include "io/sqlite.h"
#include "store/reader.h"

/* The columns of alert_event, as read_transition() takes them. */
#define EVENT_SELECT                                                                               \
    "SELECT at, slo, objective, service, kind, notify, severity, began,"                           \
    " phase, state_severity, since, cooling_since, evaluated, firing,"                             \
    " tier_severity, long_window, short_window, factor, factor_scale, min_failures,"               \
    " long_good, long_bad, long_excluded, long_expected, long_burn,"                               \
    " short_good, short_bad, short_excluded, short_expected, short_burn, told, condition"          \
    " FROM alert_event"

/* Before nines knew what waits to be told, nothing did. */
static enum severity told(int64_t told, int64_t severity)
{
    return (enum severity)(told < 0 ? severity : told);
}

static void read_transition(struct sqlite_rows *q, struct alert_transition *ret)
{
    *ret = (struct alert_transition){
        .at_us = sqlite_int(q, 0),
        .slo = sqlite_text(q, 1),
        .objective_name = sqlite_text(q, 2),
        .service = sqlite_text(q, 3),
        .kind = (enum alert_event_kind)sqlite_int(q, 4),
        .notify = sqlite_int(q, 5) != 0,
        .severity = (enum severity)sqlite_int(q, 6),
        .since_us = sqlite_int(q, 7),
        .state = {.phase = (enum alert_phase)sqlite_int(q, 8),
                  .severity = (enum severity)sqlite_int(q, 9),
                  .since_us = sqlite_int(q, 10),
                  .cooling_since_us = sqlite_int(q, 11),
                  .evaluated_us = sqlite_int(q, 12),
                  .firing = (uint32_t)sqlite_int(q, 13),
                  .told = told(sqlite_int(q, 30), sqlite_int(q, 9))},
        .tier = {.severity = (enum severity)sqlite_int(q, 14),
                 .long_us = sqlite_int(q, 15),
                 .short_us = sqlite_int(q, 16),
                 .factor = {sqlite_int(q, 17), (int)sqlite_int(q, 18)},
                 .min_failures = (int)sqlite_int(q, 19)},
        .long_counts = {sqlite_int(q, 20), sqlite_int(q, 21), sqlite_int(q, 22)},
        .long_expected = sqlite_int(q, 23),
        .long_burn = sqlite_double(q, 24),
        .short_counts = {sqlite_int(q, 25), sqlite_int(q, 26), sqlite_int(q, 27)},
        .short_expected = sqlite_int(q, 28),
        .short_burn = sqlite_double(q, 29),
        .condition = sqlite_text(q, 31),
    };
}

int store_reader_transitions(struct store_reader *r, const char *slo, int64_t from_us,
                             int64_t to_us, store_transition_fn fn, void *ctx, struct err *reterr)
{
    if (reader_begin(r, reterr) < 0)
        return -1;
    struct sqlite_rows *q = sqlite_query(
        r->db,
        EVENT_SELECT " WHERE at >= ?1 AND at < ?2 AND (?3 IS NULL OR slo = ?3) ORDER BY at, id",
        BIND(v_int(from_us), v_int(to_us), v_text(slo)), reterr);
    int rc = q ? 0 : -1;
    while (q && (rc = sqlite_next(q, reterr)) > 0) {
        struct alert_transition t;
        read_transition(q, &t);
        if (!fn(ctx, &t)) {
            rc = 0;
            break;
        }
    }
    sqlite_end(q);
    return reader_end(r, rc);
}

#define STATE_SELECT                                                                               \
    "SELECT a.phase, a.severity, a.since, a.cooling_since, a.evaluated, a.firing, a.told"

static struct alert_state read_state(struct sqlite_rows *q)
{
    return (struct alert_state){
        .phase = (enum alert_phase)sqlite_int(q, 0),
        .severity = (enum severity)sqlite_int(q, 1),
        .since_us = sqlite_int(q, 2),
        .cooling_since_us = sqlite_int(q, 3),
        .evaluated_us = sqlite_int(q, 4),
        .firing = (uint32_t)sqlite_int(q, 5),
        .told = told(sqlite_int(q, 6), sqlite_int(q, 1)),
    };
}

int store_reader_alert(struct store_reader *r, const char *condition, const char *slo,
                       const char *objective_name, struct alert_state *ret, struct err *reterr)
{
    struct sqlite_rows *q = sqlite_query(
        r->db,
        STATE_SELECT " FROM alert AS a WHERE a.condition = ?1 AND a.slo = ?2 AND a.objective = ?3",
        BIND(v_text(condition ? condition : ""), v_text(slo), v_text(objective_name)), reterr);
    int rc = q ? sqlite_next(q, reterr) : -1;
    if (rc >= 0)
        *ret = rc > 0 ? read_state(q) : (struct alert_state){0};
    sqlite_end(q);
    return rc < 0 ? -1 : 0;
}

static struct alert_transition read_alert(struct sqlite_rows *q)
{
    return (struct alert_transition){
        .slo = sqlite_text(q, 7),
        .objective_name = sqlite_text(q, 8),
        .service = sqlite_text(q, 9),
        .condition = sqlite_text(q, 10),
        .state = read_state(q),
    };
}

int store_reader_alerts(struct store_reader *r, store_transition_fn fn, void *ctx,
                        struct err *reterr)
{
    if (reader_begin(r, reterr) < 0)
        return -1;
    struct sqlite_rows *q = sqlite_query(
        r->db,
        STATE_SELECT
        ", a.slo, a.objective, coalesce((SELECT e.service FROM alert_event AS e"
        " WHERE e.slo = a.slo AND e.objective = a.objective AND e.condition = a.condition"
        " ORDER BY e.id DESC LIMIT 1), ''), a.condition FROM alert AS a"
        " WHERE a.phase != 0 ORDER BY a.slo, a.objective, a.condition",
        NULL, reterr);
    int rc = q ? 0 : -1;
    while (q && (rc = sqlite_next(q, reterr)) > 0) {
        struct alert_transition t = read_alert(q);
        if (!fn(ctx, &t)) {
            rc = 0;
            break;
        }
    }
    sqlite_end(q);
    return reader_end(r, rc);
}

int store_reader_heartbeat(struct store_reader *r, struct store_heartbeat *ret, struct err *reterr)
{
    struct sqlite_rows *q =
        sqlite_query(r->db,
                     "SELECT started, alive, complete_through, watchdog FROM heartbeat"
                     " ORDER BY started DESC LIMIT 1",
                     NULL, reterr);
    int rc = q ? sqlite_next(q, reterr) : -1;
    if (rc > 0)
        *ret = (struct store_heartbeat){sqlite_int(q, 0), sqlite_int(q, 1), sqlite_int(q, 2),
                                        sqlite_int(q, 3)};
    else if (rc == 0)
        *ret = (struct store_heartbeat){0};
    sqlite_end(q);
    return rc < 0 ? -1 : 0;
}
