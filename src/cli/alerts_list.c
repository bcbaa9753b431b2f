/* nines alerts list: what is on now, who was told of it, and what holds it back. */
#include "cli/alerts.h"
#include "cli/cli.h"
#include "cli/json_out.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "engine/silencing.h"
#include "engine/told.h"
#include "model/matcher.h"
#include "nines/config.h"
#include "nines/notifier.h"
#include "report/term.h"

#include <inttypes.h>
#include <string.h>

#define OUT_MAX ((size_t)256 << 20) /* of one alert: more than its stored text may give */
#define INDENT 4
#define RECEIVERS_MAX 1000

static const struct command command_list = {
    .name = "alerts list",
    .arguments = "[MATCHER...]",
    .summary = "list alerts that are on, who was told, and what holds them back",
    .details =
        "Each alert that is pending, firing or cooling, with its labels; for each receiver\n"
        "that it is for, when its integrations were told, when they are told next, and what\n"
        "holds it back: another alert that inhibits it, a silence, a time interval. Works\n"
        "with and without `nines run`. Matchers are those of routes; all have to match.\n\n"
        "Examples:\n"
        "  nines alerts list\n"
        "  nines alerts list severity=critical 'service=~\"agent.*\"'\n"
        "  nines alerts list --receiver oncall --json\n",
};

struct listing {
    const struct command *self;
    struct arena arena;
    struct matchers matchers;
    const char *receiver; /* NULL: all */
    int64_t at_us;
    bool json;
    struct term t;
};

static const char *phase_of(const struct told_on *on)
{
    return on->stated ? alert_phase_name(on->of.state.phase) : "firing";
}

static bool is_shown(const struct listing *l, const struct told_on *on)
{
    bool reaches = !l->receiver;
    for (size_t i = 0; i < on->group_count && !reaches; i++)
        reaches = str_eq(on->groups[i].group.receiver, l->receiver);
    return reaches && matchers_match(&l->matchers, &on->alert.labels);
}

static bool is_group_shown(const struct listing *l, const struct told_group *g)
{
    return !l->receiver || str_eq(g->group.receiver, l->receiver);
}

/* ---- JSON ------------------------------------------------------------------------------ */

static void put_hold_json(struct str *out, const struct dispatch_hold *hold)
{
    json_put_key(out, "held");
    if (!hold) {
        str_add(out, "null");
        return;
    }
    str_addc(out, '{');
    json_put_string(out, "stage", hold->stage);
    json_put_string(out, "name", hold->name);
    json_put_string(out, "by", hold->by);
    json_put_time_if(out, "until", hold->until_us);
    str_addc(out, '}');
}

static void put_group_json(struct str *out, const struct told_group *g)
{
    str_addc(out, '{');
    json_put_string(out, "receiver", g->group.receiver);
    json_put_string(out, "group_key", g->group.group_key);
    json_put_time(out, "next", g->group.next_us);
    json_put_time_if(out, "flushed", g->group.flushed_us);
    put_hold_json(out, g->hold);
    str_add(out, ",\"integrations\":[");
    for (size_t i = 0; i < g->n; i++) {
        str_add(out, i ? ",{" : "{");
        json_put_string(out, "integration", g->at[i].name);
        json_put_time_if(out, "told", g->at[i].at_us);
        json_put_bool(out, "firing", g->at[i].firing);
        str_addc(out, '}');
    }
    str_add(out, "]}");
}

static void put_json(struct listing *l, const struct told_on *on)
{
    struct str *out = l->t.out;
    const struct alert_transition *of = &on->of;
    const char *sep = "";
    str_addc(out, '{');
    json_put_string(out, "fingerprint", on->alert.fingerprint);
    json_put_string(out, "state", phase_of(on));
    json_put_time_if(out, "since", on->alert.starts_us);
    json_put_time_if(out, "cooling_since", on->stated ? of->state.cooling_since_us : 0);
    json_put_string(out, "condition", on->stated && *of->condition ? of->condition : NULL);
    json_put_bool(out, "dispatched", on->dispatched);
    json_put_key(out, "labels");
    silencing_put_map(&on->alert.labels, out);
    json_put_key(out, "annotations");
    silencing_put_map(&on->alert.annotations, out);
    str_add(out, ",\"groups\":[");
    for (size_t i = 0; i < on->group_count; i++) {
        if (!is_group_shown(l, &on->groups[i]))
            continue;
        str_add(out, sep);
        put_group_json(out, &on->groups[i]);
        sep = ",";
    }
    str_add(out, "]}\n");
}

