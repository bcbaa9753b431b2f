#include "wire/health.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "wire/health_internal.h"

#include <assert.h>
#include <ctype.h>

#define TEXT_MAX 200 /* bytes of a plain text that may be an answer */

/* ---- components ------------------------------------------------------------------ */

static struct health_component *find(const struct health *doc, const char *name)
{
    for (size_t i = 0; i < doc->component_count; i++) {
        if (str_eq(doc->components[i].name, name))
            return &doc->components[i];
    }
    return NULL;
}

void health_add(struct health_draft *d, const char *name, struct health_claim claim,
                int64_t latency_us)
{
    struct health *doc = d->doc;
    if (doc->component_count == HEALTH_COMPONENTS_MAX) {
        doc->component_total++;
        d->unkept = health_worse(d->unkept, claim.state);
        return;
    }
    if (!doc->components)
        doc->components = arena_alloc(d->arena, HEALTH_COMPONENTS_MAX * sizeof(*doc->components));
    name = health_text(d->arena, name, strlen(name), HEALTH_NAME_MAX);
    if (!*name)
        name = "unnamed";
    struct health_component *c = find(doc, name);
    if (!c) {
        c = &doc->components[doc->component_count++];
        *c = (struct health_component){name, claim.state, claim.why, latency_us};
        doc->component_total++;
        return;
    }
    if (health_worse(c->state, claim.state) != c->state) {
        c->state = claim.state;
        c->why = claim.why;
    }
    if (latency_us > c->latency_us)
        c->latency_us = latency_us;
}

/* A document that says nothing about the whole is as well as its parts are; one
 * that does is believed, unless parts that nobody will see are worse. */
static void settle(struct health_draft *d)
{
    struct health *doc = d->doc;
    bool said = *doc->said != '\0';
    for (size_t i = 0; i < doc->component_count && !said; i++)
        doc->state =
            i ? health_worse(doc->state, doc->components[i].state) : doc->components[i].state;
    if (doc->component_total == doc->component_count || (said && d->unkept == HEALTH_UNKNOWN) ||
        health_worse(doc->state, d->unkept) == doc->state)
        return;
    doc->state = d->unkept;
    doc->said = health_state_name(d->unkept);
    doc->why = "a component past the first 200";
}

/* ---- text ---------------------------------------------------------------------- */

static bool is_utf8(const char *text, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t bytes = json_utf8((const unsigned char *)text + i, n - i);
        if (bytes == 0)
            return false;
        i += bytes;
    }
    return true;
}

/* The words of a sentence that may tell the state: "Prometheus Server is
 * Ready.", "Ingester not ready: waiting", "healthz check passed". */
static struct health_claim claim_sentence(struct arena *a, const char *text, size_t n)
{
    struct health_claim claim = health_claim_text(a, text, n);
    static const char *const before[] = {" not ", " is ", " check "};
    for (size_t i = 0; i < countof(before) && !claim.listed; i++) {
        const char *at = memmem(text, n, before[i], strlen(before[i]));
        if (at) {
            at += i == 0 ? 1 : strlen(before[i]);
            claim = health_claim_text(a, at, (size_t)(text + n - at));
        }
    }
    return claim;
}

/* "[+]etcd ok", "[-]etcd failed: reason withheld", "[+]etcd excluded: ok" */
static void add_check(struct health_draft *d, const char *line, size_t n)
{
    bool well = line[1] == '+';
    const char *name = line + 3, *end = line + n;
    const char *blank = memchr(name, ' ', n - 3);
    const char *rest = blank ? blank : end;
    char text[HEALTH_NAME_MAX];
    struct health_claim claim = health_claim_bool(well);
    if (!well && rest < end)
        claim.why = health_claim_text(d->arena, rest, (size_t)(end - rest)).why;
    if (rest == name)
        return;
    str_copy(text, sizeof(text), health_text(d->arena, name, (size_t)(rest - name), sizeof(text)));
    health_add(d, text, claim, -1);
}

static bool is_check(const char *line, size_t n)
{
    return n > 3 && line[0] == '[' && (line[1] == '+' || line[1] == '-') && line[2] == ']';
}

static int read_verbose(struct health_draft *d, const char *body, size_t n, struct err *reterr)
{
    for (const char *p = body, *end = body + n; p < end;) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        size_t len = (size_t)((newline ? newline : end) - p);
        size_t shown = len && p[len - 1] == '\r' ? len - 1 : len;
        struct health_claim claim = {0};
        if (is_check(p, shown))
            add_check(d, p, shown);
        else if (shown > 0 && shown <= TEXT_MAX)
            claim = claim_sentence(d->arena, p, shown);
        if (claim.listed) {
            d->doc->state = claim.state;
            d->doc->said = claim.said;
        }
        p += len + (newline != NULL);
    }
    return d->doc->component_count ? 0 : err_set(reterr, "a list of checks that names none");
}

static int read_text(struct health_draft *d, const char *content_type, const char *body, size_t n,
                     struct err *reterr)
{
    const char *kind = content_type && *content_type ? content_type : "no type";
    struct health_claim claim = {0};
    if (n <= TEXT_MAX)
        claim = claim_sentence(d->arena, body, n);
    if (!claim.listed)
        return err_set(reterr, "%zu bytes of %.60s, neither JSON nor a word for a state", n, kind);
    d->doc->state = claim.state;
    d->doc->said = claim.said;
    d->doc->why = claim.why;
    return 0;
}

/* ---- all shapes ------------------------------------------------------------------- */

int health_read(struct arena *a, const char *content_type, const char *body, size_t n,
                struct health *ret, struct err *reterr)
{
    static const char mark[] = "\xef\xbb\xbf";
    struct health doc = {.said = "", .why = ""};
    struct health_draft d = {.arena = a, .doc = &doc, .unkept = HEALTH_OK};
    if (n > HEALTH_SIZE_MAX)
        return err_set(reterr, "%zu bytes: at most 1 MiB is read", n);
    if (n >= strlen(mark) && memcmp(body, mark, strlen(mark)) == 0) {
        body += strlen(mark);
        n -= strlen(mark);
    }
    while (n && isspace((unsigned char)*body)) {
        body++;
        n--;
    }
    while (n && isspace((unsigned char)body[n - 1]))
        n--;
    int rc;
    if (n == 0)
        return err_set(reterr, "the body is empty");
    if (is_check(body, n))
        rc = is_utf8(body, n) ? read_verbose(&d, body, n, reterr)
                              : err_set(reterr, "text that is not UTF-8");
    else if (strchr("{[\"", *body) && *body)
        rc = health_read_json(&d, body, n, reterr);
    else if (!is_utf8(body, n) || memchr(body, '\0', n))
        rc = err_set(reterr, "%zu bytes that are not UTF-8 text", n);
    else
        rc = read_text(&d, content_type, body, n, reterr);
    if (rc < 0)
        return -1;
    settle(&d);
    assert(doc.component_count <= HEALTH_COMPONENTS_MAX);
    *ret = doc;
    return 0;
}
