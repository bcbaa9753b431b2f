#include "probe/answer_expect.h"

#include "base/mem.h"
#include "base/str.h"
#include "config/decode.h"
#include "config/measures.h"
#include "probe/answer_schema.h"
#include "probe/http.h"

#define PROMISE_MAX 128

/* ---- from YAML ------------------------------------------------------------------- */

static const struct field tool_fields[] = {
    {"name", FIELD_STRING, offsetof(struct expected_tool, name), .flags = FIELD_REQUIRED,
     .help = "of the tool"},
    {"arguments", FIELD_CUSTOM, offsetof(struct expected_tool, arguments),
     .decode = expect_decode_json, .help = "conditions as of `json`, on one call's arguments"},
    {0},
};

static const char *describe_tool(struct arena *a, const struct expected_tool *t)
{
    const char *what = arena_printf(a, "a call of %s", t->name);
    for (size_t i = 0; i < t->arguments.n; i++)
        what = arena_printf(a, "%s%s%s", what, i ? ", " : " with ", t->arguments.at[i].what);
    return what;
}

static void decode_one_tool(struct decode *c, const struct node *n, struct expected_tool *t)
{
    static const struct field name = {"tool", FIELD_STRING};
    if (n->kind == NODE_MAP)
        decode_object(c, n, tool_fields, t);
    else
        decode_value(c, n, &name, &t->name);
    if (t->name)
        t->what = describe_tool(c->arena, t);
}

static void decode_tools(struct decode *c, const struct node *n, void *out)
{
    struct agent_expect *e = out;
    size_t count = n->kind == NODE_SEQ ? n->n : 1;
    char found[FOUND_MAX];
    if (count == 0 || count > EXPECT_MAX_CHECKS || (n->kind != NODE_SEQ && node_is_null(n))) {
        decode_error(c, n->pos,
                     "tool: expected a name, {name, arguments}, or a list of up to %d of them; "
                     "found %s",
                     EXPECT_MAX_CHECKS, decode_found(n, found));
        return;
    }
    e->tools = arena_alloc(c->arena, count * sizeof(*e->tools));
    for (size_t i = 0; i < count; i++)
        decode_one_tool(c, n->kind == NODE_SEQ ? n->items[i] : n, &e->tools[i]);
    e->tool_count = count;
}

static void decode_refusal(struct decode *c, const struct node *n, void *out)
{
    static const struct field texts = {"refusal", FIELD_STRING_LIST};
    struct refusal_rule *r = out;
    char found[FOUND_MAX];
    if (n->kind == NODE_SEQ && n->n) {
        decode_value(c, n, &texts, &r->own);
        return;
    }
    r->allowed = n->kind == NODE_SCALAR && n->plain && str_eq(n->text, "true");
    if (!r->allowed && (n->kind != NODE_SCALAR || !n->plain || !str_eq(n->text, "false")))
        decode_error(c, n->pos,
                     "refusal: expected true, false, or a list of texts that begin a refusal; "
                     "found %s",
                     decode_found(n, found));
}

static void decode_schema(struct decode *c, const struct node *n, void *out)
{
    struct agent_expect *e = out;
    e->schema = answer_schema_decode(c, n);
}

const struct field agent_expect_fields[] = {
    {"status", FIELD_CUSTOM, offsetof(struct agent_expect, http.status),
     .decode = expect_decode_status,
     .help = "a status, class or range (200, 2xx, 300-399) or a list of them; default 2xx"},
    {"headers", FIELD_CUSTOM, offsetof(struct agent_expect, http.headers),
     .decode = expect_decode_headers,
     .help = "name: text, or {equals, not, contains, not_contains, matches, not_matches, present}"},
    {"answer", FIELD_CUSTOM, offsetof(struct agent_expect, text), .decode = expect_decode_answer,
     .help = "{equals, contains, not_contains, matches, not_matches} of the answer's text"},
    {"json", FIELD_CUSTOM, offsetof(struct agent_expect, json), .decode = expect_decode_json,
     .help = "conditions by path on the answer's text as a JSON document"},
    {"schema", FIELD_CUSTOM, 0, .decode = decode_schema,
     .help = "JSON Schema (a part of it) that the answer's text fulfils"},
    {"tool", FIELD_CUSTOM, 0, .decode = decode_tools,
     .help = "a tool that has to be called, {name, arguments}, or a list of them"},
    {"empty", FIELD_BOOL, offsetof(struct agent_expect, empty),
     .help = "true: an answer without text and tool call is good as well"},
    {"refusal", FIELD_CUSTOM, offsetof(struct agent_expect, refusal), .decode = decode_refusal,
     .help = "true: a refusal is good as well; or texts that begin one"},
    {"min_tokens", FIELD_INT, offsetof(struct agent_expect, min_tokens), .min = 1,
     .max = ANSWER_TOKENS_MAX, .help = "fewest tokens of the answer, as it tells"},
    {"finish", FIELD_STRING_LIST, offsetof(struct agent_expect, finish),
     .help = "why the answer may end, in the protocol's words: [stop, end_turn]"},
    MEASURE_FIELDS(struct agent_expect, bounds),
    {"faster_than", FIELD_DURATION, offsetof(struct agent_expect, http.faster_than_us), .min = 1,
     .help = "longest time of the whole run"},
    {"certificate_days", FIELD_INT, offsetof(struct agent_expect, http.certificate_days), .min = 1,
     .max = 3650, .help = "days that the certificate must still be valid"},
    {0},
};

