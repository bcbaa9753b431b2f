#include "probe/expect.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "model/regex.h"

#include <ctype.h>

#define STATUS_MIN 100
#define STATUS_MAX 599

/* ---- status sets ----------------------------------------------------------- */

static void add_range(struct status_set *s, int from, int to)
{
    for (int i = from - STATUS_MIN; i <= to - STATUS_MIN; i++)
        s->bits[i / 64] |= 1ULL << (i % 64);
}

bool status_set_has(const struct status_set *s, int status)
{
    if (status < STATUS_MIN || status > STATUS_MAX)
        return false;
    int i = status - STATUS_MIN;
    return s->bits[i / 64] >> (i % 64) & 1;
}

/* Three digits, in range; 0 if not. */
static int status_code(const char *p)
{
    if (!isdigit((unsigned char)p[0]) || !isdigit((unsigned char)p[1]) ||
        !isdigit((unsigned char)p[2]))
        return 0;
    int code = (p[0] - '0') * 100 + (p[1] - '0') * 10 + (p[2] - '0');
    return code >= STATUS_MIN && code <= STATUS_MAX ? code : 0;
}

/* One of "200", "2xx", "300-399", `n` bytes long. */
static int add_item(struct status_set *s, const char *p, size_t n)
{
    char item[8];
    if (n >= sizeof(item))
        return -1;
    memcpy(item, p, n);
    item[n] = '\0';
    if (n == 3 && item[0] >= '1' && item[0] <= '5' && str_eq(item + 1, "xx")) {
        add_range(s, (item[0] - '0') * 100, (item[0] - '0') * 100 + 99);
        return 0;
    }
    int from = n >= 3 ? status_code(item) : 0;
    int to = n == 7 && item[3] == '-' ? status_code(item + 4) : from;
    if (!from || to < from || (n != 3 && n != 7) || (n == 7 && item[3] != '-'))
        return -1;
    add_range(s, from, to);
    return 0;
}

static int add_items(struct status_set *s, const char *text, struct err *reterr)
{
    for (const char *p = text;;) {
        p += strspn(p, " ");
        size_t n = strcspn(p, ",");
        size_t len = n;
        while (len && p[len - 1] == ' ')
            len--;
        if (add_item(s, p, len) < 0)
            return err_set(reterr, "expected a status like 200, 2xx or 300-399; found '%.*s'",
                           (int)(len < 40 ? len : 40), p);
        if (!p[n])
            return 0;
        p += n + 1;
    }
}

int status_set_parse(struct arena *a, const char *text, struct status_set *ret, struct err *reterr)
{
    struct status_set s = {.text = arena_strdup(a, text)};
    if (add_items(&s, text, reterr) < 0)
        return -1;
    *ret = s;
    return 0;
}

void expect_decode_status(struct decode *c, const struct node *n, void *out)
{
    struct status_set s = {.text = ""};
    struct err err;
    if (n->kind == NODE_MAP || (n->kind == NODE_SEQ && n->n == 0)) {
        diag_error(c->diag, n->pos, "expected a status like 200, 2xx, 300-399, or a list of them");
        return;
    }
    size_t count = n->kind == NODE_SEQ ? n->n : 1;
    for (size_t i = 0; i < count; i++) {
        const struct node *item = n->kind == NODE_SEQ ? n->items[i] : n;
        if (item->kind != NODE_SCALAR) {
            diag_error(c->diag, item->pos, "expected a status like 200, 2xx or 300-399");
        } else if (add_items(&s, item->text, &err) < 0) {
            diag_error(c->diag, item->pos, "%s", err.msg);
        } else {
            s.text = *s.text ? arena_printf(c->arena, "%s, %s", s.text, item->text) : item->text;
        }
    }
    *(struct status_set *)out = s;
}

/* ---- the block --------------------------------------------------------------- */

