/* nines demo: a tour in a minute, and the sample platform on its own. */
#include "cli/cli.h"
#include "cli/table.h"

#include "base/clock.h"
#include "base/str.h"
#include "cli/demo.h"
#include "demo/answers.h"
#include "demo/history.h"
#include "demo/platform.h"

#include <errno.h>

static int parse_seed(const struct command *self, const char *text, uint64_t *ret)
{
    char *end;
    if (!text)
        return -1;
    errno = 0;
    *ret = strtoull(text, &end, 10);
    if (!*text || *end || errno || strspn(text, "0123456789") != strlen(text))
        return cli_usage(self, "--seed is a whole number; found '%s'", text);
    return -1;
}

/* ---- nines demo serve ------------------------------------------------------------ */

static int add_incidents(const char *script, const struct option_list *specs, struct incident *list,
                         size_t *n, struct err *reterr)
{
    *n = 0;
    if (script && incident_load(script, list, INCIDENTS_MAX, n, reterr) < 0)
        return -1;
    for (size_t i = 0; i < specs->n; i++) {
        if (*n == INCIDENTS_MAX)
            return err_set(reterr, "at most %d incidents", INCIDENTS_MAX);
        struct err why;
        if (incident_parse(specs->at[i], &list[(*n)++], &why) < 0)
            return err_set(reterr, "--incident: %s", why.msg);
    }
    return 0;
}

static const struct command command_serve = {
    .name = "demo serve",
    .arguments = "",
    .summary = "run the sample agent platform alone",
    .details =
        "Health, readiness, metrics, agent and chat endpoints on loopback, with faults\n"
        "that really happen: by script, or by request with the header X-Nines-Fault.\n"
        "Faults: status=N, delay=DURATION, hang, reset, truncate, drip, not-ready=NAME;\n"
        "of answers of agents: slow-token=DURATION, stall=DURATION, error-event, malformed,\n"
        "reasoning-only, rate-limited=DURATION, overloaded=DURATION.\n"
        "The first line on stdout is the address.\n\n"
        "Examples:\n"
        "  nines demo serve\n"
        "  nines demo serve --listen 127.0.0.1:0 --incident '20s+18s /v1/agents status=503'\n"
        "  curl -H 'X-Nines-Fault: truncate' http://127.0.0.1:8000/health\n"
        "  curl -d 'now+1m /v1/chat stall=5s' http://127.0.0.1:8000/incidents\n"
        "  curl -d 'now+1m /ready not-ready=redis' http://127.0.0.1:8000/incidents\n",
};

static int serve(int argc, char **argv)
{
    const struct command *self = &command_serve;
    struct cli_common common = {0};
    struct platform_options o = {.listen = "127.0.0.1:8000", .seed = 1, .out = stdout};
    struct option_list specs = {0};
    const char *script = NULL, *seed = NULL;
    const struct cli_option options[] = {
        {"listen", 'l', OPT_STRING, &o.listen, "ADDR", "where to listen; port 0 takes a free one"},
        {"script", 0, OPT_STRING, &script, "FILE", "incidents, one a line"},
        {"incident", 0, OPT_STRINGS, &specs, "SPEC",
         "'START+LENGTH PATH FAULT'; may be given several times"},
        {"seed", 0, OPT_STRING, &seed, "N", "of everything random"},
        {0},
    };
    struct incident incidents[INCIDENTS_MAX];
    struct err err;
    int first, rc = cli_parse(self, options, argc, argv, &common, &first);
    if (rc >= 0)
        return rc;
    if (first < argc)
        return cli_usage(self, "unexpected argument '%s'", argv[first]);
    if ((rc = parse_seed(self, seed, &o.seed)) >= 0)
        return rc;
    if (add_incidents(script, &specs, incidents, &o.incident_count, &err) < 0)
        return cli_usage(self, "%s", err.msg);
    o.incidents = incidents;
    return platform_run(&o, &err) < 0 ? cli_fail(self, "%s", err.msg) : EXIT_GOOD;
}

/* ---- nines demo history ---------------------------------------------------------- */

static int parse_days(const struct command *self, const char *text, int *ret)
{
    char *end;
    if (!text)
        return -1;
    long days = strtol(text, &end, 10);
    if (!*text || *end || days < 1 || days > HISTORY_DAYS_MAX)
        return cli_usage(self, "--days is a number from 1 to %d; found '%s'", HISTORY_DAYS_MAX,
                         text);
    *ret = (int)days;
    return -1;
}

