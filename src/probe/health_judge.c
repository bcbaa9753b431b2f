/* From a health document to a verdict and samples. */
#include "probe/health.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "io/http.h"
#include "model/series.h"
#include "probe/judge.h"
#include "probe/redact.h"
#include "wire/health.h"

#include <assert.h>

#define TYPE_MAX 128
#define NAMES_MAX 320   /* bytes of a message that name components */
#define LIGHT_BODY 8192 /* a hostile document of this size takes under 1 ms */

/* One document while it is judged. */
struct reading {
    const struct probe_def *def;
    const struct health_probe *probe;
    const struct health *doc;
    struct arena *arena;
    struct str names; /* what is bad, as a message says it */
    size_t bad;       /* components, the missing ones included */
    size_t unnamed;   /* of them: no room in the message */
    bool excused;     /* an ignored component is not well */
};

static bool listed(const struct string_list *l, const char *name)
{
    for (size_t i = 0; i < l->n; i++) {
        if (str_eq(l->at[i], name))
            return true;
    }
    return false;
}

/* A copy without secrets: servers echo them. Messages and what is `seen` are
 * cleaned by the run; names and versions are ours to clean. */
static char *cleaned(struct arena *a, const struct http_spec *s, const char *text)
{
    char *copy = arena_strdup(a, text);
    for (size_t i = 0; i < s->hidden_count; i++)
        redact(copy, strlen(copy), s->hidden[i]);
    redact_query(copy, strlen(copy));
    return copy;
}

/* ---- components -------------------------------------------------------------------- */

static bool state_is_bad(const struct reading *r, enum health_state s)
{
    return s == HEALTH_BAD || (s == HEALTH_DEGRADED && r->probe->degraded == DEGRADED_IS_BAD);
}

static bool is_ignored(const struct reading *r, const struct health_component *c)
{
    return listed(&r->probe->components.ignored, c->name);
}

static bool is_bad(const struct reading *r, const struct health_component *c)
{
    if (is_ignored(r, c))
        return false;
    if (c->state == HEALTH_UNKNOWN) /* nobody else says that it is well */
        return !*r->doc->said || listed(&r->probe->components.required, c->name);
    return state_is_bad(r, c->state);
}

/* "redis unhealthy: connection refused; also database unhealthy, queue missing" */
static void add_bad(struct reading *r, const char *name, const char *state, const char *why)
{
    int rc;
    r->bad++;
    if (r->bad == 1)
        rc = str_addf(&r->names, "%s %s%s%s", name, state, *why ? ": " : "", why);
    else
        rc = str_addf(&r->names, "%s%s %s", r->bad == 2 ? "; also " : ", ", name, state);
    r->unnamed += rc < 0;
}

/* Cut to what an assertion shows, between two characters. */
static const char *fitting(char *text)
{
    size_t n = strlen(text), keep = n < SEEN_TEXT_MAX ? n : SEEN_TEXT_MAX - 1;
    while (keep < n && keep > 0 && ((unsigned char)text[keep] & 0xc0) == 0x80)
        keep--;
    text[keep] = '\0';
    return text;
}

/* "unhealthy, 5ms: connection refused" */
static void see_component(const struct reading *r, const struct health_component *c,
                          struct verdict *v)
{
    char latency[UNITS_MAX] = "";
    if (c->latency_us >= 0)
        units_human_us(latency, c->latency_us);
    const char *what = arena_printf(r->arena, "component %s", c->name);
    char *seen =
        arena_printf(r->arena, "%s%s%s%s%s%s", health_state_name(c->state), *latency ? ", " : "",
                     latency, is_ignored(r, c) ? " (ignored)" : "", *c->why ? ": " : "", c->why);
    verdict_see(v, !is_bad(r, c), cleaned(r->arena, &r->probe->http, what), fitting(seen));
}

/* Lists the bad ones, then the others as far as there is room. */
static void see_components(const struct reading *r, struct verdict *v)
{
    const struct health *doc = r->doc;
    size_t shown = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < doc->component_count; i++) {
            const struct health_component *c = &doc->components[i];
            if (is_bad(r, c) != (pass == 0) || v->seen_count >= EXPECT_MAX_CHECKS - 1)
                continue;
            see_component(r, c, v);
            shown++;
        }
    }
    if (shown < doc->component_total)
        verdict_see(v, true, "other components",
                    arena_printf(r->arena, "%zu more", doc->component_total - shown));
}

