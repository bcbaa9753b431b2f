#include "config/sli_internal.h"

#include "base/str.h"
#include "base/units.h"
#include "config/measures.h"
#include "model/expr.h"
#include "model/selector.h"
#include "nines/sample.h"

#include <inttypes.h>
#include <string.h>

#define FASTER_THAN_MAX_US USEC_PER_HOUR
#define COMPONENT_MAX 128
#define KEY_MAX 32768

/* ---- classify --------------------------------------------------------------- */

static const struct field classify_as = {
    .name = "classify",
    .type = FIELD_ENUM,
    .names = (const char *const[]){"good", "bad", "excluded", NULL},
};

static void classify_one(struct decode *c, const struct node *key, const struct node *value,
                         int8_t *classify)
{
    const char *names[REASON_COUNT];
    int outcome = -1, reason = reason_parse(key->text);
    if (reason > REASON_NONE) {
        decode_value(c, value, &classify_as, &outcome);
        classify[reason] = (int8_t)outcome; /* the names are in the enum's order */
        return;
    }
    for (int i = 1; i < REASON_COUNT; i++)
        names[i - 1] = reason_name((enum reason)i);
    const char *near = str_nearest(key->text, names, REASON_COUNT - 1);
    if (near)
        decode_error(c, key->pos, "classify: unknown reason '%.60s'; did you mean '%s'?", key->text,
                     near);
    else
        decode_error(c, key->pos, "classify: unknown reason '%.60s'; nines.yaml(5) lists them",
                     key->text);
}

static void decode_classify(struct decode *c, const struct node *n, void *out)
{
    char found[FOUND_MAX];
    if (n->kind != NODE_MAP) {
        decode_error(c, n->pos,
                     "classify: expected a mapping like {rate_limited: excluded}; "
                     "found %s",
                     decode_found(n, found));
        return;
    }
    for (size_t i = 0; i < n->n; i++)
        classify_one(c, n->items[2 * i], n->items[2 * i + 1], out);
}

const struct field sli_fields[] = {
    {"probe", FIELD_STRING, offsetof(struct sli_raw, probe), .flags = FIELD_REQUIRED},
    {"faster_than", FIELD_DURATION, offsetof(struct sli_raw, faster_than_us), .min = 1,
     .max = FASTER_THAN_MAX_US},
    MEASURE_FIELDS(struct sli_raw, bounds),
    {"classify", FIELD_CUSTOM, offsetof(struct sli_raw, classify), .decode = decode_classify},
    {"ratio", FIELD_CUSTOM, offsetof(struct sli_raw, ratio), .decode = decode_keep},
    {"histogram", FIELD_CUSTOM, offsetof(struct sli_raw, histogram), .decode = decode_keep},
    {"threshold", FIELD_CUSTOM, offsetof(struct sli_raw, threshold), .decode = decode_keep},
    {"component", FIELD_CUSTOM, offsetof(struct sli_raw, component), .decode = decode_keep},
    {"raw", FIELD_CUSTOM, offsetof(struct sli_raw, raw), .decode = decode_keep},
    {"raw_failure", FIELD_CUSTOM, offsetof(struct sli_raw, raw_failure), .decode = decode_keep},
    {0},
};

void sli_raw_init(struct sli_raw *raw)
{
    *raw = (struct sli_raw){0};
    memset(raw->classify, -1, sizeof(raw->classify));
}

/* ---- selectors and conditions ------------------------------------------------ */

/* Where a character of a scalar is: exact for text on one line. */
static struct pos pos_within(const struct node *n, size_t at)
{
    struct pos pos = n->pos;
    pos.column += (int)at + !n->plain;
    return pos;
}

static const char *decode_text(struct decode *c, const struct node *n, const char *key,
                               const char *example)
{
    char found[FOUND_MAX];
    if (n->kind == NODE_SCALAR && !node_is_null(n) && n->text[0])
        return n->text;
    decode_error(c, n->pos, "%s: expected text like %s; found %s", key, example,
                 decode_found(n, found));
    return NULL;
}