static const struct command command_history = {
    .name = "demo history",
    .arguments = "",
    .summary = "print made-up results of six probes, as import lines",
    .details = "The same seed and end give the same bytes. With --agents they are those of five\n"
               "probes that ask agents, every 5 minutes, with tokens and cost.\n\n"
               "Examples:\n"
               "  nines demo history | nines import --create interval=15s -\n"
               "  nines demo history --agents | nines import --create interval=5m -\n"
               "  nines demo history --to 2026-11-21T00:00:00Z --days 7 > history.ndjson\n",
};

static void print_history(struct history *h)
{
    struct str line;
    str_init(&line, 1024);
    while (history_line(h, &line) && !ferror(stdout)) {
        fwrite(line.buf, 1, line.len, stdout);
        str_clear(&line);
    }
    str_release(&line);
}

static void print_answers(struct answers *a)
{
    struct str line;
    str_init(&line, 1024);
    while (answers_line(a, &line) && !ferror(stdout)) {
        fwrite(line.buf, 1, line.len, stdout);
        str_clear(&line);
    }
    str_release(&line);
}

static int history(int argc, char **argv)
{
    const struct command *self = &command_history;
    struct cli_common common = {0};
    const char *seed_text = NULL, *days_text = NULL;
    uint64_t seed = 1;
    int64_t to = 0;
    int days = HISTORY_DAYS;
    bool agents = false;
    const struct cli_option options[] = {
        {"to", 0, OPT_TIME, &to, "TIME", "where it ends; now if not given"},
        {"days", 0, OPT_STRING, &days_text, "N", "how long it is: 30"},
        {"seed", 0, OPT_STRING, &seed_text, "N", "of everything random"},
        {"agents", 0, OPT_FLAG, &agents, NULL, "of agents that are asked, every 5 minutes"},
        {0},
    };
    struct history h;
    struct answers a;
    int first, rc = cli_parse(self, options, argc, argv, &common, &first);
    if (rc >= 0)
        return rc;
    if (first < argc)
        return cli_usage(self, "unexpected argument '%s'", argv[first]);
    if ((rc = parse_seed(self, seed_text, &seed)) >= 0 ||
        (rc = parse_days(self, days_text, &days)) >= 0)
        return rc;
    to = to ? to : clock_wall_us();
    if (agents) {
        answers_init(&a, to, days, seed);
        print_answers(&a);
    } else {
        history_init(&h, to, days, seed);
        print_history(&h);
    }
    return EXIT_GOOD;
}

/* ---- nines demo -------------------------------------------------------------------- */

static int run(const struct command *self, int argc, char **argv)
{
    if (argc > 1 && str_eq(argv[1], "serve"))
        return serve(argc - 1, argv + 1);
    if (argc > 1 && str_eq(argv[1], "history"))
        return history(argc - 1, argv + 1);
    struct cli_common common = {0};
    struct demo_options o = {.dir = "demo-out", .seed = 1, .days = HISTORY_DAYS};
    const char *seed = NULL;
    const struct cli_option options[] = {
        {"dir", 'd', OPT_STRING, &o.dir, "DIR", "where to put the files: demo-out"},
        {"seed", 0, OPT_STRING, &seed, "N", "of everything random"},
        {0},
    };
    int first, rc = cli_parse(self, options, argc, argv, &common, &first);
    if (rc >= 0)
        return rc;
    if (first < argc)
        return cli_usage(self, "'%s' is neither serve nor history", argv[first]);
    if ((rc = parse_seed(self, seed, &o.seed)) >= 0)
        return rc;
    return demo_story(self, &common, &o);
}

const struct command command_demo = {
    .name = "demo",
    .arguments = "[serve|history]",
    .summary = "show all of it in a minute, with a sample platform",
    .details = "Writes a configuration to read, imports 30 made-up days, probes a sample agent\n"
               "platform every second while it has an incident, and ends with a report. It needs\n"
               "no network and touches nothing outside its directory.\n\n"
               "  nines demo serve      the sample platform alone (--help tells its faults)\n"
               "  nines demo history    the made-up results alone, as import lines\n\n"
               "Examples:\n"
               "  nines demo\n"
               "  nines demo --dir /tmp/tour\n",
    .run = run,
};
