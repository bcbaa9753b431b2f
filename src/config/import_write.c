/* The short form of what was read, and the probes that it needs. */
#include "config/import_internal.h"

#include "config/yaml_text.h"
#include "model/selector.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define PAGE_URL "http://localhost:8080/metrics"
#define SERVER_URL "http://localhost:9090"
#define URL_BYTES_MAX 7000   /* io/url.h takes 8 KiB */
#define MATCH_BYTES_MAX 1500 /* a longer selector is asked for by its name alone */
#define NAME_BYTES_MAX 100   /* of the 128 that a name may have: the rest tells equal ones apart */

/* A probe of kind metrics, for the SLOs of one service. */
struct page {
    const char *service, *id;
    struct str url;
    VEC(const struct selector *) matches;
};

struct writer {
    struct import *import;
    struct str *out;
    VEC(const char *) ids; /* of probes */
    VEC(struct page *) pages;
};

/* ---- names ----------------------------------------------------------------------------------- */

/* Letters, digits, '.', '_' and '-', the first one a letter or digit. */
static char *as_name(struct arena *a, const char *text)
{
    char *name = arena_strndup(a, text, strnlen(text, NAME_BYTES_MAX));
    for (char *p = name; *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr("._-", *p))
            *p = '-';
    return isalnum((unsigned char)*name) ? name : arena_printf(a, "slo-%s", name);
}

static bool name_taken(const struct import *m, const char *name, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!m->slos.at[i]->dropped && str_eq(m->slos.at[i]->name, name))
            return true;
    return false;
}

static void name_slos(struct import *m)
{
    for (size_t i = 0; i < m->slos.len; i++) {
        struct import_slo *s = m->slos.at[i];
        if (s->dropped)
            continue;
        const char *base = as_name(&m->arena, s->name), *name = base;
        for (int k = 2; name_taken(m, name, i); k++)
            name = arena_printf(&m->arena, "%s-%d", base, k);
        m->slo = s;
        if (!str_eq(name, s->name))
            import_note(m, s->pos,
                        "the name '%.60s' became '%.60s': names are unique, of letters, "
                        "digits, '.', '_' and '-'",
                        s->name, name);
        s->name = name;
        m->slo = NULL;
    }
}

static const char *new_id(struct writer *w, const char *text, const char *end)
{
    struct arena *a = &w->import->arena;
    const char *base = arena_printf(a, "%s-%s", as_name(a, text), end), *id = base;
    bool taken = true;
    for (int k = 2; taken; k++) {
        taken = w->import->options->probe && str_eq(w->import->options->probe, id);
        for (size_t i = 0; i < w->ids.len; i++)
            taken |= str_eq(w->ids.at[i], id);
        if (taken)
            id = arena_printf(a, "%s-%d", base, k);
    }
    vec_push(&w->ids, id);
    return id;
}

/* ---- pages of metrics ------------------------------------------------------------------------ */

static void put_encoded(struct str *out, const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (isalnum(*p) || strchr("-._~", *p))
            str_addc(out, (char)*p);
        else
            str_addf(out, "%%%02X", *p);
    }
}

static void server_url(struct str *out, const char *url)
{
    size_t n = strlen(url);
    while (n && url[n - 1] == '/')
        n--;
    str_addn(out, url, n);
}

/* As the server is asked for it: its values of `le` may be spelled "1.0". */
static const struct selector *asked(struct arena *a, const struct selector *s)
{
    struct str text;
    s = selector_with(a, selector_with(a, s, "le", NULL), "quantile", NULL);
    str_init(&text, 8 * SELECTOR_TEXT_MAX);
    put_encoded(&text, selector_text(s));
    const char *name = selector_name(s);
    if (text.len > MATCH_BYTES_MAX)
        selector_parse(a, name, strlen(name), &s, NULL, NULL);
    str_release(&text);
    return s;
}

static void add_match(struct writer *w, struct page *p, const struct selector *s)
{
    s = asked(&w->import->arena, s);
    for (size_t i = 0; i < p->matches.len; i++)
        if (selector_covers(p->matches.at[i], s))
            return;
    str_add(&p->url, p->matches.len ? "&match%5B%5D=" : "/federate?match%5B%5D=");
    put_encoded(&p->url, selector_text(s));
    vec_push(&p->matches, s);
}

static void add_series(struct writer *w, struct page *p, const struct import_slo *s)
{
    struct arena *a = &w->import->arena;
    if (s->histogram) {
        const char *name = selector_name(s->histogram);
        add_match(w, p, selector_rename(a, s->histogram, arena_printf(a, "%s_count", name)));
        add_match(w, p, selector_rename(a, s->histogram, arena_printf(a, "%s_bucket", name)));
        return;
    }
    add_match(w, p, s->total);
    add_match(w, p, s->good ? s->good : s->bad);
}

/* One page a service, or several where its URL becomes too long. */
static struct page *find_page(struct writer *w, const struct import_slo *s)
{
    const char *service = s->service && *s->service ? s->service : s->name;
    for (size_t i = 0; i < w->pages.len; i++)
        if (str_eq(w->pages.at[i]->service, service) &&
            w->pages.at[i]->url.len < URL_BYTES_MAX - 2 * MATCH_BYTES_MAX)
            return w->pages.at[i];
    struct page *p = arena_alloc(&w->import->arena, sizeof(*p));
    p->service = service;
    p->id = new_id(w, service, "metrics");
    str_init(&p->url, (size_t)2 * URL_BYTES_MAX);
    if (w->import->options->prometheus)
        server_url(&p->url, w->import->options->prometheus);
    else
        str_add(&p->url, PAGE_URL);
    vec_push(&w->pages, p);
    return p;
}

