/* nines alerts history: what fired, and who was told of it when. */
#include "cli/alerts.h"
#include "cli/cli.h"
#include "cli/json_out.h"
#include "cli/replay.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "base/vec.h"
#include "model/matcher.h"
#include "nines/config.h"
#include "nines/store.h"
#include "nines/store_reader.h"
#include "report/term.h"
#include "slo/conditions.h"
#include "wire/message.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ITEMS_MAX 1000000
#define BYTES_MAX ((size_t)256 << 20)
#define NAMES_SHOWN 3
#define INDENT 21 /* behind the time */

static const struct command command_history = {
    .name = "alerts history",
    .arguments = "",
    .summary = "list what fired, and who was told of it when",
    .details =
        "Transitions of alerts with what decided them, and the messages about them: for whom,\n"
        "whether they were delivered, wait (pending) or were given up (dead), how often they\n"
        "were tried, and what the last answer was. Oldest first. Of transitions the sign '-'\n"
        "says that nobody was to be told.\n\n"
        "Examples:\n"
        "  nines alerts history --from 2026-11-21T00:00:00Z --to 2026-11-22T00:00:00Z\n"
        "  nines alerts history --slo api-availability --json\n"
        "  nines alerts history --dead\n",
};

/* A transition or a message, as it is printed. */
struct item {
    int64_t at_us;
    int64_t id; /* of a message; 0: a transition */
    size_t order;
    const char *line; /* the history's */
};

struct history {
    struct arena arena;
    VEC(struct item) at;
    struct term t;
    const char *slo; /* NULL: of all */
    bool dead;       /* messages that were given up, nothing else */
    bool json;
    size_t bytes;
    bool full;
};

/* What was put into `t`. */
static bool add(struct history *h, int64_t at_us, int64_t id)
{
    const struct str *line = h->t.out;
    h->bytes += line->len;
    h->full = h->full || line->overflow || h->at.len == ITEMS_MAX || h->bytes > BYTES_MAX;
    if (!h->full)
        vec_push(&h->at, ((struct item){.at_us = at_us,
                                        .id = id,
                                        .order = h->at.len,
                                        .line = arena_strdup(&h->arena, line->buf)}));
    return !h->full;
}

/* What it says; false: it cannot be read. */
static bool read_message(const struct outbox_row *row, struct arena *a, struct message *ret)
{
    struct err err;
    return message_read(row->payload, strlen(row->payload), a, ret, &err) == 0;
}

/* ---- JSON ------------------------------------------------------------------------------ */

static const char *state_name(enum outbox_state state)
{
    static const char *const names[] = {"pending", "delivered", "dead"};
    return state <= OUTBOX_DEAD ? names[state] : "unknown";
}

static void put_alerts_json(struct str *out, const struct message *m)
{
    str_add(out, ",\"alerts\":[");
    for (size_t i = 0; i < m->alert_count; i++) {
        const struct message_alert *a = &m->alerts[i];
        str_add(out, i ? ",{" : "{");
        json_put_string(out, "fingerprint", a->fingerprint);
        json_put_string(out, "status", a->firing ? "firing" : "resolved");
        json_put_string(out, "alertname", matcher_label(&a->labels, "alertname"));
        json_put_string(out, "slo", matcher_label(&a->labels, "slo"));
        str_addc(out, '}');
    }
    str_addc(out, ']');
}

static void put_message_json(struct str *out, const struct outbox_row *row, const struct message *m)
{
    str_addc(out, '{');
    json_put_string(out, "is", "message");
    json_put_time(out, "at", row->created_us);
    json_put_int(out, "id", row->id);
    json_put_string(out, "receiver", row->receiver);
    json_put_string(out, "integration", *row->integration ? row->integration : NULL);
    json_put_string(out, "state", state_name(row->state));
    json_put_int(out, "attempts", row->attempts);
    json_put_string(out, "detail", *row->detail ? row->detail : NULL);
    json_put_time_if(out, "retry_at", row->state == OUTBOX_PENDING ? row->retry_at_us : 0);
    json_put_string(out, "group_key", row->group_key);
    json_put_string(out, "dedup_key", row->dedup_key);
    put_alerts_json(out, m);
    str_add(out, "}\n");
}

