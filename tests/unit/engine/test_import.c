/* From bytes to batches: lines across reads, line numbers, limits, progress. */
#include "engine/import.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#define MAX (32u << 20)
#define BATCH 1000

struct data {
    char dir[64], path[96];
    struct store *store;
    struct str text;
    size_t at, per_read; /* of the source */
    bool broken;         /* the source fails at its end */
    int progress_calls;
    int64_t progress_bytes;
};

static int setup(void **state)
{
    struct data *d = mem_alloc(sizeof(*d));
    snprintf(d->dir, sizeof(d->dir), "/tmp/nines-import-XXXXXX");
    assert_non_null(mkdtemp(d->dir));
    snprintf(d->path, sizeof(d->path), "%s/n.db", d->dir);
    struct store_options o = {.path = d->path};
    assert_int_equal(store_open(&o, &d->store, NULL), 0);
    str_init(&d->text, MAX);
    d->per_read = MAX;
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
    str_release(&d->text);
    free(d);
    return 0;
}

static ssize_t read_text(void *ctx, void *buf, size_t n)
{
    struct data *d = ctx;
    size_t left = d->text.len - d->at;
    if (left == 0 && d->broken) {
        errno = EIO;
        return -1;
    }
    n = n < d->per_read ? n : d->per_read;
    n = n < left ? n : left;
    memcpy(buf, d->text.buf + d->at, n);
    d->at += n;
    return (ssize_t)n;
}

static void on_progress(void *ctx, int64_t bytes, const struct import_totals *t)
{
    struct data *d = ctx;
    assert_true(bytes >= d->progress_bytes && t->lines > 0);
    d->progress_bytes = bytes;
    d->progress_calls++;
}

static void add_line(struct data *d, int i)
{
    str_addf(&d->text,
             "{\"probe\":\"p%d\",\"time\":\"2026-10-22T%02d:%02d:%02dZ\",\"outcome\":\"good\","
             "\"latency_ms\":1.5}\n",
             i % 3, i / 3600, i / 60 % 60, i % 60);
}

static int run(struct data *d, const char *name, struct import_totals *t, struct err *err)
{
    struct import_source src = {read_text, d};
    struct import_options o = {.name = name,
                               .create_interval_us = USEC_PER_SEC,
                               .batch_rows = BATCH,
                               .progress = on_progress,
                               .ctx = d};
    *t = (struct import_totals){0};
    d->at = 0;
    d->progress_bytes = 0;
    return import_into(d->store, &src, &o, t, err);
}

static void expect_error(struct data *d, const char *name, const char *words)
{
    struct import_totals t;
    struct err err = {{0}};
    assert_int_equal(run(d, name, &t, &err), -1);
    if (!strstr(err.msg, words))
        fail_msg("\"%s\" does not say \"%s\"", err.msg, words);
}

static void lines_may_be_cut_anywhere(void **state)
{
    struct data *d = *state;
    static const size_t sizes[] = {MAX, 1, 7, 64, 4096};
    struct import_totals t;
    struct err err = {{0}};
    for (int i = 0; i < 500; i++)
        add_line(d, i);
    str_add(&d->text, "\n  \r\n"); /* blank lines are nothing */
    add_line(d, 500);
    d->text.buf[--d->text.len] = '\0'; /* the last line needs no end */
    for (size_t i = 0; i < countof(sizes); i++) {
        d->per_read = sizes[i];
        if (run(d, "f", &t, &err) < 0)
            fail_msg("%s", err.msg);
        assert_int_equal(t.lines, 501);
        assert_int_equal(i == 0 ? t.inserted : t.same, 501);
    }
}

static void batches_report_progress(void **state)
{
    struct data *d = *state;
    struct import_totals t;
    for (int i = 0; i < 2 * BATCH + 1; i++)
        add_line(d, i);
    assert_int_equal(run(d, "f", &t, NULL), 0);
    assert_int_equal(t.inserted, 2 * BATCH + 1);
    assert_int_equal(d->progress_calls, 3);
    assert_int_equal(d->progress_bytes, d->text.len);
}

