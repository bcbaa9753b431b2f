/* nines status: one screen on how everything stands. */
#include "cli/cli.h"
#include "cli/select.h"
#include "cli/status.h"
#include "cli/table.h"

#include "base/clock.h"
#include "base/str.h"
#include "engine/overview.h"
#include "nines/config.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define STATUS_BYTES_MAX (64u << 20)
#define WATCH_SECONDS 2

struct screen {
    struct config *cfg;
    struct store_reader *reader;
    bool json, color, watch;
    struct cli_select select;
    const char *group_by;
    int64_t at_us; /* 0: now */
};

static int draw(const struct screen *s, struct str *text, struct err *reterr)
{
    struct overview *o;
    struct clock clock;
    clock_init(&clock);
    if (overview_read(s->cfg, s->reader, s->select.chosen, clock_now(&clock), s->at_us, &o,
                      reterr) < 0)
        return -1;
    struct report_style style = {
        .color = s->color, .width = cli_width(stdout), .group_by = s->group_by};
    int rc = s->json ? status_put_json(o, &style, text) : status_put_text(o, &style, text);
    overview_free(o);
    return rc < 0 ? err_set(reterr, "there is too much to show on one screen") : 0;
}

/* Over the last frame, line by line, so that nothing flickers. */
static void put_frame(const struct str *text, bool over)
{
    if (!over) {
        fwrite(text->buf, 1, text->len, stdout);
        fflush(stdout);
        return;
    }
    fputs("\033[H", stdout);
    for (const char *p = text->buf; *p;) {
        size_t n = strcspn(p, "\n");
        fwrite(p, 1, n, stdout);
        fputs("\033[K", stdout);
        p += n;
        if (*p)
            fputc(*p++, stdout);
    }
    fputs("\033[J", stdout);
    fflush(stdout);
}

static int show(const struct command *self, const struct screen *s)
{
    const char *term = getenv("TERM");
    bool over = s->watch && !s->json && isatty(STDOUT_FILENO) && term && !str_eq(term, "dumb");
    struct str text;
    struct err err = {{0}};
    int rc = EXIT_GOOD;
    str_init(&text, STATUS_BYTES_MAX);
    if (over)
        fputs("\033[2J", stdout);
    do {
        str_clear(&text);
        if (draw(s, &text, &err) < 0) {
            rc = cli_fail(self, "%s", err.msg);
            break;
        }
        put_frame(&text, over);
        if (s->watch)
            nanosleep(&(struct timespec){.tv_sec = WATCH_SECONDS}, NULL);
    } while (s->watch && !ferror(stdout));
    str_release(&text);
    return rc;
}

static int run(const struct command *self, int argc, char **argv)
{
    struct cli_common common = {0};
    struct screen s = {0};
    const struct cli_option options[] = {
        {"at", 0, OPT_TIME, &s.at_us, "TIME", "as it stood at TIME instead of now"},
        {"watch", 'w', OPT_FLAG, &s.watch, NULL, "draw anew every 2 seconds, until ^C"},
        CLI_SELECT_SERVICE(s.select),
        CLI_SELECT_LABEL(s.select),
        CLI_GROUP_BY(s.group_by),
        {0},
    };
    int first, rc = cli_parse(self, options, argc, argv, &common, &first);
    if (rc >= 0)
        return rc;
    if (first < argc)
        return cli_usage(self, "unexpected argument '%s'", argv[first]);
    if (s.watch && s.at_us)
        return cli_usage(self, "--watch shows what is now, --at what was: choose one");
    if (common.format && !str_eq(common.format, "text") && !str_eq(common.format, "json"))
        return cli_usage(self, "--format is text or json; found '%s'", common.format);
    if ((rc = cli_select(self, &s.select)) >= 0)
        return rc;
    s.json = str_eq(common.format, "json");
    s.color = cli_color(&common, stdout);
    s.cfg = cli_config(self, &common, true);
    if (!s.cfg)
        return EXIT_BAD;
    struct err err = {{0}};
    if (cli_check_group(s.cfg, s.group_by, &err) < 0 ||
        store_reader_open(s.cfg->daemon.database, &s.reader, &err) < 0)
        rc = cli_fail(self, "%s", err.msg);
    else
        rc = show(self, &s);
    store_reader_free(s.reader);
    config_unref(s.cfg);
    return rc;
}

const struct command command_status = {
    .name = "status",
    .arguments = "",
    .summary = "show SLOs, budgets, alerts and probes on one screen",
    .details = "Reads the database, with or without a running daemon.\n\n"
               "Examples:\n"
               "  nines status\n"
               "  nines status --watch\n"
               "  nines status --at 2026-11-21T03:00:00Z\n"
               "  nines status --json\n",
    .run = run,
};
