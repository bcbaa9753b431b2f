/* nines incident list */
#include "cli/incident.h"

#include "base/str.h"
#include "base/when.h"
#include "engine/excluding.h"
#include "nines/config.h"
#include "nines/store_reader.h"
#include "report/fmt.h"
#include "report/incidents.h"

#include <inttypes.h>
#include <stdio.h>

#define LINE_MAX (16u << 20)

static bool is_chosen(const struct incident_case *c, const struct incident_choice *choice)
{
    const struct incident *in = &c->incident;
    int64_t start = c->times.began_us ? c->times.began_us : in->opened_us;
    if (choice->id)
        return in->id == choice->id;
    if (choice->open && in->closed_us)
        return false;
    return (!choice->to_us || start < choice->to_us) &&
           (!in->closed_us || in->closed_us >= choice->from_us);
}

int incident_choose(struct config *cfg, struct store_reader *r,
                    const struct incident_choice *choice, struct arena *arena,
                    struct incident_case **ret, size_t *ret_n, struct err *reterr)
{
    struct excluding *excluding;
    size_t n, kept = 0;
    if (excluding_read(cfg, r, &excluding, reterr) < 0)
        return -1;
    int rc = incidents_list(r, choice->id ? 0 : choice->from_us, arena, ret, &n, reterr);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct incident_case *c = &(*ret)[i];
        if (choice->id && c->incident.id != choice->id)
            continue;
        rc = incidents_time(r, cfg, excluding, c, reterr);
        if (rc == 0 && is_chosen(c, choice))
            (*ret)[kept++] = *c;
    }
    excluding_unref(excluding);
    *ret_n = kept;
    return rc;
}

static void print_json(const struct incident_case *c)
{
    struct str line;
    str_init(&line, LINE_MAX);
    incident_put_json(&line, c);
    str_add(&line, "}\n");
    fwrite(line.buf, 1, line.len, stdout);
    str_release(&line);
}

static void print_text(const struct incident_case *c)
{
    char at[WHEN_MAX], detect[FMT_MAX], restore[FMT_MAX];
    const struct incident *in = &c->incident;
    struct str title;
    str_init(&title, LINE_MAX);
    fmt_clean(&title, in->title, SIZE_MAX);
    printf("%6" PRId64 "  %-6s  %-6s  %-27s  detected %-8s  restored %-8s  %s%s\n", in->id,
           incident_state(in), severity_name(in->severity),
           when_text(at, c->times.began_us ? c->times.began_us : in->opened_us),
           c->times.detect_us < 0 ? "-" : incident_span(detect, c->times.detect_us),
           c->times.restore_us < 0 ? "-" : incident_span(restore, c->times.restore_us), title.buf,
           c->times.alerted ? "" : " (no alert)");
    str_release(&title);
}

static int list_all(struct config *cfg, const struct incident_choice *choice, bool json,
                    struct err *reterr)
{
    struct arena arena = {0};
    struct store_reader *r;
    struct incident_case *list;
    size_t n;
    if (store_reader_open(cfg->daemon.database, &r, reterr) < 0)
        return -1;
    int rc = incident_choose(cfg, r, choice, &arena, &list, &n, reterr);
    for (size_t i = 0; rc == 0 && i < n; i++)
        (json ? print_json : print_text)(&list[i]);
    arena_release(&arena);
    store_reader_free(r);
    return rc;
}

static const struct command command_list = {
    .name = "incident list",
    .arguments = "",
    .summary = "list incidents, with how long they took to detect and to restore",
    .details = "Oldest first. What is not known, or not yet, is a dash: docs/incidents.md.\n\n"
               "Examples:\n"
               "  nines incident list --open\n"
               "  nines incident list --from 2026-11-01T00:00:00Z --json\n",
};

int incident_list(int argc, char **argv)
{
    const struct command *self = &command_list;
    struct cli_common common = {0};
    struct incident_choice choice = {0};
    struct err err;
    const struct cli_option options[] = {
        {"open", 0, OPT_FLAG, &choice.open, NULL, "only open ones"},
        {"from", 0, OPT_TIME, &choice.from_us, "TIME", "only those that went on at or after it"},
        {"to", 0, OPT_TIME, &choice.to_us, "TIME", "only those that began before it"},
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
    rc = list_all(cfg, &choice, common.format && str_eq(common.format, "json"), &err);
    config_unref(cfg);
    return rc < 0 ? cli_fail(self, "%s", err.msg) : EXIT_GOOD;
}