static const struct selector *decode_selector(struct decode *c, const struct node *n,
                                              const char *key)
{
    struct err err;
    size_t at = 0;
    const struct selector *s = NULL;
    const char *text = n ? decode_text(c, n, key, "http_requests_total{status=~\"5..\"}") : NULL;
    if (!text)
        return NULL;
    if (selector_parse(c->arena, text, strlen(text), &s, &at, &err) == 0)
        return s;
    decode_error(c, pos_within(n, at), "%s: %s", key, err.msg);
    return NULL;
}

static struct sli_metric *new_metric(struct decode *c, enum sli_metric_kind kind)
{
    struct sli_metric *m = arena_alloc(c->arena, sizeof(*m));
    m->kind = kind;
    return m;
}

static const struct sli_metric *new_threshold(struct decode *c, const struct node *n,
                                              const char *key, const char *text)
{
    struct err err;
    size_t at = 0;
    struct sli_metric *m = new_metric(c, SLI_THRESHOLD);
    if (expr_parse(c->arena, text, &m->condition, &at, &err) < 0) {
        decode_error(c, pos_within(n, at), "%s: %s", key, err.msg);
        return NULL;
    }
    if (expr_window_us(m->condition) == 0)
        return m;
    decode_error(c, n->pos,
                 "%s: each scrape is judged by itself: rate(x) and increase(x) look back to the "
                 "scrape before, windows like [5m] are for a probe's 'expect'",
                 key);
    return NULL;
}

/* ---- forms -------------------------------------------------------------------- */

struct ratio_raw {
    const struct node *good, *bad, *total;
};

static const struct field ratio_fields[] = {
    {"good", FIELD_CUSTOM, offsetof(struct ratio_raw, good), .decode = decode_keep},
    {"bad", FIELD_CUSTOM, offsetof(struct ratio_raw, bad), .decode = decode_keep},
    {"total", FIELD_CUSTOM, offsetof(struct ratio_raw, total), .flags = FIELD_REQUIRED,
     .decode = decode_keep},
    {0},
};

static const struct sli_metric *build_ratio(struct decode *c, const struct node *n)
{
    static const struct field object = {"ratio", FIELD_OBJECT, .fields = ratio_fields};
    struct ratio_raw raw = {0};
    size_t errors = c->diag->errors;
    decode_value(c, n, &object, &raw);
    if (n->kind == NODE_MAP && !raw.good == !raw.bad && !decode_misspelt(n, ratio_fields, "good") &&
        !decode_misspelt(n, ratio_fields, "bad"))
        decode_error(c, raw.good ? raw.bad->pos : n->pos,
                     "ratio: expected 'total' and one of 'good' and 'bad'");
    struct sli_metric *m = new_metric(c, SLI_RATIO);
    m->good = decode_selector(c, raw.good, "good");
    m->bad = decode_selector(c, raw.bad, "bad");
    m->total = decode_selector(c, raw.total, "total");
    return c->diag->errors == errors ? m : NULL;
}

/* Whether a canonical selector has a matcher on this label. */
static bool has_label(const struct selector *s, const char *label)
{
    const char *p = strchr(selector_text(s), '{');
    size_t len = strlen(label);
    bool quoted = false;
    for (; p && *p; p++) {
        if (quoted && *p == '\\' && p[1])
            p++;
        else if (*p == '"')
            quoted = !quoted;
        else if (!quoted && (*p == '{' || *p == ',') && strncmp(p + 1, label, len) == 0 &&
                 (p[1 + len] == '=' || p[1 + len] == '!'))
            return true;
    }
    return false;
}

/* Without trailing zeros: "0.5", "30". */
static const char *seconds_text(struct arena *a, int64_t us)
{
    int64_t whole = us / USEC_PER_SEC, part = us % USEC_PER_SEC;
    char *text = arena_printf(a, "%" PRId64 ".%06" PRId64, whole, part);
    size_t len = strlen(text);
    while (text[len - 1] == '0')
        len--;
    if (text[len - 1] == '.')
        len--;
    text[len] = '\0';
    return text;
}

