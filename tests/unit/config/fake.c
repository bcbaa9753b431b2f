#include "fake.h"

#include "slo/exclusions.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "model/selector.h"
#include "nines/notifier.h"
#include "nines/probe.h"
#include "nines/slo.h"

#include <stdlib.h>

_Static_assert(sizeof(struct decimal_box) == sizeof(struct decimal), "a decimal");

static struct fake_counts counts;

struct fake_counts fake_take_counts(void)
{
    struct fake_counts taken = counts;
    counts = (struct fake_counts){0};
    return taken;
}

static const struct field expect_fields[] = {
    {"status", FIELD_INT, offsetof(struct fake_expect, status), .min = 100, .max = 599},
    {"faster_than", FIELD_DURATION, offsetof(struct fake_expect, faster_than_us)},
    {0},
};

static const struct field http_fields[] = {
    {"url", FIELD_STRING, offsetof(struct fake_spec, url), .flags = FIELD_REQUIRED},
    {"ca", FIELD_PATH, offsetof(struct fake_spec, ca)},
    {"retries", FIELD_INT, offsetof(struct fake_spec, retries), .max = 10},
    {"limit", FIELD_SIZE, offsetof(struct fake_spec, limit), .min = 1, .max = 1 << 20},
    {"share", FIELD_PERCENT, offsetof(struct fake_spec, share)},
    {"ip", FIELD_ENUM, offsetof(struct fake_spec, ip),
     .names = (const char *const[]){"any", "4", "6", NULL}},
    {"reuse", FIELD_BOOL, offsetof(struct fake_spec, reuse)},
    {"tags", FIELD_STRING_LIST, offsetof(struct fake_spec, tags)},
    {"headers", FIELD_SECRET_MAP, offsetof(struct fake_spec, headers)},
    {"token", FIELD_SECRET, offsetof(struct fake_spec, token)},
    {"expect", FIELD_OBJECT, offsetof(struct fake_spec, expect), .fields = expect_fields},
    {0},
};

static void http_prepare(struct decode *c, const struct node *n, const struct probe_def *def,
                         void *spec)
{
    const struct fake_spec *s = spec;
    if (!def->id || !def->interval_us || !s->url)
        abort();
    counts.prepared++;
    if (str_eq(s->url, "bad"))
        diag_error(c->diag, node_get(n, "url")->pos, "url: a bad one");
}

static void http_release(void *spec)
{
    (void)spec;
    counts.released++;
}

static const struct probe_kind fake_http = {.name = "http",
                                            .help = "an HTTP request",
                                            .fields = http_fields,
                                            .spec_size = sizeof(struct fake_spec),
                                            .prepare = http_prepare,
                                            .release = http_release};

struct fake_tcp {
    const char *address;
};

static const struct field tcp_fields[] = {
    {"address", FIELD_STRING, offsetof(struct fake_tcp, address), .flags = FIELD_REQUIRED},
    {0},
};

static const struct probe_kind fake_tcp = {
    .name = "tcp", .fields = tcp_fields, .spec_size = sizeof(struct fake_tcp)};

/* Two whose runs give samples. */
static const struct probe_kind fake_page = {
    .name = "page", .fields = tcp_fields, .spec_size = sizeof(struct fake_tcp), .samples = true};

static bool document_gives(const void *spec, const struct selector *s)
{
    (void)spec;
    return str_starts(selector_name(s), "component_");
}

static const struct probe_kind fake_document = {.name = "document",
                                                .fields = tcp_fields,
                                                .spec_size = sizeof(struct fake_tcp),
                                                .samples = true,
                                                .components = true,
                                                .gives = document_gives};

/* One whose runs give answers, by default not streamed. */
struct fake_agent {
    const char *address;
    bool stream;
};

static const struct field agent_fields[] = {
    {"address", FIELD_STRING, offsetof(struct fake_agent, address), .flags = FIELD_REQUIRED},
    {"stream", FIELD_BOOL, offsetof(struct fake_agent, stream)},
    {0},
};

static bool agent_streams(const void *spec)
{
    return ((const struct fake_agent *)spec)->stream;
}

static const struct probe_kind fake_agent = {.name = "agent",
                                             .fields = agent_fields,
                                             .spec_size = sizeof(struct fake_agent),
                                             .answers = true,
                                             .streams = agent_streams};

static const struct notifier_kind fake_webhook = {
    .name = "webhook", .fields = http_fields, .spec_size = sizeof(struct fake_spec)};

struct fake_log {
    struct notifier_spec base;
    const char *path;
};

static const struct field log_fields[] = {
    {"path", FIELD_PATH, offsetof(struct fake_log, path)},
    {0},
};

static const struct notifier_kind fake_log = {
    .name = "log", .fields = log_fields, .spec_size = sizeof(struct fake_log)};

static const struct notifier_kind fake_slack = {
    .name = "slack", .fields = log_fields, .spec_size = sizeof(struct fake_log)};

const char *fake_log_path(const struct notifier_spec *spec)
{
    return ((const struct fake_log *)(const void *)spec)->path;
}

static int zone_open(const char *name, struct zone **ret, struct err *reterr)
{
    if (!str_eq(name, "UTC") && !str_eq(name, "Europe/Berlin"))
        return err_set(reterr, "unknown time zone '%s'", name);
    *ret = mem_alloc(1);
    counts.zones_opened++;
    return 0;
}

static void zone_free(struct zone *z)
{
    mem_free(&z);
    counts.zones_freed++;
}

/* Hours are their days; at an interval of 3 s no slot is within. */
struct hours {
    char days[32];
};

static int hours_make(const struct hours_rule *rules, size_t n, struct hours **ret, size_t *ret_bad,
                      struct err *reterr)
{
    for (*ret_bad = 0; *ret_bad < n; ++*ret_bad)
        if (!str_eq(rules[*ret_bad].timezone, "UTC"))
            return err_set(reterr, "unknown time zone '%s'", rules[*ret_bad].timezone);
    *ret = mem_alloc(sizeof(**ret));
    str_copy((*ret)->days, sizeof((*ret)->days), n ? rules[0].days : "");
    counts.hours_made++;
    return 0;
}

static void hours_unref(const struct hours *h)
{
    free((void *)(uintptr_t)h);
    counts.hours_freed++;
}

static const char *hours_text(const struct hours *h)
{
    return h->days;
}

static int64_t hours_next(const struct hours *h, int64_t phase_us, int64_t interval_us,
                          int64_t t_us)
{
    (void)h, (void)phase_us;
    return interval_us == 3 * USEC_PER_SEC ? INT64_MAX : t_us;
}

static const struct hours_ops hours = {hours_make, hours_unref, hours_text, hours_next};

static void finish_slo(struct slo_def *slo, struct decode *c)
{
    if (!slo_part(slo, 0)->probe || !c->arena)
        abort();
    counts.finished++;
}

static const struct probe_kind *const probe_kinds[] = {&fake_http,     &fake_tcp,   &fake_page,
                                                       &fake_document, &fake_agent, NULL};
static const struct notifier_kind *const notifiers[] = {&fake_webhook, &fake_log, &fake_slack,
                                                        NULL};

const struct config_tables fake_tables = {.probe_kinds = probe_kinds,
                                          .notifiers = notifiers,
                                          .hours = &hours,
                                          .exclusions = &exclusion_ops,
                                          .zone_open = zone_open,
                                          .zone_free = zone_free,
                                          .finish_slo = finish_slo};
