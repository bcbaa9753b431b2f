/* The queries that stand for counters, read with the words of model/lex.h. */
#include "config/import_internal.h"

#include "base/units.h"
#include "model/lex.h"
#include "model/selector.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define QUERY_DEPTH_MAX 16
#define QUERY_TEXT_MAX 8192

struct query {
    struct import *import;
    struct lex lex;
    bool counters;
};

/* ---- shapes --------------------------------------------------------------------------- */

static bool name_char(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == ':' || c == '.';
}

/* Steps over a whole word, in any case as PromQL's are. */
static bool take_word(struct lex *l, const char *word)
{
    size_t n = strlen(word);
    lex_peek(l);
    if (l->n - l->at < n || strncasecmp(l->text + l->at, word, n) != 0)
        return false;
    if (l->at + n < l->n && name_char(l->text[l->at + n]))
        return false;
    l->at += n;
    return true;
}

static int expect(struct lex *l, const char *sign, struct err *reterr)
{
    char what[16];
    if (lex_take(l, sign))
        return 0;
    snprintf(what, sizeof(what), "'%s'", sign);
    return lex_expected(l, what, reterr);
}

/* "[{{.window}}]", "[5m]": how long is no matter, growth is counted from run to run. */
static int read_window(struct lex *l, struct err *reterr)
{
    static const char *const words[] = {"{{", ".", "window", "}}"};
    if (expect(l, "[", reterr) < 0)
        return -1;
    lex_peek(l);
    size_t digits = strspn(l->text + l->at, "0123456789wdhmsy");
    if (digits) {
        l->at += digits;
    } else {
        for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
            if (!lex_take(l, words[i]))
                return lex_expected(l, "{{.window}} or a duration", reterr);
        }
    }
    return expect(l, "]", reterr);
}

static int read_selector(struct query *q, const struct selector **ret, struct err *reterr)
{
    if (lex_selector(&q->lex, &q->import->arena, ret, reterr) < 0)
        return -1;
    if (selector_name(*ret))
        return 0;
    return err_set(reterr, "expected a metric's name before its labels");
}

/* What stands in sum(...). */
static int read_growth(struct query *q, const struct selector **ret, struct err *reterr)
{
    struct lex *l = &q->lex;
    size_t start = l->at;
    bool grows = (take_word(l, "rate") || take_word(l, "increase")) && lex_take(l, "(");
    if (!grows) {
        l->at = start;
        if (!q->counters)
            return lex_expected(l, "rate(...) or increase(...)", reterr);
        return read_selector(q, ret, reterr);
    }
    if (read_selector(q, ret, reterr) < 0 || read_window(l, reterr) < 0)
        return -1;
    return expect(l, ")", reterr);
}

/* "or vector(0)": counters that are not there have grown by nothing anyway. It binds
 * less than any other operator, so all of an expression must be in front of it. */
static int skip_or_zero(struct lex *l, struct err *reterr)
{
    static const char *const signs[] = {"(", "0", ")"};
    if (!take_word(l, "or"))
        return 0;
    if (take_word(l, "on") && (expect(l, "(", reterr) < 0 || expect(l, ")", reterr) < 0))
        return -1;
    if (!take_word(l, "vector"))
        return lex_expected(l, "vector(0)", reterr);
    for (size_t i = 0; i < sizeof(signs) / sizeof(*signs); i++)
        if (expect(l, signs[i], reterr) < 0)
            return -1;
    char next = lex_peek(l);
    return next && next != ')' ? lex_expected(l, "')' or the end behind vector(0)", reterr) : 0;
}

static int read_difference(struct query *q, int depth, struct import_query *ret,
                           struct err *reterr);

