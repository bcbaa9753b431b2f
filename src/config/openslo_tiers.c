/*
 * The tiers that alert policies come to. What policies, conditions and targets
 * hold is checked elsewhere (openslo_alert.c), each where it stands: what is wrong
 * with one is passed over here.
 */
#include "config/openslo.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#define WORD_MAX 32
#define TIERS_MAX 64 /* more of them than there may be: the short form says so */

/* The object that stands there, or the one that is named: its spec, or NULL. */
static const struct node *spec_of(const struct build *b, const struct node *n,
                                  enum openslo_kind kind, const char *ref_key)
{
    const struct node *name = n->kind == NODE_SCALAR ? n : node_get(n, ref_key);
    if (!name)
        return node_get(n, "spec");
    const struct openslo_object *o =
        name->kind == NODE_SCALAR ? openslo_known(b, kind, name->text) : NULL;
    return o ? o->spec : NULL;
}

static bool is_true(const struct node *n)
{
    return n && n->kind == NODE_SCALAR && str_eq(n->text, "true");
}

/* ---- severities ---------------------------------------------------------------- */

static bool is_one_of(const char *word, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(word, list[i]))
            return true;
    return false;
}

/* In lower case, without what joins words: "SEV-1" is "sev1". */
static void fold(const char *text, char word[static WORD_MAX])
{
    size_t n = 0;
    for (; *text && n + 1 < WORD_MAX; text++)
        if (isalnum((unsigned char)*text))
            word[n++] = (char)tolower((unsigned char)*text);
    word[n] = '\0';
}

static const char *severity(struct build *b, const struct node *n)
{
    static const char *const pages[] = {"page", "pager", "critical", "crit", "emergency", "urgent",
                                        "sev0", "sev1",  "p0",       "p1",   "s0",        "s1"};
    static const char *const tickets[] = {
        "ticket", "warning", "warn", "minor", "low", "medium", "info", "notice", "sev2", "sev3",
        "sev4",   "sev5",    "p2",   "p3",    "p4",  "p5",     "s2",   "s3",     "s4",   "s5"};
    char word[WORD_MAX], found[FOUND_MAX];
    fold(n->text, word);
    if (is_one_of(word, pages, countof(pages)))
        return "page";
    if (!is_one_of(word, tickets, countof(tickets)))
        decode_warning(&b->decode, n->pos,
                       "severity: %s is taken for a ticket; write page, or critical, if it is to "
                       "page",
                       decode_found(n, found));
    return "ticket";
}

/* ---- conditions ----------------------------------------------------------------- */

/* NULL: reported, here or where the condition is checked. */
static const struct node *factor(struct build *b, const struct node *n)
{
    const struct decimal one = {1, 0};
    struct decimal d;
    struct err err;
    if (!n || n->kind != NODE_SCALAR || !n->plain || decimal_parse(n->text, &d, &err) < 0)
        return NULL;
    if (decimal_cmp(d, one) >= 0)
        return n;
    decode_error(&b->decode, n->pos,
                 "threshold: a burn rate below 1 leaves budget over at the window's end; it must "
                 "be at least 1, found '%s'",
                 n->text);
    return NULL;
}

static const struct node *long_window(struct build *b, const struct node *n)
{
    size_t digits = n && n->kind == NODE_SCALAR ? strspn(n->text, "-0123456789") : 0;
    struct openslo_duration d;
    if (!digits || !strchr("mhdwMQY", n->text[digits]) ||
        !openslo_duration(b, "lookbackWindow", n, OPENSLO_MINUS, &d))
        return NULL;
    if (strchr("MQY", d.unit)) {
        decode_error(&b->decode, n->pos,
                     "lookbackWindow: months, quarters and years differ in length; write days");
        return NULL;
    }
    return openslo_scalar(b, n->pos, arena_printf(b->decode.arena, "%" PRId64 "%c", d.n, d.unit));
}

/* How long conditions are to hold: an objective waits once, for all of its tiers. */
struct waits {
    const struct node *at; /* the shortest one */
    int64_t least_us, most_us;
    bool silence; /* a policy alerts when there is no data */
};

/* Without it, it is 0. */
static int64_t alert_after(struct build *b, const struct node *n)
{
    struct openslo_duration d;
    mem_auto char *text = NULL;
    int64_t us = 0;
    if (!n || n->kind != NODE_SCALAR || !openslo_duration(b, "alertAfter", n, OPENSLO_ZERO, &d) ||
        d.n == 0)
        return 0;
    text = mem_printf("%" PRId64 "%c", d.n, d.unit);
    if (strchr("MQY", d.unit) || units_parse_duration(text, &us, NULL) < 0)
        decode_error(&b->decode, n->pos, "alertAfter: expected minutes, hours or a day");
    return us;
}

static void note_wait(struct build *b, const struct node *burn, struct waits *w)
{
    const struct node *n = node_get(burn, "alertAfter");
    int64_t us = alert_after(b, n);
    if (us < w->least_us) {
        w->least_us = us;
        w->at = n;
    }
    if (us > w->most_us)
        w->most_us = us;
}