const struct field expect_fields[] = {
    {"status", FIELD_CUSTOM, offsetof(struct expect, status), .decode = expect_decode_status,
     .help = "a status, class or range (200, 2xx, 300-399) or a list of them; default 2xx"},
    {"headers", FIELD_CUSTOM, offsetof(struct expect, headers), .decode = expect_decode_headers,
     .help = "name: text, or {equals, not, contains, not_contains, matches, not_matches, present}"},
    {"body", FIELD_CUSTOM, offsetof(struct expect, body), .decode = expect_decode_body,
     .help = "{contains, not_contains, matches, not_matches}: a text or a list of texts"},
    {"json", FIELD_CUSTOM, offsetof(struct expect, json), .decode = expect_decode_json,
     .help = "$.path: value, \"< 5\", or {equals, not, lt, lte, gt, gte, contains, not_contains, "
             "matches, not_matches, present, type, length}"},
    {"faster_than", FIELD_DURATION, offsetof(struct expect, faster_than_us), .min = 1,
     .help = "longest total time, redirects included"},
    {"certificate_days", FIELD_INT, offsetof(struct expect, certificate_days), .min = 1,
     .max = 3650, .help = "days that the certificate must still be valid"},
    {0},
};

static void add_list(struct expect *e, const struct check_list *l)
{
    if (l->n)
        memcpy(e->checks + e->check_count, l->at, l->n * sizeof(*l->at));
    e->check_count += l->n;
}

static void add_number(struct expect *e, enum check_kind kind, enum check_op op, int64_t n,
                       const char *what)
{
    e->checks[e->check_count++] =
        (struct check){.kind = kind,
                       .op = op,
                       .want = {.type = JSON_TYPE_INT, .i = n, .r = (double)n},
                       .what = what};
}

static void build(struct arena *a, struct expect *e)
{
    size_t max = 1 + e->headers.n + e->body.n + e->json.n + (e->faster_than_us != 0) +
                 (e->certificate_days != 0);
    e->checks = arena_alloc(a, max * sizeof(*e->checks));
    e->check_count = 0;
    e->checks[e->check_count++] =
        (struct check){.kind = CHECK_STATUS, .what = arena_printf(a, "status %s", e->status.text)};
    add_list(e, &e->headers);
    add_list(e, &e->body);
    add_list(e, &e->json);
    if (e->faster_than_us) {
        char text[UNITS_MAX];
        add_number(e, CHECK_LATENCY, OP_LE, e->faster_than_us,
                   arena_printf(a, "total at most %s", units_duration(text, e->faster_than_us)));
    }
    if (e->certificate_days)
        add_number(e, CHECK_CERT, OP_GE, e->certificate_days,
                   arena_printf(a, "certificate valid for %lld more days",
                                (long long)e->certificate_days));
    e->reads_body = e->body.n > 0;
    e->reads_json = e->json.n > 0;
}

void checks_compile(struct decode *c, struct check *checks, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct check *ch = &checks[i];
        struct err err;
        if ((ch->op == OP_LIKE || ch->op == OP_UNLIKE) && ch->want.text &&
            regex_compile(ch->want.text, &ch->re, &err) < 0)
            diag_error(c->diag, ch->pos, "%s", err.msg);
    }
}

void checks_release(struct check *checks, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        regex_free(checks[i].re);
        checks[i].re = NULL;
    }
}

void expect_prepare(struct decode *c, struct pos pos, struct expect *e)
{
    size_t errors = c->diag->errors;
    if (!e->status.text)
        (void)status_set_parse(c->arena, "2xx", &e->status, NULL);
    build(c->arena, e);
    if (e->check_count > EXPECT_MAX_CHECKS)
        diag_error(c->diag, pos, "%zu conditions: at most %d are allowed", e->check_count,
                   EXPECT_MAX_CHECKS);
    checks_compile(c, e->checks, e->check_count);
    if (c->diag->errors > errors)
        expect_release(e);
}

void expect_release(struct expect *e)
{
    checks_release(e->checks, e->check_count);
    e->checks = NULL;
    e->check_count = 0;
}
