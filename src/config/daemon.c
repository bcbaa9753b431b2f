/* The document of kind Daemon: nines.yaml. */
#include "config/address.h"
#include "config/build.h"
#include "config/conditions.h"
#include "config/prices.h"
#include "config/watchdog.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"

#include <string.h>

#define LISTEN_DEFAULT "127.0.0.1:9464"
#define RETENTION_MIN_US USEC_PER_HOUR
#define RETENTION_MAX_US (36500 * USEC_PER_DAY)
#define RETENTION_MIN_BYTES (1 << 20) /* the tables alone take a part of that */
#define DNS_SERVERS_MAX 8
#define SELF_CHECK_DEFAULT_US (2 * USEC_PER_SEC)
#define SELF_CHECK_MIN_US (100 * USEC_PER_MSEC)
#define SELF_CHECK_MAX_US (10 * USEC_PER_SEC)
#define PER_HOST_MAX 65536
#define URL_MAX 1000

struct daemon_raw {
    const char *api_version, *kind;
    struct daemon_config d;
    const struct node *probes, *slos, *receivers;
    struct routing_nodes routing;
    const char *alertmanager; /* load.c has read it */
};

#define RAW(member) offsetof(struct daemon_raw, d.member)

/* Objects below have offset 0: their fields lie in struct daemon_raw. */
static const struct field retention_fields[] = {
    {"raw", FIELD_DURATION, RAW(retention.raw_us), .min = RETENTION_MIN_US,
     .max = RETENTION_MAX_US},
    {"rollups", FIELD_DURATION, RAW(retention.rollups_us), .min = RETENTION_MIN_US,
     .max = RETENTION_MAX_US},
    {"evidence", FIELD_DURATION, RAW(retention.evidence_us), .min = RETENTION_MIN_US,
     .max = RETENTION_MAX_US},
    {"alerts", FIELD_DURATION, RAW(retention.alerts_us), .min = RETENTION_MIN_US,
     .max = RETENTION_MAX_US},
    {"max_size", FIELD_SIZE, RAW(retention.max_bytes), .min = RETENTION_MIN_BYTES},
    {0},
};

/* Names in the order of the enums of base/log.h. */
static const struct field log_fields[] = {
    {"format", FIELD_ENUM, RAW(log_format),
     .names = (const char *const[]){"auto", "json", "text", NULL}},
    {"level", FIELD_ENUM, RAW(log_level),
     .names = (const char *const[]){"debug", "info", "warn", "error", NULL}},
    {0},
};

static const struct field dns_fields[] = {
    {"servers", FIELD_STRING_LIST, RAW(dns_servers)},
    {0},
};

static const struct field self_check_fields[] = {
    {"targets", FIELD_STRING_LIST, RAW(self_check.targets), .flags = FIELD_REQUIRED},
    {"timeout", FIELD_DURATION, RAW(self_check.timeout_us), .min = SELF_CHECK_MIN_US,
     .max = SELF_CHECK_MAX_US},
    {0},
};

static const struct field limits_fields[] = {
    {"per_host", FIELD_INT, RAW(per_host), .min = 1, .max = PER_HOST_MAX},
    {0},
};

#define ROUTING(key)                                                                               \
    {                                                                                              \
#key, FIELD_CUSTOM, offsetof(struct daemon_raw, routing.key), .decode = decode_keep        \
    }

static const struct field daemon_fields[] = {
    {"apiVersion", FIELD_STRING, offsetof(struct daemon_raw, api_version)},
    {"kind", FIELD_STRING, offsetof(struct daemon_raw, kind)},
    {"database", FIELD_PATH, RAW(database)},
    {"listen", FIELD_STRING, RAW(listen)},
    {"allow_remote", FIELD_BOOL, RAW(allow_remote)},
    {"external_url", FIELD_STRING, RAW(external_url)},
    {"probes", FIELD_CUSTOM, offsetof(struct daemon_raw, probes), .decode = decode_keep},
    {"slos", FIELD_CUSTOM, offsetof(struct daemon_raw, slos), .decode = decode_keep},
    {"retention", FIELD_OBJECT, 0, .fields = retention_fields},
    {"log", FIELD_OBJECT, 0, .fields = log_fields},
    {"dns", FIELD_OBJECT, 0, .fields = dns_fields},
    {"self_check", FIELD_OBJECT, 0, .fields = self_check_fields},
    {"limits", FIELD_OBJECT, 0, .fields = limits_fields},
    {"prices", FIELD_CUSTOM, RAW(prices), .decode = decode_prices},
    {"spend", FIELD_CUSTOM, RAW(spend), .decode = decode_spend},
    {"alerts", FIELD_CUSTOM, RAW(prober_down), .decode = decode_process_alerts},
    {"severity_labels", FIELD_CUSTOM, RAW(severity_labels), .decode = decode_severity_labels},
    {"watchdog", FIELD_CUSTOM, RAW(watchdog), .decode = decode_watchdog},
    {"receivers", FIELD_CUSTOM, offsetof(struct daemon_raw, receivers), .decode = decode_keep},
    ROUTING(global),
    ROUTING(route),
    ROUTING(inhibit_rules),
    ROUTING(time_intervals),
    {"alertmanager", FIELD_PATH, offsetof(struct daemon_raw, alertmanager)},
    {0},
};

