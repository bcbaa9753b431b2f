#include "cli/probe_subject.h"

#include "base/mem.h"
#include "base/units.h"
#include "cli/probe_map.h"
#include "engine/kinds.h"
#include "nines/diag.h"

#include <string.h>

#define DEFAULT_TIMEOUT_US (10 * USEC_PER_SEC)
#define AGENT_TIMEOUT_US USEC_PER_MIN
#define DNS_SERVERS_MAX 4096
#define KINDS_MAX 32

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

/* 'Name: value' each; with `env` the value is a variable of the environment. */
static int put_lines(struct arena *a, struct node *headers, const struct option_list *lines,
                     bool env, struct err *reterr)
{
    for (size_t i = 0; i < lines->n; i++) {
        const char *line = lines->at[i], *colon = strchr(line, ':');
        if (!colon || colon == line)
            return err_set(reterr, env ? "expected --header-env 'Name: VARIABLE'"
                                       : "expected --header 'Name: value'");
        struct node *value = probe_map_text(a, colon + 1 + strspn(colon + 1, " \t"), false);
        if (env) {
            struct node *variable = probe_map_room(a, 1);
            probe_map_put(a, variable, "env", value);
            value = variable;
        }
        probe_map_put(a, headers, arena_strndup(a, line, (size_t)(colon - line)), value);
    }
    return 0;
}

static int put_headers(struct arena *a, struct node *map, const struct probe_options *o,
                       struct err *reterr)
{
    struct node *headers = probe_map_room(a, o->headers.n + o->header_envs.n);
    if (put_lines(a, headers, &o->headers, false, reterr) < 0 ||
        put_lines(a, headers, &o->header_envs, true, reterr) < 0)
        return -1;
    if (headers->n)
        probe_map_put(a, map, "headers", headers);
    if (o->bearer_env) {
        struct node *auth = probe_map_room(a, 1), *bearer = probe_map_room(a, 1);
        probe_map_put(a, bearer, "env", probe_map_text(a, o->bearer_env, false));
        probe_map_put(a, auth, "bearer", bearer);
        probe_map_put(a, map, "auth", auth);
    }
    return 0;
}

static int put_options(struct arena *a, struct node *map, const struct probe_options *o,
                       const char *url, struct err *reterr)
{
    probe_map_put(a, map, "url", probe_map_text(a, url, false));
    if (o->method)
        probe_map_put(a, map, "method", probe_map_text(a, o->method, false));
    if (o->body)
        probe_map_put(a, map, "body", probe_map_text(a, o->body, false));
    if (o->follow)
        probe_map_put(a, map, "follow", probe_map_text(a, "10", true));
    if (o->insecure) {
        struct node *tls = probe_map_new(a);
        probe_map_put(a, tls, "insecure", probe_map_text(a, "true", true));
        probe_map_put(a, map, "tls", tls);
    }
    if (o->expect_status) {
        struct node *expect = probe_map_new(a);
        probe_map_put(a, expect, "status", probe_map_text(a, o->expect_status, false));
        probe_map_put(a, map, "expect", expect);
    }
    return put_headers(a, map, o, reterr);
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
    struct node *map = probe_map_new(&s->arena);
    const struct probe_kind *kind = find_kind(o->kind ? o->kind : "http", reterr);
    if (!kind)
        return -1;
    if (o->expect_status && !str_eq(kind->name, "http") && !kind->answers)
        return err_set(reterr, "--expect-status goes with --kind http or agent");
    if (kind->answers && (o->method || o->follow))
        return err_set(reterr, "%s does not go with --kind agent",
                       o->method ? "--method" : "--follow");
    if (probe_agent_option(o) && !kind->answers)
        return err_set(reterr, "%s goes with --kind agent", probe_agent_option(o));
    int64_t timeout_us = kind->answers ? AGENT_TIMEOUT_US : DEFAULT_TIMEOUT_US;
    s->def = (struct probe_def){
        .id = url,
        .max_in_flight = 1,
        .timeout_us = o->timeout_us ? o->timeout_us : timeout_us,
        .interval_us = USEC_PER_MIN,
    };
    if (put_options(&s->arena, map, o, url, reterr) < 0)
        return -1;
    if (kind->answers && probe_map_agent(&s->arena, map, o, url, reterr) < 0)
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
           : o->bearer_env    ? "--bearer-env"
           : o->header_envs.n ? "--header-env"
                              : probe_agent_option(o);
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
