#include "probe/health.h"

#include "base/str.h"
#include "config/decode.h"
#include "wire/health.h"

static const char *const degraded_names[] = {"good", "bad", NULL};
static const char *const version_names[] = {"true", "false", NULL};

static const struct field component_fields[] = {
    {"required", FIELD_STRING_LIST, offsetof(struct health_probe, components.required),
     .help = "components that must be named, and well"},
    {"ignored", FIELD_STRING_LIST, offsetof(struct health_probe, components.ignored),
     .help = "components whose state makes no difference"},
    {0},
};

const struct field health_fields[] = {
    HTTP_FIELDS(struct health_probe, http),
    {"expect", FIELD_OBJECT, offsetof(struct health_probe, http.expect), .fields = expect_fields,
     .help = "what else a good response is like; any 2xx by default"},
    {"components", FIELD_OBJECT, 0, .fields = component_fields,
     .help = "{required: [names], ignored: [names]}; all must be well by default"},
    {"degraded", FIELD_ENUM, offsetof(struct health_probe, degraded), .names = degraded_names,
     .help = "what degraded, or warn, counts as: good, the default, or bad"},
    {"version", FIELD_ENUM, offsetof(struct health_probe, version_unused), .names = version_names,
     .help = "whether changes of the version that it tells are noted; true by default"},
    {0},
};

static bool holds(const struct string_list *l, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (str_eq(l->at[i], name))
            return true;
    }
    return false;
}

static void check_list(struct decode *c, struct pos pos, const char *key,
                       const struct string_list *l)
{
    if (l->n > HEALTH_LIST_MAX)
        diag_error(c->diag, pos, "%s: %zu names: at most %d are allowed", key, l->n,
                   HEALTH_LIST_MAX);
    for (size_t i = 0; i < l->n && l->n <= HEALTH_LIST_MAX; i++) {
        if (!*l->at[i] || strlen(l->at[i]) >= HEALTH_NAME_MAX)
            diag_error(c->diag, pos, "%s: the name of a component has 1 to %d bytes", key,
                       HEALTH_NAME_MAX - 1);
        else if (holds(l, i, l->at[i]))
            diag_error(c->diag, pos, "%s: '%s' is listed twice", key, l->at[i]);
    }
}

void health_prepare(struct decode *c, const struct node *n, const struct probe_def *def, void *spec)
{
    struct health_probe *p = spec;
    const struct string_list *required = &p->components.required;
    const struct string_list *ignored = &p->components.ignored;
    struct pos pos = http_key_pos(n, def->pos, "components");
    size_t errors = c->diag->errors;
    check_list(c, pos, "required", required);
    check_list(c, pos, "ignored", ignored);
    for (size_t i = 0; i < required->n && c->diag->errors == errors; i++) {
        if (holds(ignored, ignored->n, required->at[i]))
            diag_error(c->diag, pos, "'%s' is both required and ignored", required->at[i]);
    }
    if (str_eq(p->http.method, "HEAD"))
        diag_error(c->diag, http_key_pos(n, def->pos, "method"), "a HEAD has no document to read");
    p->http.accept = "application/health+json,application/json;q=0.9,text/plain;q=0.5,*/*;q=0.1";
    http_prepare(c, n, def, &p->http);
    if (c->diag->errors > errors)
        expect_release(&p->http.expect);
}

void health_given(const void *spec, void (*tell)(void *ctx, const char *selector), void *ctx)
{
    (void)spec;
    tell(ctx, "{}");
}

void health_release(void *spec)
{
    struct health_probe *p = spec;
    expect_release(&p->http.expect);
}

void *health_start(struct probe_env *env, const struct probe_def *def, struct probe_memory *memory,
                   probe_done_fn done, void *ctx)
{
    const struct health_probe *p = def->spec;
    return http_run_start(env, def, &p->http, &health_reader, memory, done, ctx);
}

const struct probe_kind probe_health = {
    .name = "health",
    .help = "a page that says how the target and its components are",
    .fields = health_fields,
    .spec_size = sizeof(struct health_probe),
    .samples = true,
    .components = true,
    .given = health_given,
    .prepare = health_prepare,
    .release = health_release,
    .start = health_start,
    .cancel = http_run_cancel,
};
