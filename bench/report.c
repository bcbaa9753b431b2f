/*
 * How long a report takes, and what rollups weigh: one probe with a failure in
 * a thousand and lognormal times. Its history is imported into a fresh database
 * but for the last day, which comes as if it were probed. The report of one SLO
 * is computed again and again, as a whole and question by question, and as a
 * whole by readers that were opened for it. CPU time of this thread, the median
 * of the runs.
 *
 *     report [--days N] [--interval SECONDS] [--runs N] [--slis N] [--dir DIR] [--keep FILE]
 *
 * The database is made in DIR and removed, or made as FILE and kept.
 */
#include "engine/query.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "io/sqlite.h"
#include "model/sketch.h"
#include "nines/probe.h"

#include <getopt.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define T0 (20000 * USEC_PER_DAY)
#define RUNS_MAX 10000
#define BATCH 4096

struct bench {
    int64_t days, interval_us;
    int runs, slis;
    char dir[128];
    const char *keep; /* the database's name if it is to stay */
    char *path;
    struct config *config;
    struct probe_def probe;
    struct store_reader *reader;
    int64_t at_us;
    double us[RUNS_MAX];
    uint64_t rng;
};

static const struct tier_def tiers[] = {
    {SEVERITY_PAGE, USEC_PER_HOUR, 5 * USEC_PER_MIN, {144, 1}, 2},
    {SEVERITY_PAGE, 6 * USEC_PER_HOUR, 30 * USEC_PER_MIN, {6, 0}, 2},
    {SEVERITY_TICKET, USEC_PER_DAY, 2 * USEC_PER_HOUR, {3, 0}, 2},
    {SEVERITY_TICKET, 3 * USEC_PER_DAY, 6 * USEC_PER_HOUR, {1, 0}, 2},
};

static void die(const char *what, const struct err *err)
{
    fprintf(stderr, "report: %s: %s\n", what, err->msg);
    exit(1);
}

/* ---- history ------------------------------------------------------------------ */

static double unit(struct bench *b)
{
    b->rng ^= b->rng << 13;
    b->rng ^= b->rng >> 7;
    b->rng ^= b->rng << 17;
    return (double)(b->rng >> 11) / 9007199254740992.0;
}

static int64_t lognormal(struct bench *b, double median_us, double sigma)
{
    double sum = -6;
    for (int i = 0; i < 12; i++)
        sum += unit(b);
    return (int64_t)(median_us * exp(sigma * sum));
}

static struct result draw(struct bench *b, int64_t slot_us)
{
    struct result r = {.slot_us = slot_us, .code = 200};
    r.phases = (struct phases){.dns_us = lognormal(b, 100, .6),
                               .connect_us = lognormal(b, 900, .6),
                               .tls_us = lognormal(b, 2000, .6),
                               .wait_us = lognormal(b, 11200, .6),
                               .transfer_us = lognormal(b, 100, .6)};
    r.total_us = r.phases.dns_us + r.phases.connect_us + r.phases.tls_us + r.phases.wait_us +
                 r.phases.transfer_us;
    if (unit(b) < .001) {
        r.outcome = OUTCOME_BAD;
        r.reason = unit(b) < .5 ? REASON_STATUS : REASON_CONNECT;
        r.code = 503;
    }
    r.done_us = slot_us + r.total_us;
    return r;
}

struct latch {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    bool done;
};

static void on_done(void *ctx)
{
    struct latch *l = ctx;
    pthread_mutex_lock(&l->mutex);
    l->done = true;
    pthread_cond_signal(&l->cond);
    pthread_mutex_unlock(&l->mutex);
}

static void import(struct store *s, struct import_row *rows, size_t n)
{
    struct latch l = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false};
    struct import_batch b = {.rows = rows, .n = n, .create_interval_us = USEC_PER_SEC};
    store_import(s, &b, on_done, &l);
    pthread_mutex_lock(&l.mutex);
    while (!l.done)
        pthread_cond_wait(&l.cond, &l.mutex);
    pthread_mutex_unlock(&l.mutex);
    if (b.status < 0)
        die("import", &b.err);
}

static int64_t end_of(const struct bench *b)
{
    return T0 + b->days * USEC_PER_DAY;
}

static void fill(struct bench *b, struct store *s)
{
    struct import_row *rows = mem_array(BATCH, sizeof(*rows));
    size_t n = 0;
    int64_t live = end_of(b) - USEC_PER_DAY, t = T0;
    for (; t < live; t += b->interval_us) {
        rows[n++] = (struct import_row){.probe = b->probe.id, .result = draw(b, t), .line = 1};
        if (n == BATCH) {
            import(s, rows, n);
            n = 0;
        }
    }
    if (n)
        import(s, rows, n);
    for (; t < end_of(b); t += b->interval_us) {
        struct result r = draw(b, t);
        if (!store_reserve(s))
            die("reserve", &(struct err){"no room in the queue"});
        store_push_result(s, 0, &r, NULL);
    }
    store_push_heartbeat(s, t, t);
    free(rows);
}

