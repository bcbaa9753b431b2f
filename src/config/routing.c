#include "config/routing.h"

#include "base/str.h"
#include "base/units.h"
#include "model/matcher.h"

#include <string.h>

#define WAIT_DEFAULT_US (30 * USEC_PER_SEC)
#define INTERVAL_DEFAULT_US (5 * USEC_PER_MIN)
#define REPEAT_DEFAULT_US (4 * USEC_PER_HOUR)
#define RESOLVE_DEFAULT_US (5 * USEC_PER_MIN)

/* ---- durations --------------------------------------------------------------------------- */

/* One "DIGITS UNIT" of units from *unit on, which then moves behind it; -1: it is none. */
static int take_span(const char **p, size_t *unit, int64_t *ret)
{
    static const struct {
        const char *name;
        int64_t us;
    } units[] = {{"y", 365 * USEC_PER_DAY}, {"w", 7 * USEC_PER_DAY}, {"d", USEC_PER_DAY},
                 {"h", USEC_PER_HOUR},      {"m", USEC_PER_MIN},     {"s", USEC_PER_SEC},
                 {"ms", USEC_PER_MSEC}};
    size_t digits = strspn(*p, "0123456789");
    const char *name = *p + digits;
    size_t len = strcspn(name, "0123456789");
    int64_t n = 0;
    if (digits == 0 || digits > 15)
        return -1;
    for (size_t i = 0; i < digits; i++)
        n = n * 10 + ((*p)[i] - '0');
    for (size_t i = *unit; i < countof(units); i++) {
        if (strlen(units[i].name) != len || memcmp(units[i].name, name, len) != 0)
            continue;
        *unit = i + 1;
        *p = name + len;
        return __builtin_mul_overflow(n, units[i].us, ret) ? -1 : 0;
    }
    return -1;
}

static int parse_wait(const char *text, int64_t *ret)
{
    int64_t sum = 0, term;
    size_t unit = 0;
    if (str_eq(text, "0")) {
        *ret = 0;
        return 0;
    }
    do {
        if (take_span(&text, &unit, &term) < 0 || term > UNITS_DURATION_MAX - sum)
            return -1;
        sum += term;
    } while (*text);
    *ret = sum;
    return 0;
}

void decode_wait(struct decode *c, const struct node *n, void *out)
{
    char found[FOUND_MAX];
    if (n->kind != NODE_SCALAR || parse_wait(n->text, out) < 0)
        decode_error(c, n->pos,
                     "expected a duration like 30s, 5m or 1d12h, not negative (whole numbers with "
                     "y, w, d, h, m, s or ms, falling, at most 36500d); found %s",
                     decode_found(n, found));
}

/* ---- what the blocks share --------------------------------------------------------------- */

const struct node *routing_list(struct build *b, const struct node *n, const char *what, size_t max)
{
    char found[FOUND_MAX];
    if (n->kind != NODE_SEQ)
        decode_error(&b->decode, n->pos, "%s: expected a list; found %s", what,
                     decode_found(n, found));
    else if (n->n > max)
        decode_error(&b->decode, n->pos, "%s: at most %zu; found %zu", what, max, n->n);
    else
        return n;
    return NULL;
}

static void release_matchers(void *list)
{
    matchers_release(list);
}

/* What is wrong with a pattern, counted in the text that the user wrote. */
static void own_position(struct build *b, const struct pair *p, struct err *err)
{
    struct matchers alone = {0};
    struct err own;
    if (matchers_add(&alone, b->decode.arena, p->key, MATCH_REGEX, p->value, &own) < 0)
        *err = own;
    matchers_release(&alone);
}

/* A mapping of labels to values or, with `regex`, to patterns. */
static void add_map(struct build *b, const struct node *n, bool regex, struct matchers *into)
{
    const struct field field = {regex ? "match_re" : "match", FIELD_STRING_MAP};
    struct string_map map = {0};
    struct err err;
    decode_value(&b->decode, n, &field, &map);
    for (size_t i = 0; i < map.n; i++) {
        const struct pair *p = &map.at[i];
        /* Alertmanager's group keys show that it anchors these itself. */
        const char *value = regex ? arena_printf(b->decode.arena, "^(?:%s)$", p->value) : p->value;
        if (matchers_add(into, b->decode.arena, p->key, regex ? MATCH_REGEX : MATCH_EQUAL, value,
                         &err) == 0)
            continue;
        if (regex)
            own_position(b, p, &err);
        decode_error(&b->decode, p->pos, "%s: '%.60s': %s", field.name, p->key, err.msg);
    }
}