/* ---- what follows from it --------------------------------------------------------------- */

static void name_bounds(struct arena *a, struct agent_expect *e)
{
    struct str text;
    str_init(&text, PROMISE_MAX);
    for (int m = MEASURE_NONE + 1; m < MEASURE_COUNT; m++) {
        if (!e->bounds[m])
            continue;
        str_clear(&text);
        answer_promise((enum answer_measure)m, e->bounds[m], NULL, &text);
        /* "at a cost of" is for who reads it without a verb */
        e->whats[m] = arena_strdup(a, text.buf + (m == MEASURE_COST ? strlen("at ") : 0));
    }
    str_release(&text);
}

static void name_rest(struct arena *a, struct agent_expect *e)
{
    if (e->min_tokens)
        e->min_tokens_what = arena_printf(a, "at least %lld tokens", (long long)e->min_tokens);
    for (size_t i = 0; i < e->finish.n; i++)
        e->finish_what =
            arena_printf(a, "%s%s", i ? arena_printf(a, "%s or ", e->finish_what) : "an end by ",
                         e->finish.at[i]);
}

/* Those that are always judged: it is whole, says something, does not refuse. */
#define OWN_CHECKS 3

static void check_count(struct decode *c, struct pos pos, const struct agent_expect *e)
{
    size_t n = OWN_CHECKS + e->http.check_count + e->text.n + e->json.n + e->tool_count +
               (e->schema != NULL) + (e->min_tokens > 0) + (e->finish.n > 0);
    for (int m = MEASURE_NONE + 1; m < MEASURE_COUNT; m++)
        n += e->bounds[m] > 0;
    if (n > EXPECT_MAX_CHECKS)
        diag_error(c->diag, pos, "%zu conditions: at most %d are allowed", n, EXPECT_MAX_CHECKS);
}

/* What an answer that comes as one document has none of. */
static void check_streams(struct decode *c, const struct node *n, struct pos pos,
                          const struct agent_expect *e)
{
    static const enum answer_measure of_streams[] = {MEASURE_TTFT, MEASURE_GAP};
    for (size_t i = 0; i < countof(of_streams); i++) {
        const char *key = answer_measure_name(of_streams[i]);
        if (e->bounds[of_streams[i]])
            diag_error(c->diag, http_key_pos(n, pos, key),
                       "%s: the answer is not streamed, so that it comes in one piece; "
                       "faster_than bounds when",
                       key);
    }
}

static void compile(struct decode *c, struct agent_expect *e)
{
    checks_compile(c, e->text.at, e->text.n);
    checks_compile(c, e->json.at, e->json.n);
    for (size_t i = 0; i < e->tool_count; i++)
        checks_compile(c, e->tools[i].arguments.at, e->tools[i].arguments.n);
    if (e->schema)
        answer_schema_compile(c, e->schema);
}

/* What no run that ends in time can fail. */
static void check_timeout(struct decode *c, const struct node *n, const struct probe_def *def,
                          const struct agent_expect *e)
{
    const struct {
        const char *key;
        int64_t us;
    } times[] = {{"faster_than", e->http.faster_than_us},
                 {answer_measure_name(MEASURE_TTFT), e->bounds[MEASURE_TTFT]},
                 {answer_measure_name(MEASURE_GAP), e->bounds[MEASURE_GAP]}};
    for (size_t i = 0; i < countof(times); i++) {
        if (times[i].us > def->timeout_us)
            diag_error(c->diag, http_key_pos(n, def->pos, times[i].key),
                       "%s is longer than the timeout", times[i].key);
    }
}

void agent_expect_prepare(struct decode *c, const struct node *n, const struct probe_def *def,
                          bool streams, struct agent_expect *e)
{
    size_t errors = c->diag->errors;
    struct pos pos = n ? n->pos : def->pos;
    check_timeout(c, n, def, e);
    expect_prepare(c, pos, &e->http);
    check_count(c, pos, e);
    if (!streams)
        check_streams(c, n, pos, e);
    name_bounds(c->arena, e);
    name_rest(c->arena, e);
    e->cost_pos = http_key_pos(n, pos, answer_measure_name(MEASURE_COST));
    e->speed_pos = http_key_pos(n, pos, answer_measure_name(MEASURE_SPEED));
    e->min_tokens_pos = http_key_pos(n, pos, "min_tokens");
    e->reads_json = e->json.n > 0;
    for (size_t i = 0; i < e->tool_count; i++)
        e->reads_json |= e->tools[i].arguments.n > 0;
    compile(c, e);
    if (c->diag->errors > errors)
        agent_expect_release(e);
}

void agent_expect_release(struct agent_expect *e)
{
    expect_release(&e->http);
    checks_release(e->text.at, e->text.n);
    checks_release(e->json.at, e->json.n);
    for (size_t i = 0; i < e->tool_count; i++)
        checks_release(e->tools[i].arguments.at, e->tools[i].arguments.n);
    if (e->schema)
        answer_schema_release(e->schema);
}