static void make_history(struct bench *b)
{
    struct err err;
    struct store *s;
    struct store_options o = {.path = b->path};
    if (store_open(&o, &s, &err) < 0)
        die("open", &err);
    store_push_probe(s, 0, &b->probe, T0);
    for (size_t i = 0; i < b->config->slo_count; i++)
        store_push_sli(s, &b->config->slos[i]->sli);
    fill(b, s);
    if (store_settle(s, USEC_PER_HOUR, &err) < 0 || store_close(s, USEC_PER_HOUR, &err) < 0)
        die("settle", &err);
}

static struct config *make_config(struct bench *b)
{
    struct config *c = mem_alloc(sizeof(*c));
    c->refs = 1;
    c->slos = arena_alloc(&c->arena, (size_t)b->slis * sizeof(*c->slos));
    for (int i = 0; i < b->slis; i++) {
        struct slo_def *d = arena_alloc(&c->arena, sizeof(*d));
        *d = (struct slo_def){.name = arena_printf(&c->arena, "slo-%d", i),
                              .service = "bench",
                              .objective_name = "",
                              .probe = &b->probe,
                              .target = {999, 3},
                              .tiers = tiers,
                              .tier_count = countof(tiers)};
        d->sli.probe = b->probe.id;
        d->sli.key = arena_printf(&c->arena, "%s %d", b->probe.id, i);
        d->sli.faster_than_us = i ? 10000 + 5000 * i : 0;
        memset(d->sli.classify, -1, sizeof(d->sli.classify));
        d->window = (struct window_def){
            .type = WINDOW_ROLLING, .duration_us = b->days * USEC_PER_DAY, .text = "window"};
        c->slos[c->slo_count++] = d;
    }
    return c;
}

/* ---- questions ---------------------------------------------------------------- */

static void whole_report(struct bench *b)
{
    struct err err;
    struct report *r;
    struct query q = {.slo = "slo-0", .at_us = b->at_us, .generated_at_us = b->at_us};
    if (query_report(b->config, b->reader, &q, &r, &err) < 0)
        die("report", &err);
    query_report_free(r);
}

static void fresh_report(struct bench *b)
{
    struct err err;
    struct store_reader *kept = b->reader;
    if (store_reader_open(b->path, &b->reader, &err) < 0)
        die("open", &err);
    whole_report(b);
    store_reader_free(b->reader);
    b->reader = kept;
}

static void brief_report(struct bench *b)
{
    struct err err;
    struct report *r;
    struct query q = {
        .slo = "slo-0", .at_us = b->at_us, .generated_at_us = b->at_us, .brief = true};
    if (query_report(b->config, b->reader, &q, &r, &err) < 0)
        die("report", &err);
    query_report_free(r);
}

static int64_t from_of(const struct bench *b)
{
    return b->at_us - b->days * USEC_PER_DAY;
}

static void counts(struct bench *b)
{
    struct err err;
    struct counts c;
    if (store_reader_counts(b->reader, &b->config->slos[0]->sli, from_of(b), b->at_us, &c, &err))
        die("counts", &err);
}

static void reasons(struct bench *b)
{
    struct err err;
    int64_t c[REASON_COUNT];
    if (store_reader_reasons(b->reader, &b->config->slos[0]->sli, from_of(b), b->at_us, c, &err))
        die("reasons", &err);
}

static void latency(struct bench *b)
{
    struct err err;
    struct sketch s = SKETCH_INIT;
    if (store_reader_latency(b->reader, b->probe.id, from_of(b), b->at_us, &s, &err) < 0)
        die("latency", &err);
    sketch_release(&s);
}

static void hourly_curve(struct bench *b)
{
    struct err err;
    int64_t first = from_of(b) - from_of(b) % USEC_PER_HOUR;
    size_t n = (size_t)(b->days * 24);
    struct counts *c = mem_array(n, sizeof(*c));
    if (store_reader_series(b->reader, &b->config->slos[0]->sli, first, USEC_PER_HOUR, n, c, &err))
        die("series", &err);
    free(c);
}

static double thread_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(struct bench *b, const char *name, void (*fn)(struct bench *b))
{
    fn(b); /* statements are prepared, pages read */
    for (int i = 0; i < b->runs; i++) {
        double start = thread_us();
        fn(b);
        b->us[i] = thread_us() - start;
    }
    qsort(b->us, (size_t)b->runs, sizeof(*b->us), compare);
    printf("%-32s %9.1f us\n", name, b->us[b->runs / 2]);
}

static void measure_all(struct bench *b, const char *what)
{
    printf("\n%s\n", what);
    measure(b, "whole report", whole_report);
    measure(b, "by a reader of its own", fresh_report);
    measure(b, "brief report", brief_report);
    measure(b, "counts", counts);
    measure(b, "reasons", reasons);
    measure(b, "latency", latency);
    measure(b, "hourly series", hourly_curve);
}