static void errors_name_the_line(void **state)
{
    struct data *d = *state;
    struct import_totals t;
    for (int i = 0; i < BATCH + 1; i++)
        add_line(d, i);
    str_add(&d->text, "\n{\"probe\":1}\n");
    expect_error(d, "h.ndjson", "h.ndjson:1003: \"probe\" must be a string");
    expect_error(d, NULL, "1003: \"probe\" must be a string");
    /* Nothing of the file reaches a terminal as an order. */
    str_clear(&d->text);
    str_add(&d->text, "\033[31m\n");
    expect_error(d, "f", "f:1: not JSON: '[' or '{' expected near '?'");
    /* The batches before it are stored. */
    str_clear(&d->text);
    add_line(d, 0);
    assert_int_equal(run(d, "f", &t, NULL), 0);
    assert_int_equal(t.same, 1);
}

static void an_unknown_probe_names_its_line(void **state)
{
    struct data *d = *state;
    struct import_source src = {read_text, d};
    struct import_options o = {.name = "f"};
    struct import_totals t = {0};
    struct err err = {{0}};
    str_add(&d->text, "\n");
    add_line(d, 1);
    assert_int_equal(import_into(d->store, &src, &o, &t, &err), -1);
    assert_non_null(strstr(err.msg, "f:2: unknown probe 'p1'"));
}

/* The batch that fails is under way while a line behind it is read: the earlier
 * line is named, and nothing behind it is stored. */
static void the_first_error_is_told(void **state)
{
    struct data *d = *state;
    struct import_totals t;
    struct import_source src = {read_text, d};
    struct import_options o = {.name = "f", .batch_rows = BATCH};
    struct err err = {{0}};
    for (int i = 0; i < 3; i++) /* makes three probes */
        add_line(d, i);
    assert_int_equal(run(d, "f", &t, NULL), 0);
    str_clear(&d->text);
    for (int i = 0; i < BATCH; i++)
        add_line(d, i);
    str_add(&d->text,
            "{\"probe\":\"q\",\"time\":\"2026-10-22T08:00:00Z\",\"outcome\":\"skipped\"}\n");
    for (int i = 0; i < 2 * BATCH; i++)
        add_line(d, BATCH + i);
    str_add(&d->text, "no line\n");
    d->at = 0;
    t = (struct import_totals){0};
    assert_int_equal(import_into(d->store, &src, &o, &t, &err), -1);
    assert_non_null(strstr(err.msg, "f:1001: unknown probe 'q'"));
    assert_int_equal(t.lines, BATCH);
    assert_int_equal(t.inserted, BATCH - 3);
}

static void long_lines_are_refused(void **state)
{
    struct data *d = *state;
    struct import_totals t;
    add_line(d, 0);
    for (int i = 0; i < IMPORT_LINE_MAX; i++) /* just as long as may be */
        str_addc(&d->text, ' ');
    str_addc(&d->text, '\n');
    assert_int_equal(run(d, "f", &t, NULL), 0);
    for (int i = 0; i < IMPORT_LINE_MAX + 1; i++)
        str_addc(&d->text, ' ');
    expect_error(d, "f", "f:3: longer than 64 KiB");
    str_addc(&d->text, '\n');
    expect_error(d, "f", "f:3: longer than 64 KiB");
}

static void a_source_may_fail(void **state)
{
    struct data *d = *state;
    add_line(d, 0);
    d->broken = true;
    expect_error(d, "f", "cannot read f: ");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(lines_may_be_cut_anywhere), T(batches_report_progress),
        T(errors_name_the_line),      T(an_unknown_probe_names_its_line),
        T(the_first_error_is_told),   T(long_lines_are_refused),
        T(a_source_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