static void put_transition_json(struct str *out, const struct alert_transition *t)
{
    str_addc(out, '{');
    json_put_string(out, "is", "transition");
    json_put_string(out, "condition", *t->condition ? t->condition : NULL);
    json_put_key(out, "transition");
    replay_put_json(out, t);
    out->len--; /* its line end */
    str_add(out, "}\n");
}

/* ---- text ------------------------------------------------------------------------------ */

static const char *color_of(enum outbox_state state)
{
    return state == OUTBOX_DEAD ? TERM_RED : state == OUTBOX_PENDING ? TERM_YELLOW : TERM_DIM;
}

/* "2 firing: a b" */
static void put_names(struct term *t, const struct message *m, bool firing)
{
    size_t n = 0;
    for (size_t i = 0; i < m->alert_count; i++)
        n += m->alerts[i].firing == firing;
    if (n == 0)
        return;
    str_addf(t->out, "  %zu %s:", n, firing ? "firing" : "resolved");
    for (size_t i = 0, shown = 0; i < m->alert_count && shown < NAMES_SHOWN; i++) {
        if (m->alerts[i].firing != firing)
            continue;
        const struct string_map *labels = &m->alerts[i].labels;
        const char *slo = matcher_label(labels, "slo");
        str_addc(t->out, ' ');
        term_clean(t, TERM_PLAIN, *slo ? slo : matcher_label(labels, "alertname"), 60);
        shown++;
    }
    str_add(t->out, n > NAMES_SHOWN ? " ..." : "");
}

static void put_message_text(struct term *t, const struct outbox_row *row, const struct message *m)
{
    char text[FMT_MAX];
    str_addf(t->out, "%s  ", fmt_stamp(text, row->created_us));
    term_paint(t, color_of(row->state), "%-10s", state_name(row->state));
    str_addf(t->out, " %6" PRId64 "   ", row->id);
    term_clean(t, TERM_PLAIN, row->receiver, 60);
    str_addc(t->out, *row->integration ? '/' : ' ');
    term_clean(t, TERM_PLAIN, row->integration, 60);
    put_names(t, m, true);
    put_names(t, m, false);
    str_addc(t->out, '\n');
    if (row->state != OUTBOX_DELIVERED && row->attempts) {
        str_addf(t->out, "%*stried %d time%s, the last one: ", INDENT, "", row->attempts,
                 row->attempts == 1 ? "" : "s");
        term_clean(t, TERM_PLAIN, row->detail, 200);
        if (row->state == OUTBOX_PENDING && row->retry_at_us)
            str_addf(t->out, "; again at %s", fmt_stamp(text, row->retry_at_us));
        str_addc(t->out, '\n');
    }
}

/* Of a condition there is no tier to tell of. */
static void put_transition_text(struct term *t, const struct alert_transition *tr)
{
    char text[FMT_MAX];
    if (!*tr->condition) {
        replay_put_text(t, tr);
        return;
    }
    str_addf(t->out, "%s  %-10s %-6s%s", fmt_stamp(text, tr->at_us), alert_event_name(tr->kind),
             severity_name(tr->severity), tr->notify ? "   " : " - ");
    term_title(t, 28, *tr->slo ? tr->slo : "nines", tr->objective_name);
    str_addc(t->out, ' ');
    term_clean(t, TERM_PLAIN, tr->condition, 40);
    str_addc(t->out, '\n');
}

/* ---- all of it --------------------------------------------------------------------------- */

static bool take_transition(void *ctx, const struct alert_transition *t)
{
    struct history *h = ctx;
    str_clear(h->t.out);
    if (h->json)
        put_transition_json(h->t.out, t);
    else
        put_transition_text(&h->t, t);
    return add(h, t->at_us, 0);
}

static bool is_about(const struct message *m, const char *slo)
{
    bool found = !slo;
    for (size_t i = 0; i < m->alert_count && !found; i++)
        found = str_eq(matcher_label(&m->alerts[i].labels, "slo"), slo);
    return found;
}