static bool check_histogram(struct decode *c, const struct node *n, const struct selector *s)
{
    const char *name = selector_name(s);
    if (!name) {
        decode_error(c, n->pos, "histogram: expected the name of one histogram, and labels");
        return false;
    }
    const char *suffix = strrchr(name, '_');
    if (suffix && (str_eq(suffix, "_bucket") || str_eq(suffix, "_count"))) {
        decode_error(c, n->pos, "histogram: the name goes without %s: '%.*s'", suffix,
                     (int)(suffix - name), name);
        return false;
    }
    if (has_label(s, "le")) {
        decode_error(c, n->pos, "histogram: 'le' is what 'faster_than' says; leave it out");
        return false;
    }
    return true;
}

static const struct sli_metric *build_histogram(struct decode *c, const struct node *n,
                                                const struct sli_raw *raw)
{
    const struct selector *s = decode_selector(c, raw->histogram, "histogram");
    if (!s || !check_histogram(c, raw->histogram, s))
        return NULL;
    if (!node_get(n, "faster_than")) {
        if (!decode_misspelt(n, sli_fields, "faster_than"))
            decode_error(c, raw->histogram->pos,
                         "histogram: needs 'faster_than', the bound of one of its buckets");
        return NULL;
    }
    if (raw->faster_than_us == 0)
        return NULL; /* reported */
    struct arena *a = c->arena;
    struct sli_metric *m = new_metric(c, SLI_RATIO);
    const char *name = selector_name(s);
    m->good = selector_with(a, selector_rename(a, s, arena_printf(a, "%s_bucket", name)), "le",
                            seconds_text(a, raw->faster_than_us));
    m->total = selector_rename(a, s, arena_printf(a, "%s_count", name));
    return m;
}

static const struct sli_metric *build_component(struct decode *c, const struct sli_raw *raw)
{
    const struct node *n = raw->component;
    const char *name = decode_text(c, n, "component", "redis");
    struct str text;
    if (!name)
        return NULL;
    if (strlen(name) > COMPONENT_MAX) {
        decode_error(c, n->pos, "component: a name has at most %d bytes", COMPONENT_MAX);
        return NULL;
    }
    str_init(&text, 1024);
    str_addf(&text, "%s{component=\"",
             raw->faster_than_us ? SERIES_COMPONENT_LATENCY : SERIES_COMPONENT);
    for (; *name; name++) {
        if (*name == '"' || *name == '\\' || *name == '\n')
            str_addc(&text, '\\');
        str_addc(&text, *name == '\n' ? 'n' : *name);
    }
    if (raw->faster_than_us)
        str_addf(&text, "\"} <= %s", seconds_text(c->arena, raw->faster_than_us));
    else
        str_add(&text, "\"} == 1");
    const struct sli_metric *m = new_threshold(c, n, "component", text.buf);
    str_release(&text);
    return m;
}

/* A ratio that the target, or the server that is asked, has made by itself. */
static const struct sli_metric *build_raw(struct decode *c, const struct sli_raw *raw)
{
    struct sli_metric *m = new_metric(c, SLI_RAW);
    m->good = decode_selector(c, raw->raw, "raw");
    m->bad = decode_selector(c, raw->raw_failure, "raw_failure");
    return m->good || m->bad ? m : NULL;
}

/* ---- all of it ------------------------------------------------------------------ */

void sli_two_things(struct decode *c, const struct node *second, const char *a, const char *b)
{
    decode_error(c, second->pos, "an SLI is one thing; this one is '%s' and '%s'", a, b);
}

