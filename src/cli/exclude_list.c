/* nines exclude list */
#include "cli/exclude.h"
#include "cli/json_out.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "base/when.h"
#include "engine/excluding.h"
#include "nines/config.h"
#include "nines/store_reader.h"
#include "report/fmt.h"

#include <inttypes.h>

#define LINE_MAX (1 << 20)

static const struct command command_list = {
    .name = "exclude list",
    .arguments = "",
    .summary = "list what is excluded, declared or added",
    .details = "Each with the span that is now, or comes next, or else was the last one.\n\n"
               "Examples:\n"
               "  nines exclude list\n"
               "  nines exclude list --all --json\n",
};

enum which { SPAN_NOW, SPAN_NEXT, SPAN_LAST };

/* The span that people want to see. */
static enum which span_at(const struct exclusion *x, int64_t at_us, struct exclusion_span *ret)
{
    struct exclusions *set = NULL;
    *ret = (struct exclusion_span){x->from_us, x->to_us, x->mode};
    if (exclusions_make(&x, 1, &set, NULL) < 0)
        return SPAN_LAST; /* its zone is gone: the first one is known */
    bool more = exclusions_next(set, at_us, ret);
    enum which which = !more ? SPAN_LAST : ret->start_us <= at_us ? SPAN_NOW : SPAN_NEXT;
    for (int64_t t = 0; which == SPAN_LAST && exclusions_next(set, t, ret); t = ret->end_us)
        ;
    exclusions_unref(set);
    return which;
}

static void add_whose(struct str *out, const struct exclusion *x)
{
    size_t start = out->len;
    for (size_t i = 0; i < x->slos.n; i++)
        str_addf(out, "%s%s", i ? "," : "", x->slos.at[i]);
    if (x->service)
        str_addf(out, "%sservice=%s", out->len > start ? " " : "", x->service);
    for (size_t i = 0; i < x->labels.n; i++)
        str_addf(out, "%s%s=%s", out->len > start ? " " : "", x->labels.at[i].key,
                 x->labels.at[i].value);
    if (out->len == start)
        str_add(out, "all");
}

static const char *const which_names[] = {"now", "next", "last"};

static void print_text(const struct exclusion *x, int64_t at_us)
{
    char start[WHEN_MAX], end[WHEN_MAX], id[24];
    struct exclusion_span s;
    struct str line, clean;
    enum which which = span_at(x, at_us, &s);
    str_init(&line, LINE_MAX);
    str_init(&clean, LINE_MAX);
    snprintf(id, sizeof(id), "%" PRId64, x->id);
    str_addf(&line, "%6s  %-10s  %-7s  %s to %s  ", x->id ? id : "-", exclusion_mode_name(x->mode),
             x->removed_us ? "removed" : which_names[which], when_text(start, s.start_us),
             when_text(end, s.end_us));
    add_whose(&line, x);
    if (x->rrule)
        str_addf(&line, "  %s %s", x->rrule, x->timezone);
    if (!x->id)
        str_addf(&line, "  %s (%s:%d)", x->name, x->pos.file, x->pos.line);
    if (*x->reason)
        str_addf(&line, "  %s", x->reason);
    if (x->id)
        str_addf(&line, "  by %s", *x->author ? x->author : "-");
    if (x->removed_us)
        str_addf(&line, ", removed %s by %s", when_text(start, x->removed_us),
                 *x->removed_by ? x->removed_by : "-");
    fmt_clean(&clean, line.buf, SIZE_MAX);
    puts(clean.buf);
    str_release(&line);
    str_release(&clean);
}

static void add_whose_json(struct str *out, const struct exclusion *x)
{
    str_add(out, ",\"slos\":[");
    for (size_t i = 0; i < x->slos.n; i++) {
        str_add(out, i ? "," : "");
        json_add_string(out, x->slos.at[i]);
    }
    str_add(out, "]");
    json_put_string(out, "service", x->service);
    str_add(out, ",\"labels\":{");
    for (size_t i = 0; i < x->labels.n; i++) {
        str_add(out, i ? "," : "");
        json_add_string(out, x->labels.at[i].key);
        str_add(out, ":");
        json_add_string(out, x->labels.at[i].value);
    }
    str_add(out, "}");
}

static void print_json(const struct exclusion *x, int64_t at_us)
{
    char place[512];
    struct exclusion_span s;
    struct str line;
    enum which which = span_at(x, at_us, &s);
    str_init(&line, LINE_MAX);
    str_addc(&line, '{');
    json_put_id(&line, "id", x->id);
    snprintf(place, sizeof(place), "%s:%d", x->id ? "" : x->pos.file, x->pos.line);
    json_put_string(&line, "name", x->id ? NULL : x->name);
    json_put_string(&line, "file", x->id ? NULL : place);
    json_put_string(&line, "mode", exclusion_mode_name(x->mode));
    json_put_time(&line, "from", x->from_us);
    json_put_time(&line, "to", x->to_us);
    json_put_string(&line, "rrule", x->rrule);
    json_put_string(&line, "timezone", x->timezone);
    add_whose_json(&line, x);
    json_put_string(&line, "reason", x->reason);
    json_put_string(&line, "author", x->id ? x->author : NULL);
    json_put_time_if(&line, "created", x->created_us);
    json_put_time_if(&line, "removed", x->removed_us);
    json_put_string(&line, "removed_by", x->removed_us ? x->removed_by : NULL);
    str_add(&line, ",\"span\":{");
    json_put_string(&line, "is", which_names[which]);
    json_put_time(&line, "start", s.start_us);
    json_put_time(&line, "end", s.end_us);
    str_add(&line, "}}");
    puts(line.buf);
    str_release(&line);
}

static int list_all(struct config *cfg, bool all, bool json, int64_t at_us, struct err *reterr)
{
    void (*print)(const struct exclusion *x, int64_t at_us) = json ? print_json : print_text;
    struct arena arena = {0};
    struct excluding *known;
    struct store_reader *r;
    struct exclusion *stored = NULL;
    size_t n = 0;
    if (exclude_read(cfg, &known, &r, reterr) < 0)
        return -1;
    int rc = all && r ? store_reader_exclusions(r, &arena, &stored, &n, reterr) : 0;
    for (size_t i = 0; rc == 0 && i < excluding_count(known); i++)
        print(excluding_at(known, i), at_us);
    for (size_t i = 0; rc == 0 && i < n; i++)
        if (stored[i].removed_us)
            print(&stored[i], at_us);
    arena_release(&arena);
    store_reader_free(r);
    excluding_unref(known);
    return rc;
}

int exclude_list(int argc, char **argv)
{
    const struct command *self = &command_list;
    struct cli_common common = {0};
    bool all = false;
    int64_t at_us = 0;
    struct err err;
    const struct cli_option options[] = {
        {"all", 'a', OPT_FLAG, &all, NULL, "those that were removed too, at the end"},
        {"at", 0, OPT_TIME, &at_us, "TIME", "which span is now, and which one is next, at TIME"},
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
    rc = list_all(cfg, all, common.format && str_eq(common.format, "json"),
                  at_us ? at_us : exclude_now_us(), &err);
    config_unref(cfg);
    return rc < 0 ? cli_fail(self, "%s", err.msg) : EXIT_GOOD;
}
