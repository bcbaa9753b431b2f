/* Options, operands, usage errors and help, as a command sees them. */
#include "../cmocka_all.h"

#include "base/mem.h"
#include "base/units.h"
#include "cli/cli.h"
#include "nines/diag.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct command report = {
    .name = "report",
    .arguments = "[SLO...]",
    .summary = "Print the report.",
    .details = "Example:\n  nines report --at 2026-10-22T08:00:00Z\n",
};

struct parsed {
    struct cli_common common;
    bool watch;
    const char *slo;
    struct option_list header;
    int64_t at, timeout;
    int first, argc;
    char *argv[64];
};

/* Splits `line` at spaces, parses it; what is printed goes to `out`. */
static int parse(struct parsed *p, char *line, char *out, size_t size)
{
    *p = (struct parsed){0};
    const struct cli_option options[] = {
        {"watch", 'w', OPT_FLAG, &p->watch, NULL, "keep going"},
        {"slo", 's', OPT_STRING, &p->slo, "NAME", "only this one"},
        {"header", 'H', OPT_STRINGS, &p->header, "TEXT", "one more header"},
        {"at", 0, OPT_TIME, &p->at, "TIME", "as of then"},
        {"timeout", 0, OPT_DURATION, &p->timeout, "DURATION", "no longer than this"},
        {0},
    };
    for (char *save = NULL, *w = strtok_r(line, " ", &save); w; w = strtok_r(NULL, " ", &save))
        p->argv[p->argc++] = w;

    FILE *file = tmpfile();
    fflush(stdout);
    fflush(stderr);
    int saved_out = dup(STDOUT_FILENO), saved_err = dup(STDERR_FILENO);
    dup2(fileno(file), STDOUT_FILENO);
    dup2(fileno(file), STDERR_FILENO);
    int rc = cli_parse(&report, options, p->argc, p->argv, &p->common, &p->first);
    fflush(stdout);
    fflush(stderr);
    dup2(saved_out, STDOUT_FILENO);
    dup2(saved_err, STDERR_FILENO);
    close(saved_out);
    close(saved_err);
    rewind(file);
    size_t n = fread(out, 1, size - 1, file);
    out[n] = '\0';
    fclose(file);
    return rc;
}

static char out[4096];

static void all_forms(void **state)
{
    (void)state;
    struct parsed p;
    char line[] = "report one --slo=a=b -w two --header x -Hy -H z --at 2026-10-22T08:00:00Z "
                  "--timeout 1m30s --config c.yaml --db d -f json three -- --four -";
    assert_int_equal(parse(&p, line, out, sizeof(out)), -1);
    assert_string_equal(p.slo, "a=b");
    assert_true(p.watch);
    assert_int_equal(p.header.n, 3);
    assert_string_equal(p.header.at[0], "x");
    assert_string_equal(p.header.at[1], "y");
    assert_string_equal(p.header.at[2], "z");
    assert_int_equal(p.at, 1792656000000000);
    assert_int_equal(p.timeout, 90 * USEC_PER_SEC);
    assert_string_equal(p.common.config, "c.yaml");
    assert_string_equal(p.common.db, "d");
    assert_string_equal(p.common.format, "json");
    assert_int_equal(p.argc - p.first, 5);
    static const char *const operands[] = {"one", "two", "three", "--four", "-"};
    for (int i = 0; i < 5; i++)
        assert_string_equal(p.argv[p.first + i], operands[i]);
    assert_string_equal(out, "");
}

static void nothing_at_all(void **state)
{
    (void)state;
    struct parsed p;
    char line[] = "report";
    assert_int_equal(parse(&p, line, out, sizeof(out)), -1);
    assert_int_equal(p.first, p.argc);
    assert_null(p.common.format);
}

static void json_is_a_format(void **state)
{
    (void)state;
    struct parsed p;
    char line[] = "report -ws x --json", clash[] = "report --json --format csv";
    assert_int_equal(parse(&p, line, out, sizeof(out)), -1);
    assert_string_equal(p.common.format, "json");
    assert_string_equal(p.slo, "x");
    assert_int_equal(parse(&p, clash, out, sizeof(out)), EXIT_USAGE);
}

