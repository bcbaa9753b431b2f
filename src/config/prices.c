#include "config/prices.h"

#include "base/str.h"
#include "base/units.h"
#include "config/decode.h"
#include "nines/answer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MODEL_MAX 128
#define MILLION 1000000
#define CURRENCY_LEN 3

/* What `n` says, in millionths; -1: reported. */
static int64_t decode_decimal(struct decode *c, const struct node *n, const char *what, bool zero,
                              int64_t max)
{
    struct decimal d;
    char found[FOUND_MAX];
    bool ok = n->kind == NODE_SCALAR && decimal_parse(n->text, &d, NULL) == 0 &&
              d.scale <= PRICE_DECIMALS && (zero || d.n) &&
              decimal_cmp(d, (struct decimal){max, 0}) <= 0;
    if (ok)
        return d.n * decimal_pow10(PRICE_DECIMALS - d.scale);
    decode_error(
        c, n->pos,
        "%s: expected %s, %s and at most %" PRId64 ", with no more than %d decimals; found %s",
        c->key, what, zero ? "0 or more" : "above 0", max, PRICE_DECIMALS, decode_found(n, found));
    return -1;
}

/* ---- prices ------------------------------------------------------------------------ */

/* 10^-6 for a million is 10^-12 for one. */
static void decode_price(struct decode *c, const struct node *n, void *out)
{
    *(int64_t *)out = decode_decimal(c, n, "a price for a million tokens", true, PRICE_MAX);
}

static const struct field price_fields[] = {
    {"input", FIELD_CUSTOM, offsetof(struct price, in), .flags = FIELD_REQUIRED,
     .decode = decode_price},
    {"output", FIELD_CUSTOM, offsetof(struct price, out), .flags = FIELD_REQUIRED,
     .decode = decode_price},
    {"cached_input", FIELD_CUSTOM, offsetof(struct price, cached), .decode = decode_price},
    {0},
};

static int by_model(const void *a, const void *b)
{
    return strcmp(((const struct price *)a)->model, ((const struct price *)b)->model);
}

static void decode_model(struct decode *c, const struct node *key, const struct node *n,
                         struct price_table *t)
{
    struct price p = {.model = key->text, .pos = key->pos, .cached = -1};
    size_t len = strlen(key->text), errors = c->diag->errors;
    if (len == 0 || len > MODEL_MAX) {
        decode_error(c, key->pos, "models: expected the name of a model, of at most %d bytes",
                     MODEL_MAX);
        return;
    }
    decode_object(c, n, price_fields, &p);
    if (c->diag->errors > errors)
        return;
    if (p.cached < 0)
        p.cached = p.in;
    t->at[t->n++] = p;
}

static void decode_models(struct decode *c, const struct node *n, void *out)
{
    struct price_table *t = out;
    char found[FOUND_MAX];
    if (n->kind != NODE_MAP || n->n == 0) {
        decode_error(c, n->pos,
                     "models: expected what models cost, like {my-model: {input: 0.15, output: "
                     "0.60}}; found %s",
                     n->kind == NODE_MAP ? "none" : decode_found(n, found));
        return;
    }
    if (n->n > PRICES_MAX) {
        decode_error(c, n->pos, "models: at most %d", PRICES_MAX);
        return;
    }
    t->at = arena_alloc(c->arena, n->n * sizeof(*t->at));
    for (size_t i = 0; i < n->n; i++)
        decode_model(c, n->items[2 * i], n->items[2 * i + 1], t);
    if (t->n)
        qsort(t->at, t->n, sizeof(*t->at), by_model);
}

static void decode_currency(struct decode *c, const struct node *n, void *out)
{
    char found[FOUND_MAX];
    bool ok = n->kind == NODE_SCALAR && strlen(n->text) == CURRENCY_LEN;
    for (size_t i = 0; ok && i < CURRENCY_LEN; i++)
        ok = n->text[i] >= 'A' && n->text[i] <= 'Z';
    if (ok)
        *(const char **)out = n->text;
    else
        decode_error(c, n->pos, "currency: expected three capital letters like USD; found %s",
                     decode_found(n, found));
}

static const struct field table_fields[] = {
    {"currency", FIELD_CUSTOM, offsetof(struct price_table, currency), .flags = FIELD_REQUIRED,
     .decode = decode_currency},
    {"models", FIELD_CUSTOM, 0, .flags = FIELD_REQUIRED, .decode = decode_models},
    {0},
};

void decode_prices(struct decode *c, const struct node *n, void *out)
{
    decode_object(c, n, table_fields, out);
}

const struct price *price_find(const struct price_table *t, const char *model)
{
    struct price wanted = {.model = model};
    return t->n ? bsearch(&wanted, t->at, t->n, sizeof(*t->at), by_model) : NULL;
}

/* ---- caps ------------------------------------------------------------------------------- */

static void decode_cost(struct decode *c, const struct node *n, void *out)
{
    int64_t millionths = decode_decimal(c, n, "an amount of money", false, SPEND_COST_MAX);
    if (millionths > 0)
        *(int64_t *)out = millionths * (COST_ONE / MILLION);
}

#define CAPS(span)                                                                                 \
    {                                                                                              \
        {"tokens", FIELD_INT, offsetof(struct spend_caps, tokens_##span), .min = 1,                \
         .max = SPEND_TOKENS_MAX},                                                                 \
            {"cost", FIELD_CUSTOM, offsetof(struct spend_caps, cost_##span),                       \
             .decode = decode_cost},                                                               \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }

static const struct field hour_fields[] = CAPS(hour);
static const struct field day_fields[] = CAPS(day);

/* Objects at offset 0: their fields lie in struct spend_caps. */
static const struct field spend_fields[] = {
    {"hour", FIELD_OBJECT, 0, .fields = hour_fields},
    {"day", FIELD_OBJECT, 0, .fields = day_fields},
    {0},
};

static const struct node *cap_at(const struct node *n, const char *span, const char *key)
{
    const struct node *group = node_get(n, span);
    return group && group->kind == NODE_MAP ? node_get(group, key) : NULL;
}

/* A day's cap that is no more than an hour's is the only one there is. */
static void check_day(struct decode *c, const struct node *n, const char *key, int64_t hour,
                      int64_t day)
{
    const struct node *at = cap_at(n, "hour", key);
    if (at && hour && day && hour > day)
        decode_warning(c, at->pos,
                       "spend: the cap on %s of an hour is above that of a day: it is never "
                       "reached",
                       key);
}

void decode_spend(struct decode *c, const struct node *n, void *out)
{
    static const char *const spans[] = {"hour", "day"};
    struct spend_caps *caps = out;
    size_t errors = c->diag->errors;
    decode_object(c, n, spend_fields, caps);
    if (c->diag->errors > errors)
        return;
    if (n->n == 0)
        decode_error(c, n->pos, "spend: missing key 'hour' or 'day'");
    for (size_t i = 0; i < 2; i++) {
        const struct node *group = node_get(n, spans[i]), *cost = cap_at(n, spans[i], "cost");
        if (group && !cost && !cap_at(n, spans[i], "tokens"))
            decode_error(c, group->pos, "spend: %s: missing key 'tokens' or 'cost'", spans[i]);
        if (cost && !caps->cost_pos.file)
            caps->cost_pos = cost->pos;
    }
    caps->pos = n->pos;
    check_day(c, n, "tokens", caps->tokens_hour, caps->tokens_day);
    check_day(c, n, "cost", caps->cost_hour, caps->cost_day);
}
