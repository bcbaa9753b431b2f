/* nines demo: a tour in a minute, and the sample platform on its own. */
#include "cli/cli.h"
#include "cli/table.h"

#include "base/str.h"
#include "base/units.h"
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

static int add_incidents(const char *script, const struct option_list *specs,
                         struct incident *list, size_t *n, struct err *reterr)
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
        "Faults: status=N, delay=DURATION, hang, reset, truncate, drip, not-ready=NAME.\n"
        "The first line on stdout is the address.\n\n"
        "Examples:\n"
        "  nines demo serve\n"
        "  nines demo serve --listen 127.0.0.1:0 --incident '20s+18s /v1/agents status=503'\n"
        "  curl -H 'X-Nines-Fault: truncate' http://127.0.0.1:8000/health\n"
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

static int run(const struct command *self, int argc, char **argv)
{
    if (argc > 1 && str_eq(argv[1], "serve"))
        return serve(argc - 1, argv + 1);
    return cli_usage(self, "expected serve");
}

const struct command command_demo = {
    .name = "demo",
    .arguments = "[serve]",
    .summary = "show all of it in a minute, with a sample platform",
    .run = run,
};
