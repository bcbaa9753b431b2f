/*
 * A database as a long run leaves it, without the long run: the probes p0, p1,
 * ... every 10 s, availability SLIs for the first of them, rollups for days and
 * results for the last hours.
 *
 *   make_history --db PATH [--probes N] [--slis N] [--days N] [--hours N]
 *
 * What hours say is made up here and written as the store writes it; days, and
 * the newest hours, the store sums up itself. One run in a thousand is bad, in
 * one hour of fifty. The end is the last whole 10 s before now.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "io/sqlite.h"
#include "model/schedule.h"
#include "nines/probe.h"
#include "nines/store.h"
#include "store/packed.h"
#include "store/rows.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define INTERVAL (10 * USEC_PER_SEC)
#define PATIENCE (600 * USEC_PER_SEC)

struct history {
    const char *path;
    int64_t probes, slis, days, hours;
    int64_t first_us, raw_us, end_us; /* raw_us: results from here on */
    struct sqlite *db;
};

static int push_definitions(struct history *h, struct err *err)
{
    struct store *s;
    struct store_options o = {.path = h->path};
    if (store_open(&o, &s, err) < 0)
        return -1;
    for (int64_t i = 0; i < h->probes; i++) {
        char id[32];
        snprintf(id, sizeof(id), "p%" PRId64, i);
        struct probe_def p = {.id = id, .interval_us = INTERVAL, .timeout_us = INTERVAL / 2};
        struct sli_def sli = {.probe = id, .key = id};
        p.phase_us = schedule_phase(id, INTERVAL);
        memset(sli.classify, -1, sizeof(sli.classify));
        store_push_probe(s, (uint32_t)i, &p, h->first_us);
        if (i < h->slis)
            store_push_sli(s, &sli);
    }
    return store_flush(s, PATIENCE, err) < 0 || store_close(s, PATIENCE, err) < 0 ? -1 : 0;
}

/* The daemon has been running until now; what can be is summed up. */
static int settle(struct history *h, struct err *err)
{
    struct store *s;
    struct store_options o = {.path = h->path};
    if (store_open(&o, &s, err) < 0)
        return -1;
    store_push_heartbeat(s, h->end_us, h->end_us);
    return store_settle(s, PATIENCE, err) < 0 || store_close(s, PATIENCE, err) < 0 ? -1 : 0;
}

static int write_hour(struct history *h, int64_t stream, int64_t hour_us, struct err *err)
{
    struct counts minutes[PACKED_MINUTES];
    struct str packed;
    int64_t bad = hour_us / USEC_PER_HOUR % 50 == stream % 50;
    for (int i = 0; i < PACKED_MINUTES; i++)
        minutes[i] = (struct counts){6, 0, 0};
    minutes[stream % PACKED_MINUTES] = (struct counts){6 - bad, bad, 0};
    str_init(&packed, PACKED_MAX);
    packed_put_counts(&packed, minutes, PACKED_MINUTES);
    int rc = sqlite_run(h->db,
                        "INSERT INTO rollup(stream, hour, good, bad, excluded, packed)"
                        " VALUES(?1, ?2, ?3, ?4, 0, ?5)",
                        BIND(v_int(stream), v_int(hour_us), v_int(360 - bad), v_int(bad),
                             v_blob(packed.buf, packed.len)),
                        err);
    str_release(&packed);
    return rc;
}

static int write_hours(struct history *h, struct err *err)
{
    VEC(int64_t) streams = {0};
    struct sqlite_rows *q =
        sqlite_query(h->db, "SELECT num FROM roll_stream WHERE kind = 0 ORDER BY num", NULL, err);
    int rc = q ? 0 : -1;
    while (q && (rc = sqlite_next(q, err)) > 0)
        vec_push(&streams, sqlite_int(q, 0));
    for (size_t i = 0; rc == 0 && i < streams.len; i++)
        for (int64_t hour = h->first_us; rc == 0 && hour < h->raw_us; hour += USEC_PER_HOUR)
            rc = write_hour(h, streams.at[i], hour, err);
    vec_release(&streams);
    return rc;
}

