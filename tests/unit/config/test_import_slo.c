/*
 * SLO files of other tools in tests/golden/import-slo: what is written for each
 * (.out, with --prometheus .server.out) and what is said (.err). A new file gets
 * them with NINES_GOLDEN_UPDATE=1; read them before you believe them. That what
 * is written loads is shown by tests/e2e/test_import_slo.py.
 */
#include "../cmocka_all.h"
#include "fake.h"

#include "config/import_slo.h"

#include "base/mem.h"
#include "base/str.h"

#include <glob.h>
#include <stdio.h>
#include <unistd.h>

#define TEXT_MAX ((size_t)1 << 20)

static void slurp(const char *path, struct str *out)
{
    char buf[4096];
    FILE *f = fopen(path, "re");
    if (!f)
        return;
    for (size_t n; (n = fread(buf, 1, sizeof(buf), f)) > 0;)
        str_addn(out, buf, n);
    fclose(f);
}

static int import_text(const char *name, const char *text, const struct import_slo_options *o,
                       struct str *out, struct str *said)
{
    struct diag diag = {0};
    struct import_slo_counts n;
    struct import_slo_file file = {name, text, strlen(text)};
    int rc = import_slos(&file, 1, o, out, &diag, &n);
    assert_int_equal(rc, diag.errors ? -1 : 0);
    diag_sort(&diag);
    for (size_t i = 0; i < diag.n; i++)
        str_addf(said, "%d:%d: %s: %s\n", diag.items[i].pos.line, diag.items[i].pos.column,
                 diag.items[i].warning ? "warning" : "error", diag.items[i].text);
    diag_release(&diag);
    return rc;
}

/* 0 when the file `path` with another ending holds this. */
static int compare(const char *path, const char *ending, const char *got)
{
    struct str want;
    mem_auto char *golden = mem_printf("%.*s%s", (int)(strrchr(path, '.') - path), path, ending);
    str_init(&want, TEXT_MAX);
    if (getenv("NINES_GOLDEN_UPDATE")) {
        FILE *f = fopen(golden, "we");
        assert_non_null(f);
        fputs(got, f);
        fclose(f);
    }
    slurp(golden, &want);
    bool same = str_eq(got, want.buf) && access(golden, R_OK) == 0;
    if (!same)
        print_error("---- %s: expected\n%s---- found\n%s", golden, want.buf, got);
    str_release(&want);
    return same ? 0 : 1;
}

static int check_file(const char *path)
{
    struct import_slo_options page = {.tables = &fake_tables};
    struct import_slo_options server = {.prometheus = "http://prom.example:9090/",
                                        .tables = &fake_tables};
    struct str text, out, said;
    str_init(&text, TEXT_MAX);
    str_init(&out, TEXT_MAX);
    str_init(&said, TEXT_MAX);
    slurp(path, &text);
    int rc = import_text(path, text.buf, &page, &out, &said);
    assert_int_equal(rc, str_starts(path, "bad_") ? -1 : 0);
    int bad = compare(path, ".err", said.buf);
    if (rc == 0)
        bad += compare(path, ".out", out.buf);
    else
        assert_int_equal(out.len, 0);
    str_clear(&out);
    if (rc == 0 && import_text(path, text.buf, &server, &out, &said) == 0)
        bad += compare(path, ".server.out", out.buf);
    str_release(&text);
    str_release(&out);
    str_release(&said);
    struct fake_counts n = fake_take_counts();
    assert_int_equal(n.zones_opened, n.zones_freed);
    return bad;
}

static void golden(void **state)
{
    (void)state;
    glob_t files;
    int bad = 0;
    assert_int_equal(chdir(GOLDEN_DIR "/../import-slo"), 0);
    assert_int_equal(glob("*.yaml", 0, NULL, &files), 0);
    assert_true(files.gl_pathc > 10);
    for (size_t i = 0; i < files.gl_pathc; i++)
        bad += check_file(files.gl_pathv[i]);
    globfree(&files);
    assert_int_equal(bad, 0);
}

#define SLOTH(slos) "version: prometheus/v1\nservice: s\nslos: [" slos "]\n"
#define ONE(name)                                                                                  \
    "{name: " name ", objective: 99, sli: {events: {error_query: 'sum(rate(e[1m]))', "             \
    "total_query: 'sum(rate(t[1m]))'}}}"

/* With a probe of the user's, none is written. */
static void given_probe(void **state)
{
    (void)state;
    struct import_slo_options o = {.probe = "mine"};
    struct str out, said;
    str_init(&out, TEXT_MAX);
    str_init(&said, TEXT_MAX);
    assert_int_equal(import_text("x", SLOTH(ONE("a")), &o, &out, &said), 0);
    assert_null(strstr(out.buf, "kind: Probes"));
    assert_non_null(strstr(out.buf, "      probe: mine\n"));
    str_release(&out);
    str_release(&said);
}