/* Where an address had to be made up, somebody must put the right one. */
static void placeholder(struct import *m, const struct import_slo *s, const char *id,
                        const char *url)
{
    if (!m->options->prometheus)
        import_note(m, s->pos,
                    "the file does not say where the data is: the probe '%s' has %s, put "
                    "the right address there",
                    id, url);
}

static void choose_probe(struct writer *w, struct import_slo *s)
{
    struct import *m = w->import;
    if (s->query) {
        s->probe = new_id(w, s->name, "query");
        placeholder(m, s, s->probe, SERVER_URL);
    } else if (m->options->probe) {
        s->probe = m->options->probe;
    } else {
        size_t n = w->pages.len;
        struct page *p = find_page(w, s);
        s->probe = p->id;
        if (m->options->prometheus)
            add_series(w, p, s);
        else if (w->pages.len > n)
            placeholder(m, s, p->id, PAGE_URL);
    }
}

/* ---- YAML ------------------------------------------------------------------------------------ */

static void put(struct str *out, const char *key, const char *value)
{
    str_addf(out, "%s", key);
    yaml_put_text(out, value);
    str_addc(out, '\n');
}

static void put_probes(struct writer *w)
{
    const struct import *m = w->import;
    const char *server = m->options->prometheus ? m->options->prometheus : SERVER_URL;
    struct str *out = w->out;
    str_add(out, "apiVersion: nines/v1\nkind: Probes\nprobes:\n");
    for (size_t i = 0; i < w->pages.len; i++) {
        put(out, "  - id: ", w->pages.at[i]->id);
        put(out, "    metrics:\n      url: ", w->pages.at[i]->url.buf);
    }
    for (size_t i = 0; i < m->slos.len; i++) {
        const struct import_slo *s = m->slos.at[i];
        if (s->dropped || !s->query)
            continue;
        put(out, "  - id: ", s->probe);
        put(out, "    prometheus:\n      url: ", server);
        put(out, "      queries:\n        value: ", s->query);
    }
    str_add(out, "---\n");
}

static void put_sli(struct str *out, const struct import_slo *s)
{
    char text[UNITS_MAX];
    put(out, "    sli:\n      probe: ", s->probe);
    if (s->query) {
        str_add(out, "      threshold: ");
        str_addf(out, "value %s\n", s->condition);
    } else if (s->histogram) {
        put(out, "      histogram: ", selector_text(s->histogram));
        str_addf(out, "      faster_than: %s\n", units_duration(text, s->faster_than_us));
    } else {
        put(out, s->good ? "      ratio:\n        good: " : "      ratio:\n        bad: ",
            selector_text(s->good ? s->good : s->bad));
        put(out, "        total: ", selector_text(s->total));
    }
}

static void put_slo(struct str *out, const struct import_slo *s)
{
    char text[UNITS_MAX];
    for (size_t i = 0; i < s->notes.len; i++)
        yaml_put_comment(out, "  ", s->notes.at[i]);
    if (s->dropped)
        return;
    put(out, "  - name: ", s->name);
    if (s->service && *s->service)
        put(out, "    service: ", s->service);
    if (s->description && *s->description)
        put(out, "    description: ", s->description);
    if (s->runbook)
        put(out, "    runbook: ", s->runbook);
    put_sli(out, s);
    str_addf(out, "    objective: %s\n", decimal_percent(text, s->target));
    str_addf(out, "    window: %s\n", s->window);
    if (s->budgeting)
        str_addf(out, "    budgeting: %s\n", s->budgeting);
    str_addf(out, "    alerting: %s\n", s->alerting);
    if (s->labels.len)
        str_add(out, "    labels:\n");
    for (size_t i = 0; i < s->labels.len; i++) {
        str_add(out, "      ");
        yaml_put_text(out, s->labels.at[i].key);
        put(out, ": ", s->labels.at[i].value);
    }
}

static void put_all(struct writer *w, const struct import_slo_counts *counts)
{
    const struct import *m = w->import;
    if (counts->probes)
        put_probes(w);
    if (counts->slos)
        str_add(w->out, "apiVersion: nines/v1\nkind: SLOs\nslos:\n");
    for (size_t i = 0; i < m->notes.len; i++)
        yaml_put_comment(w->out, "  ", m->notes.at[i]);
    for (size_t i = 0; i < m->slos.len; i++)
        put_slo(w->out, m->slos.at[i]);
}

void import_write(struct import *m, struct str *out, struct import_slo_counts *ret)
{
    struct writer w = {.import = m, .out = out};
    *ret = (struct import_slo_counts){0};
    name_slos(m);
    for (size_t i = 0; i < m->slos.len; i++) {
        m->slo = m->slos.at[i];
        if (m->slo->dropped)
            ret->dropped++;
        else
            choose_probe(&w, m->slo);
    }
    m->slo = NULL;
    ret->slos = m->slos.len - ret->dropped;
    ret->probes = w.ids.len;
    put_all(&w, ret);
    for (size_t i = 0; i < w.pages.len; i++) {
        vec_release(&w.pages.at[i]->matches);
        str_release(&w.pages.at[i]->url);
    }
    vec_release(&w.pages);
    vec_release(&w.ids);
}