static int write_results(struct history *h, int64_t num, int64_t phase_us, struct err *err)
{
    struct result r = {.total_us = 1000, .phases = {.connect_us = 200, .wait_us = 700}};
    for (int64_t slot = schedule_next(phase_us, INTERVAL, h->raw_us); slot < h->end_us - INTERVAL;
         slot += INTERVAL) {
        bool bad = (slot / INTERVAL + num) % 1000 == 0;
        r.slot_us = slot;
        r.total_us = 1000 + slot / INTERVAL % 977;
        r.done_us = slot + r.total_us;
        r.outcome = bad ? OUTCOME_BAD : OUTCOME_GOOD;
        r.reason = bad ? REASON_STATUS : REASON_NONE;
        r.code = bad ? 503 : 200;
        if (sqlite_run(h->db, RESULT_INSERT, RESULT_BIND(num, &r), err) < 0)
            return -1;
    }
    return 0;
}

static int write_probes(struct history *h, struct err *err)
{
    struct sqlite_rows *q =
        sqlite_query(h->db, "SELECT probe, phase FROM probe_revision ORDER BY probe", NULL, err);
    int rc = q ? 0 : -1;
    while (q && (rc = sqlite_next(q, err)) > 0)
        if (write_results(h, sqlite_int(q, 0), sqlite_int(q, 1), err) < 0) {
            sqlite_end(q);
            return -1;
        }
    return rc;
}

static int write_rows(struct history *h, struct err *err)
{
    if (sqlite_open(h->path, SQLITE_ACCESS_WRITE, 0, &h->db, err) < 0 ||
        sqlite_exec(h->db, "PRAGMA synchronous = 0; BEGIN", err) < 0 ||
        sqlite_run(h->db, "UPDATE roll_stream SET rolled_through = ?1, since = 0",
                   BIND(v_int(h->raw_us)), err) < 0 ||
        sqlite_run(h->db, "UPDATE probe SET raw_since = ?1, first_event = ?2",
                   BIND(v_int(h->raw_us), v_int(h->first_us)), err) < 0 ||
        write_hours(h, err) < 0 || write_probes(h, err) < 0 ||
        sqlite_exec(h->db, "COMMIT", err) < 0)
        return -1;
    sqlite_close(h->db);
    return 0;
}

static int usage(void)
{
    fputs("usage: make_history --db PATH [--probes N] [--slis N] [--days N] [--hours N]\n", stderr);
    return 2;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"db", required_argument, NULL, 'b'},    {"probes", required_argument, NULL, 'p'},
        {"slis", required_argument, NULL, 's'},  {"days", required_argument, NULL, 'd'},
        {"hours", required_argument, NULL, 'h'}, {0}};
    struct history h = {.probes = 10000, .slis = 1000, .days = 90, .hours = 2};
    struct err err;
    int c;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == '?')
            return usage();
        if (c == 'b')
            h.path = optarg;
        else
            *(c == 'p'   ? &h.probes
              : c == 's' ? &h.slis
              : c == 'd' ? &h.days
                         : &h.hours) = strtoll(optarg, NULL, 10);
    }
    if (!h.path || optind < argc || h.probes < h.slis || h.slis < 0 || h.days < 1 || h.hours < 1)
        return usage();
    h.end_us = clock_wall_us() / INTERVAL * INTERVAL;
    h.raw_us = (h.end_us - h.hours * USEC_PER_HOUR) / USEC_PER_HOUR * USEC_PER_HOUR;
    h.first_us = h.raw_us - h.days * USEC_PER_DAY;
    sqlite_global_init();
    if (push_definitions(&h, &err) < 0 || write_rows(&h, &err) < 0 || settle(&h, &err) < 0) {
        fprintf(stderr, "make_history: %s\n", err.msg);
        return 1;
    }
    return 0;
}
