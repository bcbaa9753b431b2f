/* nines incident show: a time line. */
#include "cli/incident.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "base/vec.h"
#include "base/when.h"
#include "cli/json_out.h"
#include "nines/config.h"
#include "nines/store.h"
#include "nines/store_reader.h"
#include "report/fmt.h"
#include "report/incidents.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define LEAD_US USEC_PER_HOUR /* what changed so long before it belongs to it, too */
#define TEXT_MAX_BYTES (8 << 10)
#define OUT_BYTES_MAX (64u << 20)

struct moment {
    int64_t at_us;
    size_t order; /* of those at one instant */
    const char *what, *text;
};

struct timeline {
    struct arena *arena;
    const struct incident_case *of;
    VEC(struct moment) moments;
};

static int64_t start_of(const struct incident_case *c)
{
    return c->times.began_us ? c->times.began_us : c->incident.opened_us;
}

/* ---- gathering ---------------------------------------------------------------------- */

static void add(struct timeline *t, int64_t at_us, const char *what, const char *text)
{
    struct moment m = {at_us, t->moments.len, arena_strdup(t->arena, what),
                       arena_strdup(t->arena, text)};
    if (at_us)
        vec_push(&t->moments, m);
}

static bool is_its(const struct incident_case *c, const struct alert_transition *t)
{
    for (size_t i = 0; i < c->incident.alert_count; i++) {
        const struct incident_alert *a = &c->incident.alerts[i];
        if (a->since_us == t->since_us && str_eq(a->slo, t->slo) &&
            str_eq(a->objective_name, t->objective_name) &&
            str_eq(a->condition, t->condition ? t->condition : ""))
            return true;
    }
    return false;
}

static bool add_transition(void *ctx, const struct alert_transition *t)
{
    struct timeline *line = ctx;
    struct str text;
    if (!is_its(line->of, t))
        return true;
    str_init(&text, TEXT_MAX_BYTES);
    str_addf(&text, "%s ", severity_name(t->severity));
    if (t->condition && *t->condition)
        str_addf(&text, "%s%s", t->condition, *t->slo ? " of " : "");
    str_add(&text, t->slo);
    if (*t->objective_name)
        str_addf(&text, " / %s", t->objective_name);
    if (!t->notify)
        str_add(&text, " (not sent)");
    add(line, t->at_us, alert_event_name(t->kind), text.buf);
    str_release(&text);
    return true;
}

static bool add_annotation(void *ctx, const struct annotation *a)
{
    struct timeline *line = ctx;
    struct str text;
    str_init(&text, TEXT_MAX_BYTES);
    str_addf(&text, "%s%s", a->probe, *a->probe ? " " : "");
    str_add(&text, a->text);
    add(line, a->at_us, a->kind, text.buf);
    str_release(&text);
    return true;
}

static void add_note(struct timeline *line, const struct incident_note *n)
{
    struct str text;
    str_init(&text, TEXT_MAX_BYTES);
    str_addf(&text, "%s: %s", n->author, n->text);
    add(line, n->at_us, "note", text.buf);
    str_release(&text);
}

static void add_by(struct timeline *line, int64_t at_us, const char *what, const char *who)
{
    struct str text;
    str_init(&text, TEXT_MAX_BYTES);
    incident_by(&text, who);
    add(line, at_us, what, text.buf);
    str_release(&text);
}

static int compare(const void *a, const void *b)
{
    const struct moment *x = a, *y = b;
    if (x->at_us != y->at_us)
        return x->at_us < y->at_us ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

static int gather(struct timeline *line, struct store_reader *r, struct err *reterr)
{
    const struct incident_case *c = line->of;
    const struct incident *in = &c->incident;
    int64_t first = start_of(c), end = in->closed_us ? in->closed_us + 1 : WHEN_END_US;
    for (size_t i = 0; i < in->alert_count; i++)
        first = in->alerts[i].since_us < first ? in->alerts[i].since_us : first;
    add(line, c->times.began_us, "began", "");
    add_by(line, in->opened_us, "opened", in->opened_by);
    if (store_reader_transitions(r, NULL, first, WHEN_END_US, add_transition, line, reterr) < 0 ||
        store_reader_annotations(r, start_of(c) - LEAD_US, end, add_annotation, line, reterr) < 0)
        return -1;
    for (size_t i = 0; i < in->note_count; i++)
        add_note(line, &in->notes[i]);
    add(line, c->times.restored_us, "restored", "");
    if (in->closed_us)
        add_by(line, in->closed_us, "closed", *in->closed_by ? in->closed_by : "its last alert");
    qsort(line->moments.at, line->moments.len, sizeof(*line->moments.at), compare);
    return 0;
}

/* ---- showing ------------------------------------------------------------------------ */

/* "+45s", "-12m" */
static char *after(char buf[static FMT_MAX], int64_t us)
{
    char span[FMT_MAX];
    snprintf(buf, FMT_MAX, "%c%s", us < 0 ? '-' : '+', fmt_span(span, us < 0 ? -us : us));
    return buf;
}

static void put_head(struct str *out, const struct incident_case *c)
{
    char text[FMT_MAX];
    const struct incident *in = &c->incident;
    str_addf(out, "Incident %" PRId64 ": ", in->id);
    fmt_clean(out, in->title, SIZE_MAX);
    str_addf(out, "\n%s, %s", severity_name(in->severity), incident_state(in));
    if (c->times.detect_us >= 0)
        str_addf(out, ", detected after %s", fmt_span(text, c->times.detect_us));
    if (c->times.restore_us >= 0)
        str_addf(out, ", restored after %s", fmt_span(text, c->times.restore_us));
    str_add(out, c->times.alerted ? "\n" : "; no alert told of it\n");
}

static void put_names(struct str *out, const char *what, const struct string_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        str_add(out, i ? ", " : what);
        fmt_clean(out, list->at[i], SIZE_MAX);
    }
    if (list->n)
        str_addc(out, '\n');
}