/* The one form that was chosen, or NULL: none, or several, reported. */
static const struct node *choose_form(struct decode *c, const struct sli_raw *raw,
                                      const char **ret_name, bool *ret_ok)
{
    const struct {
        const char *name;
        const struct node *node;
    } forms[] = {{"ratio", raw->ratio},
                 {"histogram", raw->histogram},
                 {"threshold", raw->threshold},
                 {"component", raw->component},
                 {"raw", raw->raw},
                 {"raw_failure", raw->raw_failure}};
    const struct node *chosen = NULL;
    *ret_ok = true;
    for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
        if (!forms[i].node)
            continue;
        if (chosen) {
            sli_two_things(c, forms[i].node, *ret_name, forms[i].name);
            *ret_ok = false;
            return NULL;
        }
        chosen = forms[i].node;
        *ret_name = forms[i].name;
    }
    return chosen;
}

static bool check_together(struct decode *c, const struct node *n, const struct sli_raw *raw,
                           const char *form)
{
    const struct node *classify = node_get(n, "classify"), *fast = node_get(n, "faster_than");
    bool ok = true;
    if (raw->raw || raw->raw_failure)
        form = "raw ratio";
    if (classify) {
        decode_error(c, classify->pos,
                     "classify: maps reasons of results; a %s has none, leave it out", form);
        ok = false;
    }
    if (fast && !raw->histogram && !raw->component) {
        decode_error(c, fast->pos,
                     "faster_than: goes with a histogram, a component or the probe alone, not with "
                     "a %s",
                     form);
        ok = false;
    }
    return ok;
}

/* Equal for equal streams of events: it names them in the store. */
static const char *sli_key(struct arena *a, const struct sli_def *sli)
{
    struct str s;
    str_init(&s, KEY_MAX);
    str_add(&s, sli->probe);
    const struct sli_metric *m = sli->metric;
    if (m && m->kind == SLI_RATIO)
        str_addf(&s, " %s=%s total=%s", m->good ? "good" : "bad",
                 selector_text(m->good ? m->good : m->bad), selector_text(m->total));
    else if (m && m->kind == SLI_RAW)
        str_addf(&s, " %s=%s", m->good ? "raw" : "raw_failure",
                 selector_text(m->good ? m->good : m->bad));
    else if (m)
        str_addf(&s, " threshold=%s", expr_text(m->condition));
    if (sli->faster_than_us)
        str_addf(&s, " faster_than=%" PRId64 "us", sli->faster_than_us);
    measure_add_key(&s, sli);
    const char *sep = " classify=";
    for (int i = 0; i < REASON_COUNT; i++) {
        if (sli->classify[i] < 0)
            continue;
        str_addf(&s, "%s%s:%s", sep, reason_name((enum reason)i),
                 outcome_name((enum outcome)sli->classify[i]));
        sep = ",";
    }
    const char *key = arena_strdup(a, s.buf);
    str_release(&s);
    return key;
}

static const struct sli_metric *build_metric(struct decode *c, const struct node *n,
                                             const struct sli_raw *raw)
{
    if (raw->ratio)
        return build_ratio(c, raw->ratio);
    if (raw->histogram)
        return build_histogram(c, n, raw);
    if (raw->component)
        return build_component(c, raw);
    if (raw->raw || raw->raw_failure)
        return build_raw(c, raw);
    const char *text = decode_text(c, raw->threshold, "threshold", "'queue_depth < 100'");
    return text ? new_threshold(c, raw->threshold, "threshold", text) : NULL;
}

bool sli_build(struct decode *c, const struct node *n, const struct sli_raw *raw,
               struct sli_def *ret)
{
    const char *form = NULL;
    bool ok;
    size_t errors = c->diag->errors;
    struct sli_def sli = {.probe = raw->probe, .faster_than_us = raw->faster_than_us};
    memcpy(sli.classify, raw->classify, sizeof(sli.classify));
    if (choose_form(c, raw, &form, &ok)) {
        ok = check_together(c, n, raw, form);
        sli.metric = build_metric(c, n, raw);
        sli.faster_than_us = 0; /* it is in the metric */
        memset(sli.classify, -1, sizeof(sli.classify));
        ok = ok && sli.metric;
    }
    ok = measure_choose(c, n, raw, form, &sli) && ok;
    *ret = sli;
    if (!ok || !sli.probe || c->diag->errors != errors)
        return false;
    ret->key = sli_key(c->arena, &sli);
    return true;
}