static int read_sum(struct query *q, int depth, struct import_query *ret, struct err *reterr)
{
    struct lex *l = &q->lex;
    *ret = (struct import_query){0};
    if (depth == QUERY_DEPTH_MAX)
        return err_set(reterr, "more than %d parentheses", QUERY_DEPTH_MAX);
    if (lex_take(l, "(")) {
        if (read_difference(q, depth + 1, ret, reterr) < 0 || expect(l, ")", reterr) < 0)
            return -1;
    } else if (take_word(l, "sum")) {
        if (expect(l, "(", reterr) < 0 || read_growth(q, &ret->plus, reterr) < 0 ||
            expect(l, ")", reterr) < 0)
            return -1;
    } else if (q->counters) {
        if (read_selector(q, &ret->plus, reterr) < 0)
            return -1;
    } else {
        return lex_expected(l, "sum(rate(SELECTOR[window]))", reterr);
    }
    return skip_or_zero(l, reterr);
}

static int read_difference(struct query *q, int depth, struct import_query *ret, struct err *reterr)
{
    struct import_query less;
    if (read_sum(q, depth, ret, reterr) < 0)
        return -1;
    if (!lex_take(&q->lex, "-"))
        return 0;
    if (read_sum(q, depth, &less, reterr) < 0)
        return -1;
    if (ret->minus || less.minus)
        return err_set(reterr, "a difference of more than two sums");
    ret->minus = less.plus;
    return 0;
}

static int read_end(struct lex *l, struct err *reterr)
{
    return lex_peek(l) ? lex_expected(l, "the end of the query", reterr) : 0;
}

static int begin(struct query *q, struct import *m, const char *text, bool counters,
                 struct err *reterr)
{
    *q = (struct query){m, {.text = text, .n = strlen(text)}, counters};
    if (q->lex.n > QUERY_TEXT_MAX)
        return err_set(reterr, "a query of more than %d bytes", QUERY_TEXT_MAX);
    return 0;
}

int import_query(struct import *m, const char *text, bool counters, struct import_query *ret,
                 struct err *reterr)
{
    struct query q;
    if (begin(&q, m, text, counters, reterr) < 0 || read_difference(&q, 0, ret, reterr) < 0)
        return -1;
    return read_end(&q.lex, reterr);
}

/* A parenthesis may hold a part of the ratio, or all of it: what got farther tells why
 * neither is there. */
static int read_ratio(struct query *q, int depth, struct import_query *ret_part,
                      struct import_query *ret_total, struct err *reterr)
{
    struct lex *l = &q->lex;
    struct err first;
    size_t start = l->at;
    if (read_sum(q, 0, ret_part, &first) == 0)
        return expect(l, "/", reterr) < 0 ? -1 : read_sum(q, 0, ret_total, reterr);
    size_t failed = l->at;
    l->at = start;
    if (depth < QUERY_DEPTH_MAX && lex_take(l, "(") &&
        read_ratio(q, depth + 1, ret_part, ret_total, reterr) == 0 && expect(l, ")", reterr) == 0)
        return 0;
    if (l->at > failed)
        return -1;
    l->at = failed;
    return err_set(reterr, "%s", first.msg);
}

int import_ratio(struct import *m, const char *text, struct import_query *ret_part,
                 struct import_query *ret_total, bool *ret_complement, struct err *reterr)
{
    struct query q;
    if (begin(&q, m, text, false, reterr) < 0)
        return -1;
    *ret_complement = take_word(&q.lex, "1");
    if (*ret_complement && expect(&q.lex, "-", reterr) < 0)
        return -1;
    if (read_ratio(&q, 0, ret_part, ret_total, reterr) < 0)
        return -1;
    return read_end(&q.lex, reterr);
}

/* ---- what they are to the SLO ------------------------------------------------------------ */

/* Labels that a server gives to what it has read; the page itself has none of the first two. */
static const struct server_label {
    const char *name;
    bool always;
} server_labels[] = {{"job", true},      {"instance", true},   {"namespace", false},
                     {"pod", false},     {"container", false}, {"node", false},
                     {"cluster", false}, {"endpoint", false},  {"service", false}};

static bool any_names(const struct selector *const *s, size_t n, const char *label)
{
    for (size_t i = 0; i < n; i++)
        if (s[i] && selector_names(s[i], label))
            return true;
    return false;
}

