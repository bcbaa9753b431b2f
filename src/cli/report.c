/* nines report: error-budget reports. */
#include "cli/cli.h"
#include "cli/select.h"
#include "cli/table.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "engine/query.h"
#include "nines/config.h"
#include "slo/budget.h"
#include "slo/period.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define REPORT_BYTES_MAX (256u << 20)
#define FORMATS_MAX 16

struct report_options {
    const char *slo, *out, *fail_on, *period, *group_by;
    int64_t from_us, to_us, at_us;
    struct period parsed; /* of `period` */
    struct cli_select select;
};

static const struct report_format *find_format(const struct command *self, const char *name,
                                               int *ret_rc)
{
    const char *names[FORMATS_MAX];
    size_t n = 0;
    for (; report_formats[n] && n < FORMATS_MAX; n++) {
        names[n] = report_formats[n]->name;
        if (str_eq(name, names[n]))
            return report_formats[n];
    }
    const char *near = str_nearest(name, names, n);
    *ret_rc = near ? cli_usage(self, "unknown format '%s'; did you mean '%s'?", name, near)
                   : cli_usage(self,
                               "unknown format '%s'; there are text, json, markdown, html "
                               "and csv",
                               name);
    return NULL;
}

/* EXIT_USAGE, or -1 when the options make sense. */
static int check_options(const struct command *self, struct report_options *o)
{
    struct err err;
    if ((o->from_us != 0) != (o->to_us != 0))
        return cli_usage(self, "--from and --to belong together");
    if (o->to_us && o->at_us)
        return cli_usage(self, "--at looks back from one instant; --from and --to name both ends");
    if (o->to_us && o->from_us >= o->to_us)
        return cli_usage(self, "--from must be before --to");
    if (o->period && (o->to_us || o->at_us))
        return cli_usage(self, "--period is a span of its own; --from, --to and --at name others");
    if (o->period && period_parse(o->period, &o->parsed, &err) < 0)
        return cli_usage(self, "--period: %s", err.msg);
    if (o->fail_on && !str_eq(o->fail_on, "breached"))
        return cli_usage(self, "--fail-on knows 'breached'; found '%s'", o->fail_on);
    return cli_select(self, &o->select);
}

static int write_all(int fd, const char *data, size_t n)
{
    while (n > 0) {
        ssize_t done = write(fd, data, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return -1;
        data += done;
        n -= (size_t)done;
    }
    return 0;
}

/* A device or a pipe cannot be replaced, only written to. */
static int write_through(const char *path, const struct str *text, struct err *reterr)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(reterr, errno, "cannot write %s", path);
    int rc = write_all(fd, text->buf, text->len);
    int cause = errno;
    close(fd);
    return rc < 0 ? err_errno(reterr, cause, "cannot write %s", path) : 0;
}

/* Whoever reads `path` sees the old report or the new one, never half of it. */
static int replace_file(const char *path, const struct str *text, struct err *reterr)
{
    mem_auto char *temp = mem_printf("%s.%ld.tmp", path, (long)getpid());
    int fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0)
        return err_errno(reterr, errno, "cannot write %s", temp);
    bool bad = write_all(fd, text->buf, text->len) < 0 || fsync(fd) < 0;
    int cause = errno;
    if (close(fd) < 0 && !bad) {
        bad = true;
        cause = errno;
    }
    if (!bad && rename(temp, path) < 0) {
        bad = true;
        cause = errno;
    }
    if (!bad)
        return 0;
    unlink(temp);
    return err_errno(reterr, cause, "cannot write %s", path);
}

static int write_file(const char *path, const struct str *text, struct err *reterr)
{
    struct stat st;
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
        return write_through(path, text, reterr);
    /* A link stays, and what it leads to is replaced. */
    char *target = realpath(path, NULL);
    int rc = replace_file(target ? target : path, text, reterr);
    free(target);
    return rc;
}

static int put(const struct report *report, const struct report_format *format,
               const struct cli_common *common, const struct report_options *o, struct err *reterr)
{
    const char *path = o->out;
    struct report_style style = {.color = !path && cli_color(common, stdout),
                                 .width = cli_width(stdout),
                                 .group_by = o->group_by};
    struct str text;
    str_init(&text, REPORT_BYTES_MAX);
    int rc = 0;
    if (format->write(report, &style, &text) < 0)
        rc = err_set(reterr, "the report would be larger than %u MiB; name one with --slo",
                     REPORT_BYTES_MAX >> 20);
    else if (path)
        rc = write_file(path, &text, reterr);
    else
        fwrite(text.buf, 1, text.len, stdout);
    str_release(&text);
    return rc;
}