/* ---- text ------------------------------------------------------------------------------ */

static const char *color_of(const struct told_on *on)
{
    const char *severity = matcher_label(&on->alert.labels, "severity");
    if (on->stated && on->of.state.phase != ALERT_FIRING)
        return TERM_DIM;
    if (on->stated)
        return on->of.state.severity == SEVERITY_PAGE ? TERM_RED : TERM_YELLOW;
    return str_eq(severity, "critical") || str_eq(severity, "page") ? TERM_RED : TERM_YELLOW;
}

/* Labels one after another, each whole, as many as fit in a line. */
static void put_labels(struct term *t, const struct string_map *labels)
{
    struct str piece, clean;
    int column = 0;
    str_init(&piece, OUT_MAX);
    str_init(&clean, OUT_MAX);
    for (size_t i = 0; i < labels->n; i++) {
        str_clear(&piece);
        str_clear(&clean);
        str_addf(&piece, "%s=\"%s\"", labels->at[i].key, labels->at[i].value);
        fmt_clean(&clean, piece.buf, SIZE_MAX);
        bool begins = column == 0 || column + 1 + (int)clean.len > t->width;
        if (begins)
            str_addf(t->out, "%s%*s", column ? "\n" : "", INDENT, "");
        str_addf(t->out, "%s%s", begins ? "" : " ", clean.buf);
        column = (begins ? INDENT : column + 1) + (int)clean.len;
    }
    str_add(t->out, column ? "\n" : "");
    str_release(&piece);
    str_release(&clean);
}

static void put_hold(struct term *t, const struct dispatch_hold *h)
{
    char stamp[FMT_MAX];
    bool inhibited = str_eq(h->stage, "inhibit");
    term_paint(t, TERM_YELLOW, "held back:");
    str_addf(t->out, " %s ", inhibited ? "inhibited by" : h->stage);
    term_clean(t, TERM_PLAIN, inhibited && *h->by ? h->by : h->name, 60);
    if (*h->by) {
        str_add(t->out, inhibited ? ", " : " of ");
        term_clean(t, TERM_PLAIN, inhibited ? h->name : h->by, 60);
    }
    if (h->until_us)
        str_addf(t->out, " until %s", fmt_stamp(stamp, h->until_us));
}

static void put_way(struct term *t, const struct told_integration *way, int64_t now_us)
{
    char span[FMT_MAX];
    term_clean(t, TERM_PLAIN, way->name, 60);
    if (way->firing)
        str_addf(t->out, " told %s ago", fmt_span(span, now_us - way->at_us));
    else
        str_add(t->out, " not told");
}

static void put_group(struct listing *l, const struct told_group *g)
{
    struct term *t = &l->t;
    char stamp[FMT_MAX];
    bool all = true;
    str_addf(t->out, "%*s-> ", INDENT, "");
    term_clean(t, TERM_BOLD, g->group.receiver, 60);
    for (size_t i = 0; i < g->n; i++) {
        str_add(t->out, i ? ", " : ": ");
        put_way(t, &g->at[i], l->at_us);
        all = all && g->at[i].firing;
    }
    if (!g->n)
        str_add(t->out, ": tells nobody");
    if (g->hold) {
        str_addf(t->out, "\n%*s", INDENT + 3, "");
        put_hold(t, g->hold);
    } else if (!all && g->n) {
        str_addf(t->out, "; due at %s", fmt_stamp(stamp, g->group.next_us));
    }
    str_addc(t->out, '\n');
}

/* Why no receiver is named. */
static const char *why_nobody(const struct told_on *on)
{
    if (on->dispatched)
        return "no room for its group: it waits";
    if (on->of.state.phase == ALERT_PENDING)
        return "pending: nobody is told before it fires";
    if (on->of.state.told == SEVERITY_NONE)
        return "nobody is told: something that it depends on is down";
    return "on its way: receivers are told once `nines run` has looked up the facts";
}