static void own_page(struct import *m, struct pos pos, const struct selector **s, size_t n)
{
    for (size_t k = 0; k < sizeof(server_labels) / sizeof(*server_labels); k++) {
        const char *label = server_labels[k].name;
        if (!any_names(s, n, label))
            continue;
        if (!server_labels[k].always) {
            import_note(m, pos,
                        "label '%s' is kept in the selectors, but often it is Prometheus that adds "
                        "it: take it out if the service's own page does not have it",
                        label);
            continue;
        }
        import_note(
            m, pos,
            "label '%s' is left out of the selectors: Prometheus adds it, the service's own "
            "page does not have it; with --prometheus URL series are read from there and "
            "keep it",
            label);
        for (size_t i = 0; i < n; i++)
            if (s[i])
                s[i] = selector_with(&m->arena, s[i], label, NULL);
    }
}

static bool same(const struct selector *a, const struct selector *b)
{
    return a && b && strcmp(selector_text(a), selector_text(b)) == 0;
}

/* The value of `le` in microseconds; 0: there is none, or it is no whole number of them. */
static int64_t bound_us(const struct selector *s)
{
    char number[UNITS_MAX];
    struct decimal d;
    const char *p = strstr(selector_text(s), "{le=\"");
    if (!p)
        p = strstr(selector_text(s), ",le=\"");
    size_t len = p ? strcspn(p + 5, "\"") : 0;
    if (!len || len >= sizeof(number))
        return 0;
    memcpy(number, p + 5, len);
    number[len] = '\0';
    if (decimal_parse(number, &d, NULL) < 0 || d.scale > 6 || d.n > 3600 * USEC_PER_SEC)
        return 0;
    int64_t us = d.n * decimal_pow10(6 - d.scale);
    return us <= USEC_PER_HOUR ? us : 0;
}

/* NAME_bucket{le="0.5"} of NAME_count: the SLO is one on the histogram NAME. */
static bool is_histogram(struct import *m, const struct selector *bucket,
                         const struct selector *count)
{
    const char *name = selector_name(bucket), *suffix = strrchr(name, '_');
    int64_t us = bound_us(bucket);
    if (!us || !suffix || strcmp(suffix, "_bucket") != 0)
        return false;
    const char *base = arena_strndup(&m->arena, name, (size_t)(suffix - name));
    const char *counted = arena_printf(&m->arena, "%s_count", base);
    const struct selector *all = selector_with(&m->arena, bucket, "le", NULL);
    if (!*base || !same(selector_rename(&m->arena, all, counted), count))
        return false;
    m->slo->histogram = selector_rename(&m->arena, all, base);
    m->slo->faster_than_us = us;
    return true;
}

void import_counters(struct import *m, struct pos pos, const struct import_query *part,
                     bool is_good, const struct import_query *total)
{
    const struct selector *s[] = {part->plus, part->minus, total->plus};
    if (total->minus) {
        import_drop(m, pos,
                    "the total is a difference of counters: nines takes one selector; "
                    "write it by hand under 'ratio'");
        return;
    }
    if (!m->options->prometheus)
        own_page(m, pos, s, 3);
    if (part->minus && !same(s[0], s[2])) {
        import_drop(m, pos,
                    "a difference of counters other than all less some: nines takes one "
                    "selector for what is %s; write it by hand under 'ratio'",
                    is_good ? "good" : "bad");
        return;
    }
    const struct selector *one = part->minus ? s[1] : s[0];
    is_good = is_good != (part->minus != NULL);
    if (same(one, s[2])) {
        import_drop(m, pos, "both queries count the same series: every event would be %s",
                    is_good ? "good" : "bad");
        return;
    }
    if (is_good && is_histogram(m, one, s[2]))
        return;
    m->slo->total = s[2];
    m->slo->good = is_good ? one : NULL;
    m->slo->bad = is_good ? NULL : one;
}