/* Few events prove nothing: a single bad one would fail any gate. */
static bool any_breached(const struct report *r)
{
    for (size_t i = 0; i < r->slo_count; i++) {
        const struct report_slo *s = &r->slos[i];
        if (s->state == SLO_BREACHED && s->conclusive)
            return true;
    }
    return false;
}

static int compute(struct config *cfg, const struct report_options *o, struct report **ret,
                   struct err *reterr)
{
    struct clock clock;
    struct store_reader *reader;
    struct query q = {.slo = o->slo,
                      .select = o->select.chosen,
                      .at_us = o->at_us,
                      .from_us = o->from_us,
                      .to_us = o->to_us};
    if (store_reader_open(cfg->daemon.database, &reader, reterr) < 0)
        return -1;
    clock_init(&clock);
    int64_t now = clock_now(&clock);
    int rc = 0;
    if (!q.at_us && !q.to_us)
        rc = query_now(reader, now, &q.at_us, reterr);
    if (rc == 0 && o->period) {
        q.period = &o->parsed;
        rc = query_period_end(cfg, &q, q.at_us, &q.at_us, reterr);
        now = q.at_us;
    }
    q.generated_at_us = o->to_us ? o->to_us : o->at_us ? o->at_us : now;
    if (rc == 0)
        rc = query_report(cfg, reader, &q, ret, reterr);
    store_reader_free(reader);
    return rc;
}

static int run(const struct command *self, int argc, char **argv)
{
    struct cli_common common = {0};
    struct report_options o = {0};
    const struct cli_option options[] = {
        {"slo", 's', OPT_STRING, &o.slo, "NAME", "only this SLO"},
        CLI_SELECT_SERVICE(o.select),
        CLI_SELECT_LABEL(o.select),
        CLI_GROUP_BY(o.group_by),
        {"at", 0, OPT_TIME, &o.at_us, "TIME", "look back from TIME instead of now"},
        {"from", 0, OPT_TIME, &o.from_us, "TIME", "report on [from, to) instead of the window"},
        {"to", 0, OPT_TIME, &o.to_us, "TIME", "end of that span"},
        {"period", 0, OPT_STRING, &o.period, "PERIOD",
         "report on a period that is over: 2026-10, 2026, 2026-Q3, 2026-W45, 2026-10-21"},
        {"fail-on", 0, OPT_STRING, &o.fail_on, "STATE",
         "'breached': exit 3 if an objective with enough events is breached"},
        {"out", 'o', OPT_STRING, &o.out, "FILE", "write to FILE, at once"},
        {0},
    };
    int first, rc = cli_parse(self, options, argc, argv, &common, &first);
    if (rc >= 0)
        return rc;
    if (first < argc)
        return cli_usage(self, "unexpected argument '%s'; one SLO is named by --slo", argv[first]);
    if ((rc = check_options(self, &o)) >= 0)
        return rc;
    const struct report_format *format =
        find_format(self, common.format ? common.format : "text", &rc);
    if (!format)
        return rc;
    struct config *cfg = cli_config(self, &common, true);
    if (!cfg)
        return EXIT_BAD;
    struct report *report = NULL;
    struct err err = {{0}};
    if (cli_check_group(cfg, o.group_by, &err) < 0 || compute(cfg, &o, &report, &err) < 0 ||
        put(report, format, &common, &o, &err) < 0)
        rc = cli_fail(self, "%s", err.msg);
    else
        rc = o.fail_on && any_breached(report) ? EXIT_BREACHED : EXIT_GOOD;
    query_report_free(report);
    config_unref(cfg);
    return rc;
}

const struct command command_report = {
    .name = "report",
    .arguments = "",
    .summary = "tell how much error budget is left, and where it went",
    .details = "Formats: text, json, markdown, html (one self-contained file) and csv. Times are\n"
               "RFC 3339, such as 2026-11-21T00:00:00Z. Without --at the report looks back from\n"
               "now. --period is a period of the calendar by the time zone of each SLO's\n"
               "calendar window, or UTC, beside the period before; it must be over. What the\n"
               "numbers mean: docs/numbers.md.\n\n"
               "Examples:\n"
               "  nines report\n"
               "  nines report --slo api-availability --format json\n"
               "  nines report --from 2026-11-01T00:00:00Z --to 2026-11-08T00:00:00Z\n"
               "  nines report --period 2026-10 --format markdown\n"
               "  nines report --format html --out report.html\n"
               "  nines report --fail-on breached --format markdown    # a gate in CI\n",
    .run = run,
};