static const struct health_component *find(const struct health *doc, const char *name)
{
    for (size_t i = 0; i < doc->component_count; i++) {
        if (str_eq(doc->components[i].name, name))
            return &doc->components[i];
    }
    return NULL;
}

static void find_missing(struct reading *r, struct verdict *v)
{
    const struct string_list *required = &r->probe->components.required;
    bool all_kept = r->doc->component_total == r->doc->component_count;
    const char *missing = all_kept ? "missing" : "not among the first 200";
    for (size_t i = 0; i < required->n; i++) {
        if (find(r->doc, required->at[i]))
            continue;
        add_bad(r, required->at[i], missing, "");
        verdict_see(v, false, arena_printf(r->arena, "component %s", required->at[i]), missing);
    }
}

static void find_bad(struct reading *r)
{
    for (size_t i = 0; i < r->doc->component_count; i++) {
        const struct health_component *c = &r->doc->components[i];
        if (is_bad(r, c))
            add_bad(r, c->name, health_state_name(c->state), c->why);
        r->excused |= is_ignored(r, c) && c->state != HEALTH_OK;
    }
}

/* ---- the whole ----------------------------------------------------------------------- */

/* Why the target itself is not well, or NULL. What is bad only because of
 * components that are to be ignored is not. */
static const char *judge_state(const struct reading *r)
{
    const struct health *doc = r->doc;
    bool told = *doc->said || doc->component_total > 0;
    if (!told && r->def->kind == &probe_readiness)
        return "the document tells a version and no state";
    if (!*doc->said || (r->excused && r->bad == 0 && doc->component_total == doc->component_count))
        return NULL;
    const char *why = doc->why;
    if (state_is_bad(r, doc->state))
        return arena_printf(r->arena, "it says \"%s\"%s%s", doc->said, *why ? ": " : "", why);
    if (doc->state == HEALTH_UNKNOWN)
        return arena_printf(r->arena, "it says \"%s\", which is not known to be good", doc->said);
    return NULL;
}

static void see_state(const struct reading *r, const char *fault, struct verdict *v)
{
    const struct health *doc = r->doc;
    const char *seen = health_state_name(doc->state);
    if (*doc->said && !str_eq(doc->said, seen))
        seen = arena_printf(r->arena, "%s (%s)", seen, doc->said);
    else if (!*doc->said && doc->component_total == 0)
        seen = "no state, only a version";
    verdict_see(v, !fault, "a healthy state", seen);
}

/* 429, and 503 with Retry-After, keep their reason; the document adds to it. */
static void fail(const struct probe_def *def, struct verdict *v, struct arena *a, const char *text)
{
    enum reason reason = def->kind == &probe_readiness ? REASON_READINESS : REASON_HEALTH;
    bool kept = v->reason == REASON_RATE_LIMITED || v->reason == REASON_OVERLOADED;
    if (kept)
        verdict_fail(v, v->reason, "%s; %s", arena_strdup(a, v->message), text);
    else
        verdict_fail(v, reason, "%s", text);
}

static void judge_claimed_status(const struct reading *r, struct verdict *v)
{
    const struct status_set *want = &r->probe->http.expect.status;
    int claimed = r->doc->claimed_status;
    if (!claimed || status_set_has(want, claimed) || v->outcome != OUTCOME_GOOD)
        return;
    verdict_see(v, false, "status in the document", arena_printf(r->arena, "%d", claimed));
    verdict_fail(v, REASON_STATUS, "expected status %.100s; the document claims %d", want->text,
                 claimed);
}

