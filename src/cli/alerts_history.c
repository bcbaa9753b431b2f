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
#include "report/term.h"
#include "slo/conditions.h"
#include "wire/message.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ITEMS_MAX 1000000
#define LINE_MAX_BYTES ((size_t)1 << 20)
#define NAMES_SHOWN 3

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

/* A transition or a message: copies, the history's. */
struct item {
    int64_t at_us;
    size_t order; /* among those of one instant */
    const struct alert_transition *t;
    const struct outbox_row *m;
};

struct history {
    struct arena arena;
    VEC(struct item) at;
    const char *slo; /* NULL: of all */
    bool dead;       /* messages that were given up, nothing else */
    bool full;
};

static bool add(struct history *h, const struct item *item)
{
    struct item kept = *item;
    if (h->at.len == ITEMS_MAX) {
        h->full = true;
        return false;
    }
    kept.order = h->at.len;
    vec_push(&h->at, kept);
    return true;
}

static bool take_transition(void *ctx, const struct alert_transition *t)
{
    struct history *h = ctx;
    struct arena *a = &h->arena;
    struct alert_transition *copy = arena_alloc(a, sizeof(*copy));
    *copy = *t;
    copy->condition = arena_strdup(a, t->condition);
    copy->slo = arena_strdup(a, t->slo);
    copy->objective_name = arena_strdup(a, t->objective_name);
    copy->service = arena_strdup(a, t->service);
    return add(h, &(struct item){.at_us = t->at_us, .t = copy});
}

/* ---- messages ------------------------------------------------------------------------ */

/* What it says in few words: alerts by name. False: it cannot be read. */
static bool read_message(const struct outbox_row *row, struct arena *a, struct message *ret)
{
    struct err err;
    return message_read(row->payload, strlen(row->payload), a, ret, &err) == 0;
}

static bool is_about(const struct message *m, const char *slo)
{
    for (size_t i = 0; i < m->alert_count; i++)
        if (str_eq(matcher_label(&m->alerts[i].labels, "slo"), slo))
            return true;
    return false;
}

/* The payload is kept where it is small: it is read once more to be shown. */
static bool take_message(void *ctx, const struct outbox_row *row)
{
    struct history *h = ctx;
    struct arena *a = &h->arena, scratch = {0};
    struct message m;
    bool wanted = !h->dead || row->state == OUTBOX_DEAD;
    if (wanted && h->slo)
        wanted = read_message(row, &scratch, &m) && is_about(&m, h->slo);
    arena_release(&scratch);
    if (!wanted)
        return true;
    struct outbox_row *copy = arena_alloc(a, sizeof(*copy));
    *copy = *row;
    copy->receiver = arena_strdup(a, row->receiver);
    copy->integration = arena_strdup(a, row->integration);
    copy->group_key = arena_strdup(a, row->group_key);
    copy->dedup_key = arena_strdup(a, row->dedup_key);
    copy->payload = arena_strdup(a, row->payload);
    copy->detail = arena_strdup(a, row->detail);
    return add(h, &(struct item){.at_us = row->created_us, .m = copy});
}

/* Transitions before the messages of their instant; of these, the oldest first. */
static int by_time(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    if (x->at_us != y->at_us)
        return x->at_us < y->at_us ? -1 : 1;
    if (x->m && y->m)
        return x->m->id < y->m->id ? -1 : 1;
    return x->order < y->order ? -1 : 1;
}

/* ---- JSON ------------------------------------------------------------------------------ */

static const char *state_name(enum outbox_state state)
{
    static const char *const names[] = {"pending", "delivered", "dead"};
    return state <= OUTBOX_DEAD ? names[state] : "unknown";
}

static void put_alerts_json(struct str *out, const struct outbox_row *row)
{
    struct arena arena = {0};
    struct message m = {0};
    str_add(out, ",\"alerts\":[");
    if (read_message(row, &arena, &m))
        for (size_t i = 0; i < m.alert_count; i++) {
            str_add(out, i ? ",{" : "{");
            json_put_string(out, "fingerprint", m.alerts[i].fingerprint);
            json_put_string(out, "status", m.alerts[i].firing ? "firing" : "resolved");
            json_put_string(out, "alertname", matcher_label(&m.alerts[i].labels, "alertname"));
            json_put_string(out, "slo", matcher_label(&m.alerts[i].labels, "slo"));
            str_addc(out, '}');
        }
    str_add(out, "]");
    arena_release(&arena);
}

static void put_message_json(struct str *out, const struct outbox_row *row)
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
    put_alerts_json(out, row);
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

static void put_message_text(struct term *t, const struct outbox_row *row)
{
    char text[FMT_MAX];
    struct arena arena = {0};
    struct message m = {0};
    str_addf(t->out, "%s  ", fmt_stamp(text, row->created_us));
    term_paint(t, color_of(row->state), "%-10s", state_name(row->state));
    str_addf(t->out, " %6" PRId64 "   ", row->id);
    term_clean(t, TERM_PLAIN, row->receiver, 60);
    str_addc(t->out, *row->integration ? '/' : ' ');
    term_clean(t, TERM_PLAIN, row->integration, 60);
    if (read_message(row, &arena, &m)) {
        put_names(t, &m, true);
        put_names(t, &m, false);
    }
    str_addc(t->out, '\n');
    if (row->state != OUTBOX_DELIVERED && row->attempts) {
        str_addf(t->out, "%40stried %d time%s, the last one: ", "", row->attempts,
                 row->attempts == 1 ? "" : "s");
        term_clean(t, TERM_PLAIN, row->detail, 200);
        if (row->state == OUTBOX_PENDING && row->retry_at_us)
            str_addf(t->out, "; again at %s", fmt_stamp(text, row->retry_at_us));
        str_addc(t->out, '\n');
    }
    arena_release(&arena);
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

static void print(const struct history *h, struct term *t, bool json)
{
    for (size_t i = 0; i < h->at.len; i++) {
        const struct item *it = &h->at.at[i];
        str_clear(t->out);
        if (json && it->t)
            put_transition_json(t->out, it->t);
        else if (json)
            put_message_json(t->out, it->m);
        else if (it->t)
            put_transition_text(t, it->t);
        else
            put_message_text(t, it->m);
        fwrite(t->out->buf, 1, t->out->len, stdout);
    }
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
        rc = err_set(reterr, "there are more than %d of them; look at a shorter span", ITEMS_MAX);
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
    int rc = EXIT_GOOD;
    if (collect(h, cfg->daemon.database, from_us, to_us, &err) < 0)
        rc = cli_fail(self, "%s", err.msg);
    str_init(&out, LINE_MAX_BYTES);
    struct term t = {.out = &out, .color = cli_color(common, stdout), .width = cli_width(stdout)};
    if (rc == EXIT_GOOD)
        print(h, &t, str_eq(common->format, "json"));
    str_release(&out);
    vec_release(&h->at);
    arena_release(&h->arena);
    config_unref(cfg);
    return rc;
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
