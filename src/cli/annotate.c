/* nines annotate: deploys and notes that reports show beside the numbers. */
#include "cli/cli.h"
#include "cli/json_out.h"
#include "cli/table.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "base/when.h"
#include "engine/edit.h"
#include "nines/config.h"
#include "nines/store_reader.h"
#include "report/fmt.h"

#include <inttypes.h>
#include <jansson.h>
#include <time.h>

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * USEC_PER_SEC + now.tv_nsec / NSEC_PER_USEC;
}

static bool is_json(const struct cli_common *common)
{
    return common->format && str_eq(common->format, "json");
}

static int ask(const struct command *self, const struct config *cfg, json_t *request)
{
    struct err err;
    json_t *answer = NULL;
    int rc = request ? edit_ask(cfg->daemon.database, request, &answer, &err)
                     : err_set(&err, "the text is not UTF-8");
    json_decref(request);
    json_decref(answer);
    return rc < 0 ? cli_fail(self, "%s", err.msg) : EXIT_GOOD;
}

/* ---- nines annotate add --------------------------------------------------------- */

static const struct command command_add = {
    .name = "annotate add",
    .arguments = "TEXT",
    .summary = "write a deploy or a note into the history",
    .details = "Reports show it beside the numbers, as they do the versions that probes see.\n"
               "While `nines run` holds the database it goes through it.\n\n"
               "Examples:\n"
               "  nines annotate add 'load test of the queue'\n"
               "  nines annotate add --kind deploy --probe api-health '2.4.0 to 10 %'\n"
               "  nines annotate add --at 2026-11-21T09:30:00Z 'failover to fra2'\n",
};

static int run_add(int argc, char **argv)
{
    const struct command *self = &command_add;
    struct cli_common common = {0};
    const char *kind = "note", *probe = "";
    int64_t at_us = 0;
    const struct cli_option options[] = {
        {"kind", 'k', OPT_STRING, &kind, "KIND", "deploy or note, the default"},
        {"probe", 'p', OPT_STRING, &probe, "ID", "it is about this one; else about all"},
        {"at", 0, OPT_TIME, &at_us, "TIME", "when it was; now by default"},
        {0},
    };
    int first, rc = cli_parse(self, options, argc, argv, &common, &first);
    if (rc >= 0)
        return rc;
    if (argc - first != 1)
        return cli_usage(self, "expected one text, in quotes");
    if (!str_eq(kind, "deploy") && !str_eq(kind, "note"))
        return cli_usage(self, "--kind is deploy or note; found '%s'", kind);
    struct config *cfg = cli_config(self, &common, true);
    if (!cfg)
        return EXIT_BAD;
    rc = *probe ? cli_check_probe(self, cfg, probe) : -1;
    if (rc < 0)
        rc = ask(self, cfg,
                 json_pack("{s:s, s:I, s:s, s:s, s:s}", "do", "annotate", "at_us",
                           (json_int_t)(at_us ? at_us : now_us()), "kind", kind, "probe", probe,
                           "text", argv[first]));
    config_unref(cfg);
    return rc;
}

/* ---- nines annotate list -------------------------------------------------------- */

static const struct command command_list = {
    .name = "annotate list",
    .arguments = "",
    .summary = "list deploys and notes, oldest first",
    .details = "Those that probes have seen, and those that were written.\n\n"
               "Examples:\n"
               "  nines annotate list --from 2026-11-01T00:00:00Z\n"
               "  nines annotate list --json\n",
};

static bool print_text(void *ctx, const struct annotation *a)
{
    char at[WHEN_MAX];
    struct str text; /* what a target says of itself is not for the terminal to interpret */
    (void)ctx;
    str_init(&text, 64 << 10);
    fmt_clean(&text, a->text, SIZE_MAX);
    printf("%6" PRId64 "  %-20s  %-6s  %-16s  %s%s\n", a->id, when_text(at, a->at_us), a->kind,
           *a->probe ? a->probe : "-", text.buf, a->by_hand ? "" : " (seen)");
    str_release(&text);
    return true;
}