static void put_text(struct listing *l, const struct told_on *on)
{
    struct term *t = &l->t;
    char span[FMT_MAX], stamp[FMT_MAX];
    const struct string_map *labels = &on->alert.labels;
    const char *name = matcher_label(labels, "alertname");
    const char *summary = matcher_label(&on->alert.annotations, "summary");
    term_paint(t, color_of(on), "%-8s", phase_of(on));
    str_addc(t->out, ' ');
    term_clean(t, TERM_BOLD, *name ? name : on->alert.fingerprint, 60);
    str_addf(t->out, "  since %s, %s\n", fmt_stamp(stamp, on->alert.starts_us),
             fmt_span(span, l->at_us > on->alert.starts_us ? l->at_us - on->alert.starts_us : 0));
    put_labels(t, labels);
    if (*summary) {
        str_addf(t->out, "%*s", INDENT, "");
        term_clean(t, TERM_PLAIN, summary, 400);
        str_addc(t->out, '\n');
    }
    for (size_t i = 0; i < on->group_count; i++)
        if (is_group_shown(l, &on->groups[i]))
            put_group(l, &on->groups[i]);
    if (!on->group_count)
        str_addf(t->out, "%*s%s\n", INDENT, "", why_nobody(on));
}

/* ---- all of it --------------------------------------------------------------------------- */

static int check_receiver(const struct listing *l, const struct config *cfg)
{
    const char *names[RECEIVERS_MAX];
    size_t n = 0;
    for (size_t i = 0; l->receiver && i < cfg->receiver_count; i++) {
        if (str_eq(cfg->receivers[i]->name, l->receiver))
            return -1;
        if (n < RECEIVERS_MAX)
            names[n++] = cfg->receivers[i]->name;
    }
    if (!l->receiver)
        return -1;
    const char *near = str_nearest(l->receiver, names, n);
    return cli_fail(l->self, "there is no receiver '%s'%s%s%s", l->receiver,
                    near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static int list(struct listing *l, const struct config *cfg, struct err *reterr)
{
    struct store_reader *r;
    struct told told;
    size_t shown = 0;
    if (store_reader_open(cfg->daemon.database, &r, reterr) < 0)
        return -1;
    int rc = told_read(cfg, r, l->at_us, &told, reterr);
    store_reader_free(r);
    for (size_t i = 0; rc == 0 && i < told.n; i++) {
        if (!is_shown(l, &told.at[i]))
            continue;
        str_clear(l->t.out);
        (l->json ? put_json : put_text)(l, &told.at[i]);
        fwrite(l->t.out->buf, 1, l->t.out->len, stdout);
        shown++;
    }
    if (rc == 0 && !shown && !l->json)
        puts(told.n ? "no alert that is on is like that" : "no alert is on");
    if (rc == 0)
        told_release(&told);
    return rc;
}

static int show(struct listing *l, const struct cli_common *common)
{
    struct err err;
    struct str out;
    struct config *cfg = cli_config(l->self, common, true);
    if (!cfg)
        return EXIT_BAD;
    int rc = check_receiver(l, cfg);
    str_init(&out, OUT_MAX);
    l->t =
        (struct term){.out = &out, .color = cli_color(common, stdout), .width = cli_width(stdout)};
    if (rc < 0)
        rc = list(l, cfg, &err) < 0 ? cli_fail(l->self, "%s", err.msg) : EXIT_GOOD;
    str_release(&out);
    config_unref(cfg);
    return rc;
}

/* A bare word is the name of an alert, as amtool has it. */
static int take_matchers(struct listing *l, int n, char **words)
{
    struct err err;
    size_t at;
    for (int i = 0; i < n; i++) {
        bool bare = *words[i] && !strpbrk(words[i], "={}!~\",");
        int rc =
            bare ? matchers_add(&l->matchers, &l->arena, "alertname", MATCH_EQUAL, words[i], &err)
                 : matchers_parse(words[i], &l->arena, &l->matchers, &at, &err);
        if (rc < 0)
            return cli_usage(l->self, "'%.200s': %s", words[i], err.msg);
    }
    return -1;
}

int alerts_list(int argc, char **argv)
{
    struct listing l = {.self = &command_list};
    struct cli_common common = {0};
    const struct cli_option options[] = {
        {"receiver", 'r', OPT_STRING, &l.receiver, "NAME", "for this receiver, and nothing else"},
        {"at", 0, OPT_TIME, &l.at_us, "TIME", "what holds them back at TIME instead of now"},
        {0},
    };
    int first, rc = cli_parse(l.self, options, argc, argv, &common, &first);
    if (rc >= 0)
        return rc;
    if (common.format && !str_eq(common.format, "text") && !str_eq(common.format, "json"))
        return cli_usage(l.self, "--format is text or json; found '%s'", common.format);
    l.json = str_eq(common.format, "json");
    if (!l.at_us)
        l.at_us = clock_wall_us();
    rc = take_matchers(&l, argc - first, argv + first);
    if (rc < 0)
        rc = show(&l, &common);
    matchers_release(&l.matchers);
    arena_release(&l.arena);
    return rc;
}