static void usage_errors(void **state)
{
    (void)state;
    static const struct {
        const char *line, *message;
    } cases[] = {
        {"report --formta json", "unknown option '--formta'; did you mean '--format'?"},
        {"report --timeuot=1s", "did you mean '--timeout'?"},
        {"report --qqqqqq", "unknown option '--qqqqqq'\n"},
        {"report -x", "unknown option '-x'"},
        {"report --slo", "--slo needs a value: NAME"},
        {"report -s", "--slo needs a value: NAME"},
        {"report --watch=yes", "--watch takes no value"},
        {"report --at yesterday", "--at: expected a time like 2026-10-22T08:00:00Z"},
        {"report --timeout 15", "--timeout: expected a duration like 15s"},
        {"report --color sometimes", "--color is auto, always or never; found 'sometimes'"},
    };
    for (size_t i = 0; i < countof(cases); i++) {
        struct parsed p;
        char line[100];
        snprintf(line, sizeof(line), "%s", cases[i].line);
        assert_int_equal(parse(&p, line, out, sizeof(out)), EXIT_USAGE);
        assert_non_null(strstr(out, cases[i].message));
        assert_non_null(strstr(out, "nines report: "));
        assert_non_null(strstr(out, "Try 'nines report --help'."));
    }
}

static void lists_are_bounded(void **state)
{
    (void)state;
    struct parsed p;
    char line[512] = "report";
    size_t len = strlen(line);
    for (int i = 0; i < 33; i++)
        len += (size_t)snprintf(line + len, sizeof(line) - len, " -Hx");
    assert_int_equal(parse(&p, line, out, sizeof(out)), EXIT_USAGE);
    assert_non_null(strstr(out, "at most 32 times"));
}

static void help_lists_everything(void **state)
{
    (void)state;
    struct parsed p;
    char line[] = "report -h";
    assert_int_equal(parse(&p, line, out, sizeof(out)), EXIT_GOOD);
    static const char *const parts[] = {
        "usage: nines report [OPTION...] [SLO...]",
        "Print the report.",
        "-s, --slo NAME",
        "    --at TIME",
        "--json",
        "--color WHEN",
        "Example:\n  nines report --at",
    };
    for (size_t i = 0; i < countof(parts); i++)
        assert_non_null(strstr(out, parts[i]));
}

static void colour_by_environment(void **state)
{
    (void)state;
    struct cli_common auto_ = {0}, always = {.color = "always"}, never = {.color = "never"};
    FILE *f = tmpfile();
    unsetenv("NO_COLOR");
    unsetenv("CLICOLOR_FORCE");
    assert_false(cli_color(&auto_, f));
    setenv("CLICOLOR_FORCE", "1", 1);
    assert_true(cli_color(&auto_, f));
    assert_false(cli_color(&never, f));
    setenv("NO_COLOR", "1", 1);
    assert_false(cli_color(&auto_, f));
    assert_true(cli_color(&always, f));
    unsetenv("COLUMNS");
    assert_int_equal(cli_width(f), 80);
    setenv("COLUMNS", "120", 1);
    assert_int_equal(cli_width(f), 120);
    setenv("COLUMNS", "junk", 1);
    assert_int_equal(cli_width(f), 80);
    fclose(f);
}

static void diag_is_shown_with_places(void **state)
{
    (void)state;
    struct diag d = {0};
    diag_error(&d, (struct pos){"a.yaml", 3, 7}, "bad %s", "\033[31mred");
    diag_warning(&d, (struct pos){"b.yaml", 0, 0}, "odd");
    diag_warning(&d, (struct pos){"c.yaml", 0, 0}, "%s",
                 "\xc2\x9b"
                 "1m \u202e"
                 "bidi\u2066 \u00fc \u20ac");
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    cli_print_diag(&d, f, false);
    fclose(f);
    assert_string_equal(text, "a.yaml:3:7: error: bad \\x1b[31mred\nb.yaml: warning: odd\n"
                              "c.yaml: warning: \\xc2\\x9b1m \\xe2\\x80\\xaebidi\\xe2\\x81\\xa6 "
                              "\u00fc \u20ac\n");
    free(text);
    diag_release(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_forms),
        cmocka_unit_test(nothing_at_all),
        cmocka_unit_test(json_is_a_format),
        cmocka_unit_test(usage_errors),
        cmocka_unit_test(lists_are_bounded),
        cmocka_unit_test(help_lists_everything),
        cmocka_unit_test(colour_by_environment),
        cmocka_unit_test(diag_is_shown_with_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