static bool print_json(void *ctx, const struct annotation *a)
{
    struct str line;
    (void)ctx;
    str_init(&line, 64 << 10);
    str_addc(&line, '{');
    json_put_int(&line, "id", a->id);
    json_put_time(&line, "at", a->at_us);
    json_put_string(&line, "kind", a->kind);
    json_put_string(&line, "probe", a->probe);
    json_put_string(&line, "text", a->text);
    json_put_bool(&line, "by_hand", a->by_hand);
    str_add(&line, "}\n");
    fwrite(line.buf, 1, line.len, stdout);
    str_release(&line);
    return true;
}

static int run_list(int argc, char **argv)
{
    const struct command *self = &command_list;
    struct cli_common common = {0};
    int64_t from_us = 0, to_us = 0;
    const struct cli_option options[] = {
        {"from", 0, OPT_TIME, &from_us, "TIME", "those at or after it"},
        {"to", 0, OPT_TIME, &to_us, "TIME", "those before it"},
        {0},
    };
    int first, rc = cli_parse(self, options, argc, argv, &common, &first);
    if (rc >= 0)
        return rc;
    if (first < argc)
        return cli_usage(self, "unexpected argument '%s'", argv[first]);
    if (common.format && !str_eq(common.format, "text") && !str_eq(common.format, "json"))
        return cli_usage(self, "--format is text or json; found '%s'", common.format);
    struct config *cfg = cli_config(self, &common, true);
    if (!cfg)
        return EXIT_BAD;
    struct store_reader *r;
    struct err err;
    rc = store_reader_open(cfg->daemon.database, &r, &err);
    if (rc == 0) {
        rc = store_reader_annotations(r, from_us, to_us ? to_us : WHEN_END_US,
                                      is_json(&common) ? print_json : print_text, NULL, &err);
        store_reader_free(r);
    }
    config_unref(cfg);
    return rc < 0 ? cli_fail(self, "%s", err.msg) : EXIT_GOOD;
}

/* ---- nines annotate remove ------------------------------------------------------ */

static const struct command command_remove = {
    .name = "annotate remove",
    .arguments = "ID",
    .summary = "take a deploy or a note back",
    .details = "ID is the number that `nines annotate list` shows.\n\n"
               "Examples:\n"
               "  nines annotate remove 12\n",
};

/* Asking would make the database that is missing. */
static int forget(const struct command *self, const struct config *cfg, long long id)
{
    struct store_reader *r;
    struct err err;
    if (store_reader_open(cfg->daemon.database, &r, &err) < 0)
        return cli_fail(self, "%s", err.msg);
    store_reader_free(r);
    return ask(self, cfg, json_pack("{s:s, s:I}", "do", "forget_annotation", "id", (json_int_t)id));
}

static int run_remove(int argc, char **argv)
{
    const struct command *self = &command_remove;
    struct cli_common common = {0};
    int64_t id;
    int first, rc = cli_parse(self, NULL, argc, argv, &common, &first);
    if (rc >= 0)
        return rc;
    if (argc - first != 1)
        return cli_usage(self, "expected the number of one annotation");
    if (!cli_id(argv[first], &id))
        return cli_usage(self, "expected a number; found '%s'", argv[first]);
    struct config *cfg = cli_config(self, &common, true);
    if (!cfg)
        return EXIT_BAD;
    rc = forget(self, cfg, id);
    config_unref(cfg);
    return rc;
}

/* ---- nines annotate --------------------------------------------------------------- */

static int run(const struct command *self, int argc, char **argv)
{
    static const struct cli_verb verbs[] = {
        {"add", run_add}, {"list", run_list}, {"remove", run_remove}, {0}};
    return cli_run_verb(self, verbs, argc, argv);
}

const struct command command_annotate = {
    .name = "annotate",
    .arguments = "[add|list|remove]",
    .summary = "write deploys and notes into the history",
    .details = "  nines annotate add TEXT     write one\n"
               "  nines annotate list         list them, with those that probes have seen\n"
               "  nines annotate remove ID    take one back\n\n"
               "Examples:\n"
               "  nines annotate add --kind deploy 'agent-api 2.4.0'\n"
               "  nines annotate list --json\n",
    .run = run,
};