static bool take_message(void *ctx, const struct outbox_row *row)
{
    struct history *h = ctx;
    struct arena arena = {0};
    struct message m = {0};
    bool go_on = true;
    if (h->dead && row->state != OUTBOX_DEAD)
        return true;
    if (!read_message(row, &arena, &m))
        m = (struct message){0}; /* of an older nines */
    str_clear(h->t.out);
    if (is_about(&m, h->slo)) {
        if (h->json)
            put_message_json(h->t.out, row, &m);
        else
            put_message_text(&h->t, row, &m);
        go_on = add(h, row->created_us, row->id);
    }
    arena_release(&arena);
    return go_on;
}

/* Transitions before the messages of their instant; of these, the oldest first. */
static int by_time(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    if (x->at_us != y->at_us)
        return x->at_us < y->at_us ? -1 : 1;
    if (x->id != y->id)
        return x->id < y->id ? -1 : 1;
    return x->order < y->order ? -1 : 1;
}

static int collect(struct history *h, const char *database, int64_t from_us, int64_t to_us,
                   struct err *reterr)
{
    struct store_reader *r;
    if (store_reader_open(database, &r, reterr) < 0)
        return -1;
    int rc = store_reader_begin(r, reterr);
    if (rc == 0) {
        if (!h->dead)
            rc = store_reader_transitions(r, h->slo, from_us, to_us, take_transition, h, reterr);
        if (rc == 0)
            rc = store_reader_outbox(r, from_us, to_us, take_message, h, reterr);
        store_reader_end(r);
    }
    store_reader_free(r);
    if (rc == 0 && h->full)
        rc = err_set(reterr, "that is too much to show: look at a shorter span, by --from");
    if (h->at.len)
        qsort(h->at.at, h->at.len, sizeof(*h->at.at), by_time);
    return rc;
}

static int show(const struct command *self, const struct cli_common *common, struct history *h,
                int64_t from_us, int64_t to_us)
{
    struct err err;
    struct str out;
    struct config *cfg = cli_config(self, common, true);
    if (!cfg)
        return EXIT_BAD;
    str_init(&out, BYTES_MAX);
    h->t =
        (struct term){.out = &out, .color = cli_color(common, stdout), .width = cli_width(stdout)};
    h->json = str_eq(common->format, "json");
    int rc = collect(h, cfg->daemon.database, from_us, to_us, &err);
    for (size_t i = 0; rc == 0 && i < h->at.len; i++)
        fputs(h->at.at[i].line, stdout);
    str_release(&out);
    vec_release(&h->at);
    arena_release(&h->arena);
    config_unref(cfg);
    return rc < 0 ? cli_fail(self, "%s", err.msg) : EXIT_GOOD;
}

int alerts_history(int argc, char **argv)
{
    const struct command *self = &command_history;
    struct cli_common common = {0};
    struct history h = {.slo = NULL};
    int64_t from_us = 0, to_us = 0;
    const struct cli_option options[] = {
        {"from", 0, OPT_TIME, &from_us, "TIME", "from then on; without it, all there is"},
        {"to", 0, OPT_TIME, &to_us, "TIME", "what was before then"},
        {"slo", 's', OPT_STRING, &h.slo, "NAME", "of this SLO, and messages that tell of it"},
        {"dead", 'd', OPT_FLAG, &h.dead, NULL, "messages that were given up, nothing else"},
        {0},
    };
    int first, rc = cli_parse(self, options, argc, argv, &common, &first);
    if (rc >= 0)
        return rc;
    if (first < argc)
        return cli_usage(self, "unexpected argument '%s'", argv[first]);
    if (from_us && to_us && from_us >= to_us)
        return cli_usage(self, "--from is not before --to");
    if (common.format && !str_eq(common.format, "text") && !str_eq(common.format, "json"))
        return cli_usage(self, "--format is text or json; found '%s'", common.format);
    return show(self, &common, &h, from_us, to_us ? to_us : INT64_MAX);
}