/* ---- addresses -------------------------------------------------------------------- */

static void check_listen(struct build *b, const struct node *doc, const struct daemon_config *d)
{
    struct err err;
    const struct node *at = node_get(doc, "listen");
    if (at && at->kind == NODE_SCALAR && config_check_listen(d->listen, d->allow_remote, &err) < 0)
        decode_error(&b->decode, at->pos, "listen: %s", err.msg);
}

/* For links: what is after it is appended. */
static void check_external_url(struct build *b, const struct node *doc, struct daemon_config *d)
{
    const struct node *at = node_get(doc, "external_url");
    if (!at || at->kind != NODE_SCALAR)
        return;
    const char *url = d->external_url, *host = strstr(url, "://");
    bool http = strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0;
    char found[FOUND_MAX];
    if (!http || strlen(url) > URL_MAX || strchr("/:", host[3]) || strpbrk(url, " \t\n?#\"<>\\")) {
        decode_error(&b->decode, at->pos,
                     "external_url: expected an address like https://nines.example.org, "
                     "without '?' and '#'; found %s",
                     decode_found(at, found));
        return;
    }
    size_t n = strlen(url);
    while (url[n - 1] == '/')
        n--;
    d->external_url = arena_strndup(&b->config->arena, url, n);
}

static void check_dns(struct build *b, const struct node *doc)
{
    struct address a;
    const struct node *servers = node_get(node_get(doc, "dns"), "servers");
    size_t n = !servers ? 0 : servers->kind == NODE_SEQ ? servers->n : 1;
    if (n > DNS_SERVERS_MAX)
        decode_error(&b->decode, servers->pos, "servers: at most %d", DNS_SERVERS_MAX);
    for (size_t i = 0; i < n; i++) {
        const struct node *at = servers->kind == NODE_SEQ ? servers->items[i] : servers;
        char found[FOUND_MAX];
        if (at->kind == NODE_SCALAR && address_parse(at->text, &a) < 0)
            decode_error(&b->decode, at->pos,
                         "servers: expected an address like 9.9.9.9 or 127.0.0.1:5353 or "
                         "[::1]:53; found %s",
                         decode_found(at, found));
    }
}

/* ---- the document ---------------------------------------------------------------------- */

void build_daemon(struct build *b, const struct node *doc)
{
    struct daemon_config *d = &b->config->daemon;
    struct daemon_raw raw = {.d = *d};
    decode_object(&b->decode, doc, daemon_fields, &raw);
    *d = raw.d;
    b->routing = raw.routing;
    check_listen(b, doc, d);
    check_external_url(b, doc, d);
    check_dns(b, doc);
}

/* The folders under `key`, or the default one. */
static void add_folders(struct build *b, const char *file, const struct node *doc, const char *key,
                        struct string_list *dirs)
{
    const struct node *n = node_get(doc, key);
    struct field field = {.name = key, .type = FIELD_STRING_LIST};
    if (!n) {
        const char *path = decode_path(&b->config->arena, file, key);
        dirs->at = arena_alloc(&b->config->arena, sizeof(*dirs->at));
        dirs->at[dirs->n++] = path;
        vec_push(&b->folders, ((struct folder){.path = path}));
        return;
    }
    decode_value(&b->decode, n, &field, dirs);
    for (size_t i = 0; i < dirs->n; i++)
        dirs->at[i] = decode_path(&b->config->arena, file, dirs->at[i]);
    for (size_t i = 0, at = 0; at < dirs->n; i++) {
        const struct node *item = n->kind == NODE_SEQ ? n->items[i] : n;
        if (item->kind == NODE_SCALAR && !node_is_null(item))
            vec_push(&b->folders, ((struct folder){dirs->at[at++], item->pos, true}));
    }
}

void build_folders(struct build *b, const char *file, const struct node *doc)
{
    struct daemon_config *d = &b->config->daemon;
    bool elsewhere = file && strchr(file, '/');
    *d = (struct daemon_config){
        .listen = LISTEN_DEFAULT,
        .external_url = "",
        .log_format = LOG_AUTO,
        .log_level = LOG_INFO,
        .severity_labels = SEVERITY_LABELS_DEFAULT,
        .prober_down = {.kind = CONDITION_PROBER_DOWN, .severity = SEVERITY_PAGE, .key = ""},
        .self_check = {.timeout_us = SELF_CHECK_DEFAULT_US}};
    d->database = elsewhere ? decode_path(&b->config->arena, file, "nines.db") : "./nines.db";
    b->daemon = doc;
    add_folders(b, file, doc, "probes", &d->probe_dirs);
    add_folders(b, file, doc, "slos", &d->slo_dirs);
}