/* What files hold does not leave its place: neither a quoted text nor a comment. */
static void hostile_text(void **state)
{
    (void)state;
    struct import_slo_options o = {0};
    struct str out, said;
    str_init(&out, TEXT_MAX);
    str_init(&said, TEXT_MAX);
    assert_int_equal(import_text("a\nfile",
                                 SLOTH("{name: a, objective: 99, \"x\\nkind: Daemon"
                                       "\\u2028kind: b\\u0085k\": 1}"),
                                 &o, &out, &said),
                     0);
    for (const char *line = out.buf; *line;) {
        const char *end = strchr(line, '\n');
        assert_true(str_starts(line, "  # ") || end == line);
        line = end + 1;
    }
    assert_null(strstr(out.buf, "\xe2\x80\xa8"));
    assert_null(strstr(out.buf, "\xc2\x85"));
    str_release(&out);
    str_release(&said);
}

/* More than fits: an error, and nothing written. */
static void too_many(void **state)
{
    (void)state;
    struct import_slo_options o = {0};
    struct str text, out, said;
    str_init(&text, TEXT_MAX);
    str_init(&out, 16);
    str_init(&said, TEXT_MAX);
    assert_int_equal(import_text("x", SLOTH(ONE("a")), &o, &out, &said), -1);
    assert_non_null(strstr(said.buf, "too much to write"));
    assert_int_equal(out.len, 0);
    str_add(&text, "version: prometheus/v1\nslos:\n");
    for (int i = 0; i <= IMPORT_SLOS_MAX; i++)
        str_addf(&text, "- {name: a%d}\n", i);
    str_clear(&said);
    assert_int_equal(import_text("x", text.buf, &o, &out, &said), -1);
    assert_non_null(strstr(said.buf, "more than 2000 SLOs; import the files one by one"));
    str_release(&text);
    str_release(&out);
    str_release(&said);
}

/* `text` as the error ratio of an SLO that is not carried over, for this reason. */
static void expect_refused(const char *text, const char *why)
{
    struct import_slo_options o = {0};
    struct str file, out, said;
    str_init(&file, TEXT_MAX);
    str_init(&out, TEXT_MAX);
    str_init(&said, TEXT_MAX);
    str_addf(&file, SLOTH("{name: a, objective: 99, sli: {raw: {error_ratio_query: '%s'}}}"), text);
    assert_int_equal(import_text("x", file.buf, &o, &out, &said), 0);
    if (!strstr(said.buf, why) || strstr(out.buf, "name:"))
        fail_msg("%s: expected %s; found %s\n%s", text, why, said.buf, out.buf);
    str_release(&file);
    str_release(&out);
    str_release(&said);
}

#define SUM(x) "sum(rate(" x "[5m]))"

/* Where reading a query ends. */
static void queries(void **state)
{
    (void)state;
    struct str text;
    str_init(&text, TEXT_MAX);
    for (int i = 0; i < 9000; i++)
        str_addc(&text, ' ');
    expect_refused(text.buf, "a query of more than 8192 bytes");
    str_clear(&text);
    for (int i = 0; i < 40; i++)
        str_addc(&text, '(');
    expect_refused(text.buf, "more than 16 parentheses");
    str_release(&text);
    expect_refused("((" SUM("a") "-" SUM("b") ")-" SUM("c") ")/" SUM("a"),
                   "a difference of more than two sums");
    expect_refused("2 - " SUM("a") "/" SUM("b"), "expected sum(rate(SELECTOR[window]))");
    expect_refused("1.5 - " SUM("a") "/" SUM("b"), "expected sum(rate(SELECTOR[window]))");
    expect_refused("1 + " SUM("a") "/" SUM("b"), "expected '-', found '+");
    expect_refused(SUM("a") "*" SUM("b"), "expected '/', found '*");
    expect_refused(SUM("a") "/" SUM("b") "*100", "expected the end of the query, found '*100'");
    expect_refused(SUM("a") "-" SUM("b") "/" SUM("b"), "expected '/', found '-");
    expect_refused("sum(irate(a[5m]))/" SUM("b"), "expected rate(...) or increase(...)");
    expect_refused("sum(rate(a[5m] offset 1d))/" SUM("b"), "expected ')', found 'offset 1d");
    expect_refused("sum(rate(a[$x]))/" SUM("b"), "expected {{.window}} or a duration");
    expect_refused("summary_total/" SUM("b"), "expected sum(rate(SELECTOR[window]))");
    expect_refused(SUM("a{b=~\"(\"}") "/" SUM("b"), "error_ratio_query: ");
    expect_refused("(" SUM("a") " or vector(1))/" SUM("b"), "expected '0', found '1)");
    expect_refused(SUM("a") " or vector(0) / " SUM("b"),
                   "expected ')' or the end behind vector(0), found '/");
    expect_refused("(" SUM("a") " or " SUM("c") ")/" SUM("b"), "expected vector(0)");
    expect_refused("(" SUM("a") "-" SUM("b") ")/" SUM("c"),
                   "a difference of counters other than all less some");
    expect_refused(SUM("a") "/(" SUM("b") "-" SUM("a") ")",
                   "the total is a difference of counters");
    expect_refused("1 - " SUM("a") "/" SUM("a"), "every event would be good");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden),   cmocka_unit_test(given_probe), cmocka_unit_test(hostile_text),
        cmocka_unit_test(too_many), cmocka_unit_test(queries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
