/* What the tests of receivers share: specifications from YAML, and messages. */
#pragma once

#include "base/arena.h"
#include "base/mem.h"
#include "config/receivers.h"
#include "config/tree.h"
#include "notify/receivers.h"

#include <string.h>

struct page {
    struct arena arena;
    struct diag diag;
    struct decode decode;
};

static inline void page_init(struct page *p)
{
    memset(p, 0, sizeof(*p));
    p->decode = (struct decode){.arena = &p->arena, .diag = &p->diag};
}

static inline void page_release(struct page *p)
{
    diag_release(&p->diag);
    arena_release(&p->arena);
}

/* Decodes `yaml`, one element of a list, with `global` or NULL. */
static inline const void *page_spec_under(struct page *p, const struct notifier_kind *kind,
                                          const char *yaml, const char *global)
{
    struct yaml_documents docs = {0}, more = {0};
    if (yaml_parse(&p->arena, &p->arena, "r.yaml", yaml, strlen(yaml), &p->diag, &docs) < 0 ||
        docs.n != 1)
        return NULL;
    if (global &&
        yaml_parse(&p->arena, &p->arena, "g.yaml", global, strlen(global), &p->diag, &more) < 0)
        return NULL;
    return receiver_spec(&p->decode, kind, docs.at[0], global ? more.at[0] : NULL);
}

static inline const void *page_spec(struct page *p, const struct notifier_kind *kind,
                                    const char *yaml)
{
    return page_spec_under(p, kind, yaml, NULL);
}

/* The kinds that HTTP reaches. */
static inline const struct notifier_kind *page_kind(const char *name)
{
    static const struct notifier_kind *const kinds[] = {
        &notifier_alertmanager, &notifier_discord,  &notifier_msteams,   &notifier_msteamsv2,
        &notifier_ntfy,         &notifier_opsgenie, &notifier_pagerduty, &notifier_slack,
        &notifier_telegram,     &notifier_webhook};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        if (strcmp(kinds[i]->name, name) == 0)
            return kinds[i];
    return NULL;
}

#define T0 1795309323000000LL /* 2026-11-22T01:02:03Z */

static inline struct string_map page_map(struct arena *a, size_t n, const char *const *words)
{
    struct string_map map = {arena_alloc(a, (n / 2 + 1) * sizeof(*map.at)), n / 2};
    for (size_t i = 0; i < n / 2; i++)
        map.at[i] = (struct pair){.key = words[2 * i], .value = words[2 * i + 1]};
    return map;
}
#define MAP(a, ...)                                                                                \
    page_map(a, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *),                       \
             (const char *const[]){__VA_ARGS__})

/* `count` alerts of one group; those past `firing` are over. */
static inline struct message page_message(struct arena *a, size_t count, size_t firing,
                                          const char *summary, const char *description)
{
    struct message m = {
        .receiver = "ops",
        .group_key = "{}/{severity=\"page\"}:{alertname=\"ErrorBudgetBurn\"}",
        .firing = firing > 0,
        .group_labels = MAP(a, "alertname", "ErrorBudgetBurn"),
        .common_labels =
            MAP(a, "alertname", "ErrorBudgetBurn", "service", "agent-api", "severity", "page"),
        .common_annotations = count == 1 ? MAP(a, "description", description, "summary", summary)
                                         : (struct string_map){NULL, 0},
        .external_url = "http://nines.example:9464",
        .alerts = arena_alloc(a, (count + 1) * sizeof(*m.alerts)),
        .alert_count = count,
        .at_us = T0 + 60000000,
    };
    for (size_t i = 0; i < count; i++)
        m.alerts[i] = (struct message_alert){
            .firing = i < firing,
            .labels = MAP(a, "alertname", "ErrorBudgetBurn", "service", "agent-api", "severity",
                          "page", "slo", arena_printf(a, "api-%zu", i)),
            .annotations =
                MAP(a, "description", description, "runbook_url", "https://wiki.example/api",
                    "silence_command", "nines silence add --for 2h --comment ... 'slo=\"api\"'",
                    "since", "2026-11-22T01:02:03Z", "summary", summary),
            .starts_us = T0 + (int64_t)i * 1000000,
            .ends_us = i < firing ? 0 : T0 + 50000000,
            .fingerprint = "00000000000000ff",
            .generator_url = "http://nines.example:9464/slo/api?a=1&b=2",
        };
    return m;
}

static const char *const page_yaml[][2] = {
    {"alertmanager", "{url: http://127.0.0.1:9093, lifetime: 1h}"},
    {"discord", "{webhook_url: https://discord.example/api/webhooks/1/x, content: '@here'}"},
    {"msteams", "{webhook_url: https://teams.example/hook}"},
    {"msteamsv2", "{webhook_url: https://teams.example/flow}"},
    {"ntfy", "{topic: ops, token: tk_secret, url: http://127.0.0.1:8080/}"},
    {"opsgenie", "{api_key: key, tags: 'a, b,{{ .CommonLabels.service }}', priority: P1,\n"
                 "details: {who: '{{ .Receiver }}'}, responders: [{name: core, type: team}],\n"
                 "note: n, entity: '{{ .CommonLabels.service }}', actions: ping}"},
    {"pagerduty", "{routing_key: 0123456789abcdef0123456789abcdef, component: db,\n"
                  "details: {who: '{{ .Receiver }}'},\n"
                  "links: [{href: '{{ .ExternalURL }}/x', text: look}],\n"
                  "images: [{src: 'https://i.example/a.png', alt: a}]}"},
    {"slack", "{api_url: https://hooks.slack.example/services/x, channel: '#ops',\n"
              "fields: [{title: SLO, value: '{{ .CommonLabels.service }}', short: true}],\n"
              "text: '<http://e.example|look> {{ range .Alerts }}{{ .Annotations.summary }}\n"
              "{{ .Annotations.description }}{{ end }}'}"},
    {"telegram", "{bot_token: '12:ab_-', chat_id: -100123}"},
    {"webhook", "{url: http://127.0.0.1/hook, max_alerts: 20,\n"
                "http_config: {authorization: {credentials: t0ken}}}"},
};
#define PAGE_TYPES (sizeof(page_yaml) / sizeof(*page_yaml))