static void judge_document(struct reading *r, struct verdict *v)
{
    find_bad(r);
    find_missing(r, v);
    const char *fault = judge_state(r);
    see_state(r, fault, v);
    see_components(r, v);
    int claimed = r->doc->claimed_status;
    const char *status = claimed && !status_set_has(&r->probe->http.expect.status, claimed)
                             ? arena_printf(r->arena, " (status %d in its body)", claimed)
                             : "";
    const char *more = r->unnamed ? arena_printf(r->arena, " and %zu more", r->unnamed) : "";
    if (r->bad)
        fail(r->def, v, r->arena, arena_printf(r->arena, "%s%s%s", r->names.buf, more, status));
    else if (fault)
        fail(r->def, v, r->arena, arena_printf(r->arena, "%s%s", fault, status));
    else if (v->reason == REASON_STATUS)
        verdict_fail(v, REASON_STATUS, "%s, though its document says that it is well",
                     arena_strdup(r->arena, v->message));
    else
        judge_claimed_status(r, v);
}

/* ---- samples ------------------------------------------------------------------------- */

/* Two names that are one without their secrets are one series. */
static bool is_new(const struct http_reading *ret, const char *series)
{
    for (size_t i = 0; i < ret->sample_count; i++) {
        if (str_eq(ret->samples[i].series, series))
            return false;
    }
    return true;
}

static void put_sample(struct http_reading *ret, const char *name, const char *component,
                       bool distinct, double value)
{
    struct str text;
    struct series s = {.name = name, .name_len = strlen(name), .label_count = 1};
    s.labels[0] =
        (struct series_label){"component", component, strlen("component"), strlen(component)};
    str_init(&text, SAMPLE_SERIES_MAX - 1);
    if (series_put(&s, &text, NULL) == 0 && (distinct || is_new(ret, text.buf)))
        ret->samples[ret->sample_count++] =
            (struct sample){arena_strdup(ret->arena, text.buf), value};
    str_release(&text);
}

static void take_samples(const struct http_spec *spec, const struct health *doc,
                         struct http_reading *ret)
{
    static const double up[] = {[HEALTH_OK] = 1, [HEALTH_DEGRADED] = 0.5, [HEALTH_BAD] = 0};
    bool distinct = true; /* as long as no name held a secret */
    ret->samples = arena_alloc(ret->arena, (2 * doc->component_count + 1) * sizeof(*ret->samples));
    for (size_t i = 0; i < doc->component_count; i++) {
        const struct health_component *c = &doc->components[i];
        const char *name = cleaned(ret->arena, spec, c->name);
        distinct = distinct && str_eq(name, c->name);
        if (c->state != HEALTH_UNKNOWN)
            put_sample(ret, SERIES_COMPONENT, name, distinct, up[c->state]);
        if (c->latency_us >= 0)
            put_sample(ret, SERIES_COMPONENT_LATENCY, name, distinct,
                       (double)c->latency_us / (double)USEC_PER_SEC);
    }
    ret->scraped = true;
}

/* ---- the reader ------------------------------------------------------------------------ */

/* An error page in JSON that says no more than the status line does. */
static bool repeats_status(const struct health *doc, int status)
{
    char text[16];
    snprintf(text, sizeof(text), "%d", status);
    return doc->claimed_status == status && doc->component_total == 0 && str_eq(doc->said, text);
}

static void health_read_response(const struct probe_def *def, const struct judge_input *in,
                                 struct verdict *v, struct http_reading *ret)
{
    const struct health_probe *p = def->spec;
    const struct http_response *resp = in->resp;
    char type[TYPE_MAX] = "";
    struct health doc;
    struct err err;
    (void)http_header(resp, "Content-Type", type, sizeof(type));
    bool expected = status_set_has(&p->http.expect.status, resp->status);
    int rc =
        health_read(ret->arena, type, resp->body ? resp->body : "", resp->body_len, &doc, &err);
    if (rc == 0 && !expected && repeats_status(&doc, resp->status))
        return;
    if (rc < 0) {
        verdict_see(v, false, "a health document", err.msg);
        if (expected)
            fail(def, v, ret->arena,
                 arena_printf(ret->arena, "not a health document: %s", err.msg));
        return;
    }
    struct reading r = {.def = def, .probe = p, .doc = &doc, .arena = ret->arena};
    str_init(&r.names, NAMES_MAX);
    judge_document(&r, v);
    str_release(&r.names);
    take_samples(&p->http, &doc, ret);
    if (doc.version && p->version_unused == 0)
        ret->version = cleaned(ret->arena, &p->http, doc.version);
}

const struct http_reader health_reader = {.read = health_read_response, .light = LIGHT_BODY};
