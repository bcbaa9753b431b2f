/* Results as lines: the order, the span, pages, a reader that has seen enough. */
#include "engine/export.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "engine/import.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define LINES 5000 /* more than a page, and than EXPORT_BYTES */
#define MAX (8u << 20)
#define START_US 1792656000000000 /* 2026-10-22T08:00:00Z */

struct data {
    char dir[64], path[96];
    struct store *store;
    struct str lines, out;
    size_t at;           /* read of `lines` */
    int writes, refused; /* the write with this number is refused */
    int64_t progress;
};

static ssize_t read_lines(void *ctx, void *buf, size_t n)
{
    struct data *d = ctx;
    size_t left = d->lines.len - d->at;
    n = n < left ? n : left;
    memcpy(buf, d->lines.buf + d->at, n);
    d->at += n;
    return (ssize_t)n;
}

static int take(void *ctx, const char *text, size_t n)
{
    struct data *d = ctx;
    if (++d->writes == d->refused)
        return -1;
    assert_int_equal(text[n - 1], '\n');
    return str_addn(&d->out, text, n);
}

static void on_progress(void *ctx, int64_t results)
{
    struct data *d = ctx;
    assert_true(results >= d->progress);
    d->progress = results;
}

static void put_line(struct str *s, const char *probe, int i)
{
    str_addf(s,
             "{\"probe\":\"%s\",\"time\":\"2026-10-22T%02d:%02d:%02dZ\",\"outcome\":\"good\","
             "\"code\":200,\"latency_ms\":%d,\"phases_ms\":{\"dns\":0,\"connect\":0,\"tls\":0,"
             "\"send\":0.125,\"wait\":%d,\"transfer\":0}}\n",
             probe, 8 + i / 3600, i / 60 % 60, i % 60, 3 + i % 7, i % 7);
}

static int setup(void **state)
{
    struct data *d = mem_alloc(sizeof(*d));
    struct import_source src = {read_lines, d};
    struct import_options o = {.create_interval_us = USEC_PER_SEC};
    struct import_totals t = {0};
    snprintf(d->dir, sizeof(d->dir), "/tmp/nines-export-XXXXXX");
    assert_non_null(mkdtemp(d->dir));
    snprintf(d->path, sizeof(d->path), "%s/n.db", d->dir);
    struct store_options so = {.path = d->path};
    assert_int_equal(store_open(&so, &d->store, NULL), 0);
    str_init(&d->lines, MAX);
    str_init(&d->out, MAX);
    for (int i = 0; i < LINES; i++)
        put_line(&d->lines, "b", i);
    for (int i = 0; i < 10; i++)
        put_line(&d->lines, "a", i);
    assert_int_equal(import_into(d->store, &src, &o, &t, NULL), 0);
    assert_int_equal(t.inserted, LINES + 10);
    *state = d;
    return 0;
}

static int teardown(void **state)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", ".lock"};
    struct data *d = *state;
    assert_int_equal(store_close(d->store, USEC_PER_SEC, NULL), 0);
    for (size_t i = 0; i < countof(suffixes); i++) {
        char path[128];
        snprintf(path, sizeof(path), "%s%s", d->path, suffixes[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(d->dir), 0);
    str_release(&d->lines);
    str_release(&d->out);
    free(d);
    return 0;
}

static int64_t run(struct data *d, const char *const *probes, size_t n, int64_t from_us,
                   int64_t to_us, int want)
{
    struct store_reader *r;
    struct err err;
    int64_t results;
    struct export_options o = {.probes = probes,
                               .probe_count = n,
                               .from_us = from_us,
                               .to_us = to_us,
                               .write = take,
                               .progress = on_progress,
                               .ctx = d};
    d->writes = 0;
    d->progress = 0;
    str_clear(&d->out);
    assert_int_equal(store_reader_open(d->path, &r, NULL), 0);
    int rc = export_results(r, &o, &results, &err);
    if (rc < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(rc, want);
    store_reader_free(r);
    return results;
}

static void all_of_it(void **state)
{
    struct data *d = *state;
    static const char *const probes[] = {"b", "unknown", "a"};
    assert_int_equal(run(d, probes, countof(probes), 0, INT64_MAX, 0), LINES + 10);
    assert_string_equal(d->out.buf, d->lines.buf);
    assert_int_equal(d->progress, LINES + 10);
    assert_true(d->writes > 2);
}

static void a_span(void **state)
{
    struct data *d = *state;
    static const char *const probes[] = {"b"};
    struct str want;
    str_init(&want, MAX);
    for (int i = 100; i < 200; i++)
        put_line(&want, "b", i);
    int64_t n = run(d, probes, 1, START_US + 100 * USEC_PER_SEC, START_US + 200 * USEC_PER_SEC, 0);
    assert_int_equal(n, 100);
    assert_string_equal(d->out.buf, want.buf);
    assert_int_equal(run(d, probes, 1, START_US + 99999 * USEC_PER_SEC, INT64_MAX, 0), 0);
    assert_int_equal(d->writes, 0);
    str_release(&want);
}

static void the_reader_may_stop_it(void **state)
{
    struct data *d = *state;
    static const char *const probes[] = {"b", "a"};
    for (d->refused = 1; d->refused <= 3; d->refused++) {
        assert_true(run(d, probes, 2, 0, INT64_MAX, 1) <= LINES + 10);
        assert_int_equal(d->writes, d->refused); /* and is not asked again */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_of_it),
        cmocka_unit_test(a_span),
        cmocka_unit_test(the_reader_may_stop_it),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