static void put_text(struct str *out, const struct timeline *line)
{
    char at[FMT_MAX], since[FMT_MAX];
    const struct incident_case *c = line->of;
    put_head(out, c);
    put_names(out, "services: ", &c->incident.services);
    put_names(out, "SLOs: ", &c->incident.slos);
    str_addc(out, '\n');
    for (size_t i = 0; i < line->moments.len; i++) {
        const struct moment *m = &line->moments.at[i];
        str_addf(out, "%s  %8s  %-10s", fmt_stamp(at, m->at_us),
                 after(since, m->at_us - start_of(c)), m->what);
        str_add(out, *m->text ? "  " : "");
        fmt_clean(out, m->text, SIZE_MAX);
        str_addc(out, '\n');
    }
}

static void put_json(struct str *out, const struct timeline *line)
{
    char seconds[FMT_MAX];
    incident_put_json(out, line->of);
    str_add(out, ", \"timeline\": [");
    for (size_t i = 0; i < line->moments.len; i++) {
        const struct moment *m = &line->moments.at[i];
        int64_t us = m->at_us - start_of(line->of);
        str_addf(out, "%s{", i ? ", " : "");
        json_put_time(out, "at", m->at_us);
        str_addf(out, ",\"after_seconds\":%s%s,", us < 0 ? "-" : "",
                 fmt_seconds(seconds, us < 0 ? -us : us));
        json_put_string(out, "what", m->what);
        json_put_string(out, "text", m->text);
        str_addc(out, '}');
    }
    str_add(out, "]}\n");
}

static int show(struct config *cfg, struct store_reader *r, int64_t id, bool json,
                struct err *reterr)
{
    struct arena arena = {0};
    const struct incident_choice choice = {.id = id};
    struct incident_case *found;
    struct str out;
    size_t n = 0;
    int rc = incident_choose(cfg, r, &choice, &arena, &found, &n, reterr);
    if (rc == 0 && n == 0)
        rc = err_set(reterr, "there is no incident %" PRId64, id);
    struct timeline line = {.arena = &arena, .of = rc == 0 ? found : NULL};
    str_init(&out, OUT_BYTES_MAX);
    if (rc == 0 && (rc = gather(&line, r, reterr)) == 0) {
        (json ? put_json : put_text)(&out, &line);
        fwrite(out.buf, 1, out.len, stdout);
    }
    if (out.overflow)
        rc = err_set(reterr, "there is too much to show of it");
    str_release(&out);
    vec_release(&line.moments);
    arena_release(&arena);
    return rc;
}

static const struct command command_show = {
    .name = "incident show",
    .arguments = "ID",
    .summary = "show an incident as a time line",
    .details = "Its alerts with all that became of them, its notes, and the deploys and notes of\n"
               "`nines annotate` from an hour before it began until it was closed; each with its\n"
               "time after the beginning.\n\n"
               "Examples:\n"
               "  nines incident show 3\n"
               "  nines incident show 3 --json\n",
};

int incident_show(int argc, char **argv)
{
    const struct command *self = &command_show;
    struct cli_common common = {0};
    struct err err;
    struct store_reader *r;
    int64_t id = 0;
    int first, rc = cli_parse(self, NULL, argc, argv, &common, &first);
    if (rc >= 0)
        return rc;
    if (argc - first != 1)
        return cli_usage(self, "expected the number of one incident");
    if ((rc = incident_number(self, argv[first], &id)) >= 0)
        return rc;
    if (common.format && !str_eq(common.format, "text") && !str_eq(common.format, "json"))
        return cli_usage(self, "--format is text or json; found '%s'", common.format);
    struct config *cfg = cli_config(self, &common, true);
    if (!cfg)
        return EXIT_BAD;
    rc = store_reader_open(cfg->daemon.database, &r, &err);
    if (rc == 0) {
        rc = show(cfg, r, id, common.format && str_eq(common.format, "json"), &err);
        store_reader_free(r);
    }
    config_unref(cfg);
    return rc < 0 ? cli_fail(self, "%s", err.msg) : EXIT_GOOD;
}