/* NULL: there is an error in it. */
static struct node *tier(struct build *b, const struct node *spec, struct pos pos, struct waits *w)
{
    const struct node *burn = node_get(spec, "condition"), *word = node_get(spec, "severity");
    const struct node *lng = long_window(b, node_get(burn, "lookbackWindow"));
    const struct node *threshold = factor(b, node_get(burn, "threshold"));
    if (!word || word->kind != NODE_SCALAR || !lng || !threshold)
        return NULL;
    note_wait(b, burn, w);
    struct node *n = openslo_map(b, pos);
    openslo_put(b, n, "severity", openslo_scalar(b, word->pos, severity(b, word)));
    openslo_put(b, n, "long", lng);
    openslo_put(b, n, "factor", threshold);
    return n;
}

/* ---- policies -------------------------------------------------------------------- */

static bool is_receiver(const struct build *b, const char *name)
{
    for (size_t i = 0; i < b->receivers.len; i++)
        if (str_eq(b->receivers.at[i]->name, name))
            return true;
    return false;
}

/* Every receiver is told of every alert. */
static void check_target(struct build *b, const struct node *n)
{
    char found[FOUND_MAX];
    const struct node *name = n->kind == NODE_SCALAR ? n
                              : node_get(n, "targetRef")
                                  ? node_get(n, "targetRef")
                                  : node_get(node_get(n, "metadata"), "name");
    if (name && name->kind == NODE_SCALAR && !is_receiver(b, name->text))
        decode_warning(&b->decode, name->pos,
                       "notificationTargets: nines.yaml has no receiver %s; alerts go to all that "
                       "it has",
                       decode_found(name, found));
}

/* What a policy says besides its conditions; warns of what is not done. */
static void warn_policy(struct build *b, const struct node *spec, struct waits *w)
{
    const struct node *resolved = node_get(spec, "alertWhenResolved"),
                      *no_data = node_get(spec, "alertWhenNoData"),
                      *targets = node_get(spec, "notificationTargets");
    if (resolved && !is_true(resolved))
        decode_warning(&b->decode, resolved->pos,
                       "alertWhenResolved: that an alert is over is always told");
    w->silence |= is_true(no_data);
    for (size_t i = 0; targets && targets->kind == NODE_SEQ && i < targets->n; i++)
        check_target(b, targets->items[i]);
}

static void add_tiers(struct build *b, const struct node *policy, struct node *list,
                      struct waits *w)
{
    const struct node *spec = spec_of(b, policy, OPENSLO_ALERT_POLICY, "alertPolicyRef");
    const struct node *conditions = node_get(spec, "conditions");
    if (!conditions || conditions->kind != NODE_SEQ)
        return;
    if (!is_true(node_get(spec, "alertWhenBreaching"))) {
        const struct node *at = node_get(spec, "alertWhenBreaching");
        decode_warning(&b->decode, at ? at->pos : policy->pos,
                       "alertWhenBreaching: is not true, so that the policy alerts of nothing; "
                       "write 'alertWhenBreaching: true'");
        return;
    }
    warn_policy(b, spec, w);
    for (size_t i = 0; i < conditions->n && list->n < TIERS_MAX; i++) {
        const struct node *condition =
            spec_of(b, conditions->items[i], OPENSLO_ALERT_CONDITION, "conditionRef");
        struct node *made = condition ? tier(b, condition, policy->pos, w) : NULL;
        if (made)
            list->items[list->n++] = made;
    }
}

/* The tiers alone, or with what they wait for. */
static const struct node *with_wait(struct build *b, const struct node *list, const struct waits *w)
{
    char text[UNITS_MAX];
    if (w->most_us > w->least_us)
        decode_warning(&b->decode, w->at ? w->at->pos : list->pos,
                       "alertAfter: differs between the conditions, and an objective waits once: "
                       "it is taken for the shortest, %s",
                       w->least_us ? units_duration(text, w->least_us) : "0m");
    if (w->least_us == 0)
        return list;
    struct node *n = openslo_map(b, list->pos);
    openslo_put(b, n, "tiers", list);
    openslo_put(b, n, "for",
                openslo_scalar(b, w->at->pos,
                               arena_strdup(b->decode.arena, units_duration(text, w->least_us))));
    return n;
}

/* As `alerts: [{silent: true}]`. */
static const struct node *silence(struct build *b, struct pos pos, bool alerts)
{
    struct node *list = openslo_scalar(b, pos, ""), *rule = openslo_map(b, pos);
    struct node *word = openslo_scalar(b, pos, alerts ? "true" : "false");
    word->plain = true;
    openslo_put(b, rule, "silent", word);
    list->kind = NODE_SEQ;
    list->items = arena_alloc(b->decode.arena, sizeof(*list->items));
    list->items[list->n++] = rule;
    return list;
}

const struct node *openslo_tiers(struct build *b, const struct node *policies,
                                 const struct node **ret_silence)
{
    struct waits w = {.least_us = INT64_MAX};
    *ret_silence = NULL;
    if (!policies || policies->kind != NODE_SEQ || policies->n == 0)
        return NULL;
    struct node *list = openslo_scalar(b, policies->pos, "");
    list->kind = NODE_SEQ;
    list->items = arena_alloc(b->decode.arena, TIERS_MAX * sizeof(*list->items));
    for (size_t i = 0; i < policies->n; i++)
        add_tiers(b, policies->items[i], list, &w);
    if (list->n == 0)
        return NULL;
    *ret_silence = silence(b, policies->pos, w.silence);
    return with_wait(b, list, &w);
}