static void add_texts(struct build *b, const struct node *n, struct matchers *into)
{
    static const struct field field = {"matchers", FIELD_STRING_LIST};
    struct string_list texts = {0};
    struct err err;
    size_t at, errors = b->decode.diag->errors;
    decode_value(&b->decode, n, &field, &texts);
    for (size_t i = 0; errors == b->decode.diag->errors && i < texts.n; i++)
        if (matchers_parse(texts.at[i], b->decode.arena, into, &at, &err) < 0)
            decode_error(&b->decode, (n->kind == NODE_SEQ ? n->items[i] : n)->pos,
                         "matchers: '%.100s': %s (at its byte %zu)", texts.at[i], err.msg, at + 1);
}

void routing_matchers(struct build *b, const struct matcher_nodes *nodes, struct matchers *into)
{
    arena_on_release(b->decode.arena, release_matchers, into);
    if (nodes->match)
        add_map(b, nodes->match, false, into);
    if (nodes->match_re)
        add_map(b, nodes->match_re, true, into);
    if (nodes->matchers)
        add_texts(b, nodes->matchers, into);
    matchers_sort(into);
}

/* ---- global ------------------------------------------------------------------------------ */

struct global_raw {
    int64_t resolve_timeout_us;
    const struct node *other; /* what receivers ask for, they find in the node itself */
};

#define OTHER(key)                                                                                 \
    {                                                                                              \
        key, FIELD_CUSTOM, offsetof(struct global_raw, other), .decode = decode_keep               \
    }

static const struct field global_fields[] = {
    {"resolve_timeout", FIELD_CUSTOM, offsetof(struct global_raw, resolve_timeout_us),
     .decode = decode_wait},
    OTHER("http_config"),
    OTHER("opsgenie_api_key"),
    OTHER("opsgenie_api_key_file"),
    OTHER("opsgenie_api_url"),
    OTHER("pagerduty_url"),
    OTHER("slack_api_url"),
    OTHER("slack_api_url_file"),
    OTHER("smtp_auth_identity"),
    OTHER("smtp_auth_password"),
    OTHER("smtp_auth_password_file"),
    OTHER("smtp_auth_secret"),
    OTHER("smtp_auth_secret_file"),
    OTHER("smtp_auth_username"),
    OTHER("smtp_from"),
    OTHER("smtp_hello"),
    OTHER("smtp_require_tls"),
    OTHER("smtp_smarthost"),
    OTHER("smtp_tls_config"),
    OTHER("telegram_api_url"),
    {0},
};

static int64_t build_global(struct build *b)
{
    struct global_raw raw = {.resolve_timeout_us = RESOLVE_DEFAULT_US};
    if (b->routing.global)
        decode_object(&b->decode, b->routing.global, global_fields, &raw);
    return raw.resolve_timeout_us;
}

/* ---- names ------------------------------------------------------------------------------- */

static void add_receiver(struct route_names *names, const char *name)
{
    if (table_get(&names->receivers, name))
        return;
    table_set(&names->receivers, name, (void *)(uintptr_t)name);
    vec_push(&names->receiver_list, name);
}

/* Faulty ones too: their own errors are enough. */
static void add_listed(struct route_names *names, const struct node *list)
{
    for (size_t i = 0; list && list->kind == NODE_SEQ && i < list->n; i++) {
        const struct node *name =
            list->items[i]->kind == NODE_MAP ? node_get(list->items[i], "name") : NULL;
        if (name && name->kind == NODE_SCALAR)
            add_receiver(names, name->text);
    }
}

static void add_names(struct build *b, const struct routing_def *r, struct route_names *names)
{
    add_listed(names, b->daemon ? node_get(b->daemon, "receivers") : NULL);
    add_listed(names, b->alertmanager_receivers);
    for (size_t i = 0; i < b->receivers.len; i++)
        add_receiver(names, b->receivers.at[i]->name);
    for (size_t i = 0; i < r->interval_count; i++) {
        const struct time_interval_def *t = &r->intervals[i];
        if (!t->name)
            continue;
        if (table_get(&names->intervals, t->name))
            decode_error(&b->decode, t->pos, "two time intervals have the name '%.128s'", t->name);
        else
            vec_push(&names->interval_list, t->name);
        table_set(&names->intervals, t->name, (void *)(uintptr_t)t->name);
    }
}