/* ---- sizes -------------------------------------------------------------------- */

static void print_size(struct bench *b, struct sqlite *db, const char *name, const char *sql)
{
    struct err err;
    int64_t bytes = 0;
    if (sqlite_lookup(db, sql, NULL, &bytes, &err) < 0)
        die(name, &err);
    printf("%-32s %9.1f bytes per day, %.3f per result\n", name, (double)bytes / (double)b->days,
           (double)(bytes * b->interval_us) / (double)(b->days * USEC_PER_DAY));
}

static void print_sizes(struct bench *b)
{
    struct err err;
    struct sqlite *db;
    if (sqlite_open(b->path, SQLITE_ACCESS_READ, 1000, &db, &err) < 0)
        die("sizes", &err);
    printf("\nrollups of the probe, with %d SLI%s\n", b->slis, b->slis > 1 ? "s" : "");
    print_size(b, db, "hours: pages", "SELECT sum(pgsize) FROM dbstat WHERE name = 'rollup'");
    print_size(b, db, "days: pages", "SELECT sum(pgsize) FROM dbstat WHERE name = 'rollup_day'");
    print_size(b, db, "hour sketches",
               "SELECT sum(length(packed)) FROM rollup JOIN roll_stream ON num = stream"
               " WHERE kind = 1");
    print_size(b, db, "hour counts",
               "SELECT sum(length(packed)) FROM rollup JOIN roll_stream ON num = stream"
               " WHERE kind = 0");
    print_size(b, db, "day sketches",
               "SELECT sum(length(packed)) FROM rollup_day JOIN roll_stream ON num = stream"
               " WHERE kind = 1");
    print_size(b, db, "day counts",
               "SELECT sum(length(packed)) FROM rollup_day JOIN roll_stream ON num = stream"
               " WHERE kind = 0");
    sqlite_close(db);
}

/* ---- main --------------------------------------------------------------------- */

static void clean(const struct bench *b)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", ".lock"};
    for (size_t i = 0; i < countof(suffixes); i++) {
        mem_auto char *path = mem_printf("%s%s", b->path, suffixes[i]);
        unlink(path);
    }
    rmdir(b->dir);
}

static int64_t number(const char *text, int64_t min, int64_t max)
{
    char *end;
    long long v = strtoll(text, &end, 10);
    if (*end || v < min || v > max) {
        fprintf(stderr, "report: not a number from %lld to %lld: %s\n", (long long)min,
                (long long)max, text);
        exit(2);
    }
    return v;
}

static void parse(struct bench *b, int argc, char **argv)
{
    static const struct option options[] = {
        {"days", required_argument, NULL, 'd'},
        {"interval", required_argument, NULL, 'i'},
        {"runs", required_argument, NULL, 'n'},
        {"slis", required_argument, NULL, 's'},
        {"dir", required_argument, NULL, 'D'},
        {"keep", required_argument, NULL, 'k'},
        {NULL, 0, NULL, 0},
    };
    const char *dir = "/tmp";
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c == 'd')
            b->days = number(optarg, 2, 400);
        else if (c == 'i')
            b->interval_us = number(optarg, 1, 3600) * USEC_PER_SEC;
        else if (c == 'n')
            b->runs = (int)number(optarg, 1, RUNS_MAX);
        else if (c == 's')
            b->slis = (int)number(optarg, 1, 100);
        else if (c == 'D')
            dir = optarg;
        else if (c == 'k')
            b->keep = optarg;
        else
            exit(2);
    }
    snprintf(b->dir, sizeof(b->dir), "%s/nines-bench-XXXXXX", dir);
}

int main(int argc, char **argv)
{
    struct err err;
    struct bench *b = mem_alloc(sizeof(*b));
    *b = (struct bench){.days = 30,
                        .interval_us = 15 * USEC_PER_SEC,
                        .runs = 200,
                        .slis = 1,
                        .rng = 0x9e3779b97f4a7c15u};
    parse(b, argc, argv);
    if (!b->keep && !mkdtemp(b->dir)) {
        perror("report");
        return 1;
    }
    b->path = b->keep ? mem_strdup(b->keep) : mem_printf("%s/bench.db", b->dir);
    b->probe = (struct probe_def){.id = "bench",
                                  .interval_us = b->interval_us,
                                  .timeout_us = 5 * USEC_PER_SEC,
                                  .max_in_flight = 1};
    b->config = make_config(b);
    make_history(b);
    if (store_reader_open(b->path, &b->reader, &err) < 0)
        die("open", &err);
    b->at_us = end_of(b);
    measure_all(b, "at a day's end");
    b->at_us -= 17 * USEC_PER_MIN + 3141592;
    measure_all(b, "17 minutes and 3.141592 s earlier");
    store_reader_free(b->reader);
    print_sizes(b);
    if (!b->keep)
        clean(b);
    config_unref(b->config);
    free(b->path);
    free(b);
    return 0;
}
