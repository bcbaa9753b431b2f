#include "cli/probe_subject.h"

#include "base/mem.h"
#include "base/units.h"
#include "engine/kinds.h"
#include "nines/diag.h"

#include <string.h>

#define DEFAULT_TIMEOUT_US (10 * USEC_PER_SEC)
#define DNS_SERVERS_MAX 4096
#define KINDS_MAX 32
#define KEYS_MAX 16

void probe_subject_init(struct probe_subject *s)
{
    *s = (struct probe_subject){0};
    str_init(&s->dns_servers, DNS_SERVERS_MAX);
}

void probe_subject_release(struct probe_subject *s)
{
    const struct probe_kind *kind = s->def.kind;
    if (!s->config && kind && kind->release)
        kind->release(s->def.spec);
    if (s->config)
        config_unref(s->config);
    str_release(&s->dns_servers);
    arena_release(&s->arena);
}

/* ---- a URL: the options as the map that a file would have ------------------------ */

static struct node *make_map(struct arena *a)
{
    struct node *n = arena_alloc(a, sizeof(*n));
    n->kind = NODE_MAP;
    n->items = arena_alloc(a, 2 * KEYS_MAX * sizeof(*n->items));
    n->text = "";
    return n;
}

static struct node *make_text(struct arena *a, const char *text, bool plain)
{
    struct node *n = arena_alloc(a, sizeof(*n));
    *n = (struct node){.kind = NODE_SCALAR, .plain = plain, .text = text};
    return n;
}

static void put(struct arena *a, struct node *map, const char *key, struct node *value)
{
    map->items[2 * map->n] = make_text(a, key, true);
    map->items[2 * map->n++ + 1] = value;
}

static int put_headers(struct arena *a, struct node *map, const struct option_list *lines,
                       struct err *reterr)
{
    struct node *headers = make_map(a);
    headers->items = arena_alloc(a, 2 * (lines->n + 1) * sizeof(*headers->items));
    for (size_t i = 0; i < lines->n; i++) {
        const char *line = lines->at[i], *colon = strchr(line, ':');
        if (!colon || colon == line)
            return err_set(reterr, "expected --header 'Name: value'");
        const char *value = colon + 1 + strspn(colon + 1, " \t");
        put(a, headers, arena_strndup(a, line, (size_t)(colon - line)), make_text(a, value, false));
    }
    if (lines->n)
        put(a, map, "headers", headers);
    return 0;
}

static int put_options(struct arena *a, struct node *map, const struct probe_options *o,
                       const char *url, struct err *reterr)
{
    put(a, map, "url", make_text(a, url, false));
    if (o->method)
        put(a, map, "method", make_text(a, o->method, false));
    if (o->body)
        put(a, map, "body", make_text(a, o->body, false));
    if (o->follow)
        put(a, map, "follow", make_text(a, "10", true));
    if (o->insecure) {
        struct node *tls = make_map(a);
        put(a, tls, "insecure", make_text(a, "true", true));
        put(a, map, "tls", tls);
    }
    if (o->expect_status) {
        struct node *expect = make_map(a);
        put(a, expect, "status", make_text(a, o->expect_status, false));
        put(a, map, "expect", expect);
    }
    return put_headers(a, map, &o->headers, reterr);
}

static const struct probe_kind *find_kind(const char *name, struct err *reterr)
{
    const struct probe_kind *const *kinds = engine_config_tables()->probe_kinds;
    const char *names[KINDS_MAX];
    size_t n = 0;
    for (; kinds[n] && n < KINDS_MAX; n++) {
        if (str_eq(kinds[n]->name, name))
            return kinds[n];
        names[n] = kinds[n]->name;
    }
    const char *near = str_nearest(name, names, n);
    if (near)
        err_set(reterr, "there is no kind '%s'; did you mean '%s'?", name, near);
    else
        err_set(reterr, "there is no kind '%s'", name);
    return NULL;
}

static int build_spec(struct probe_subject *s, const struct node *map, struct err *reterr)
{
    struct diag diag = {0};
    struct decode c = {.arena = &s->arena, .diag = &diag};
    void *spec = arena_alloc(&s->arena, s->def.kind->spec_size);
    decode_object(&c, map, s->def.kind->fields, spec);
    if (!diag.errors) {
        s->def.spec = spec;
        s->def.kind->prepare(&c, map, &s->def, spec);
    }
    int rc = 0;
    for (size_t i = 0; i < diag.n && rc == 0; i++) {
        if (!diag.items[i].warning)
            rc = err_set(reterr, "%s", diag.items[i].text);
    }
    diag_release(&diag);
    return rc;
}

static int from_url(struct probe_subject *s, const struct probe_options *o, const char *url,
                    struct err *reterr)
{
    struct node *map = make_map(&s->arena);
    const struct probe_kind *kind = find_kind(o->kind ? o->kind : "http", reterr);
    if (!kind)
        return -1;
    if (o->expect_status && !str_eq(kind->name, "http"))
        return err_set(reterr, "--expect-status goes with --kind http");
    s->def = (struct probe_def){
        .id = url,
        .max_in_flight = 1,
        .timeout_us = o->timeout_us ? o->timeout_us : DEFAULT_TIMEOUT_US,
        .interval_us = USEC_PER_MIN,
    };
    if (put_options(&s->arena, map, o, url, reterr) < 0)
        return -1;
    s->def.kind = kind;
    int rc = build_spec(s, map, reterr);
    if (!s->def.spec)
        s->def.kind = NULL; /* nothing to release */
    return rc;
}

/* ---- an ID --------------------------------------------------------------------------- */

static const char *url_only_option(const struct probe_options *o)
{
    return o->kind            ? "--kind"
           : o->method        ? "--method"
           : o->body          ? "--body"
           : o->headers.n     ? "--header"
           : o->expect_status ? "--expect-status"
           : o->insecure      ? "--insecure"
           : o->follow        ? "--follow"
                              : NULL;
}

static int unknown_probe(const struct command *self, const struct config *config, const char *id)
{
    mem_auto const char **ids = mem_array(config->probe_count, sizeof(*ids));
    for (size_t i = 0; i < config->probe_count; i++)
        ids[i] = config->probes[i]->id;
    const char *near = str_nearest(id, ids, config->probe_count);
    if (near)
        return cli_fail(self, "no probe '%s' is configured; did you mean '%s'?", id, near);
    return cli_fail(self, "no probe '%s' is configured; a URL begins with http:// or https://", id);
}

static int from_id(const struct command *self, struct probe_subject *s,
                   const struct probe_options *o, const char *id)
{
    const char *extra = url_only_option(o);
    if (extra)
        return cli_usage(self, "%s goes with a URL; '%s' is a configured probe", extra, id);
    s->id = id;
    s->config = cli_config(self, &o->common, true);
    if (!s->config)
        return EXIT_BAD;
    const struct probe_def *def = config_probe(s->config, id);
    if (!def)
        return unknown_probe(self, s->config, id);
    s->def = *def;
    if (o->timeout_us)
        s->def.timeout_us = o->timeout_us;
    const struct string_list *servers = &s->config->daemon.dns_servers;
    for (size_t i = 0; i < servers->n; i++)
        str_addf(&s->dns_servers, "%s%s", i ? "," : "", servers->at[i]);
    return -1;
}

int probe_subject_open(const struct command *self, struct probe_subject *s,
                       const struct probe_options *o, const char *target)
{
    struct err err;
    if (!strstr(target, "://"))
        return from_id(self, s, o, target);
    return from_url(s, o, target, &err) < 0 ? cli_usage(self, "%s", err.msg) : -1;
}