/* ---- the whole --------------------------------------------------------------------------- */

static void decode_templates(struct decode *c, const struct node *n, void *out)
{
    (void)out;
    if (n->kind != NODE_SEQ || n->n > 0)
        decode_error(c, n->pos,
                     "templates: files of templates are not read; write texts where receivers "
                     "have them");
}

struct alertmanager_raw {
    struct routing_nodes nodes;
    const struct node *receivers;
};

#define BLOCK(key, member)                                                                         \
    {                                                                                              \
        key, FIELD_CUSTOM, offsetof(struct alertmanager_raw, member), .decode = decode_keep        \
    }

static const struct field alertmanager_fields[] = {
    BLOCK("global", nodes.global),
    BLOCK("route", nodes.route),
    BLOCK("inhibit_rules", nodes.inhibit_rules),
    BLOCK("time_intervals", nodes.time_intervals),
    BLOCK("mute_time_intervals", nodes.mute_time_intervals),
    BLOCK("receivers", receivers),
    {"templates", FIELD_CUSTOM, 0, .decode = decode_templates},
    {0},
};

static bool is_given(const struct routing_nodes *n)
{
    return n->global || n->route || n->inhibit_rules || n->time_intervals || n->mute_time_intervals;
}

void build_alertmanager(struct build *b, const struct node *doc)
{
    struct alertmanager_raw raw = {0};
    size_t errors = b->decode.diag->errors;
    if (b->alertmanager) {
        decode_error(&b->decode, doc->pos, "a second document; one is read");
        return;
    }
    b->alertmanager = doc;
    decode_object(&b->decode, doc, alertmanager_fields, &raw);
    b->alertmanager_receivers = raw.receivers;
    b->alertmanager_nodes = raw.nodes;
    if (!raw.nodes.route && errors == b->decode.diag->errors)
        decode_error(&b->decode, doc->pos, "missing key 'route'");
}

static struct pos first_pos(const struct routing_nodes *n)
{
    return (n->route            ? n->route
            : n->inhibit_rules  ? n->inhibit_rules
            : n->time_intervals ? n->time_intervals
                                : n->global)
        ->pos;
}

/* Receivers have a use for `global` by itself. */
static bool needs_route(const struct routing_nodes *n)
{
    return n->inhibit_rules || n->time_intervals || n->mute_time_intervals;
}

/* From where they are written; whether there is a route. */
static bool choose_nodes(struct build *b)
{
    bool own = is_given(&b->routing);
    if (b->alertmanager && own) {
        decode_error(&b->decode, first_pos(&b->routing),
                     "route, inhibit_rules, time_intervals and global stand either here or in the "
                     "file that 'alertmanager' names, %s",
                     b->alertmanager->pos.file);
        return false;
    }
    if (own && !b->routing.route && needs_route(&b->routing))
        decode_error(&b->decode, first_pos(&b->routing),
                     "without 'route' it has nothing to be about");
    if (b->alertmanager)
        b->routing = b->alertmanager_nodes;
    return b->routing.route != NULL;
}

void build_routing(struct build *b)
{
    struct route_names names = {0};
    bool routed = choose_nodes(b);
    int64_t resolve_timeout_us = build_global(b);
    if (!routed)
        return;
    struct routing_def *r = arena_alloc(b->decode.arena, sizeof(*r));
    const struct routing_nodes *nodes = &b->routing;
    r->root.group_wait_us = WAIT_DEFAULT_US;
    r->root.group_interval_us = INTERVAL_DEFAULT_US;
    r->root.repeat_interval_us = REPEAT_DEFAULT_US;
    r->resolve_timeout_us = resolve_timeout_us;
    if (nodes->time_intervals)
        routing_intervals(b, nodes->time_intervals, r);
    if (nodes->mute_time_intervals)
        routing_intervals(b, nodes->mute_time_intervals, r);
    add_names(b, r, &names);
    routing_route(b, nodes->route, &names, &r->root);
    if (nodes->inhibit_rules)
        routing_inhibits(b, nodes->inhibit_rules, r);
    routing_check_cycles(b, r);
    b->config->routing = r;
    table_release(&names.receivers);
    table_release(&names.intervals);
    vec_release(&names.receiver_list);
    vec_release(&names.interval_list);
}
