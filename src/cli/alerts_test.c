/* nines alerts test: what a receiver would get, and what it says to that. */
#include "cli/alerts.h"
#include "cli/cli.h"

#include "base/arena.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "model/message.h"
#include "nines/notifier.h"
#include "notify/try.h"

#include <string.h>
#include <time.h>

#define LABELS_MAX 40
#define LINES_MAX ((size_t)64 << 20)

static const struct command command_test = {
    .name = "alerts test",
    .arguments = "RECEIVER[/INTEGRATION]",
    .summary = "send a test alert to a receiver, and show what is asked and answered",
    .details =
        "Sends one alert, TestAlert, to each integration of the receiver, or to one of them\n"
        "(slack, or 'slack 2' for the second of that kind), and shows the request as it is\n"
        "sent and the reply with its times. Secrets are shown as [secret]. The daemon need\n"
        "not run, and nothing is stored. --resolved sends the end of the same alert.\n"
        "Exit status: 0 when all was delivered, else 1.\n"
        "\n"
        "Examples:\n"
        "  nines alerts test on-call\n"
        "  nines alerts test on-call/slack --label severity=critical --label service=agent-api\n"
        "  nines alerts test on-call --resolved\n",
};

struct test {
    const struct command *self;
    const struct config *cfg;
    bool resolved, json;
    struct option_list labels;
    struct arena arena;
    struct message message;
    struct str lines; /* of JSON: what was shown */
};

/* ---- the message -------------------------------------------------------------------------- */

static void put(struct string_map *map, const char *key, const char *value)
{
    for (size_t i = 0; i < map->n; i++)
        if (str_eq(map->at[i].key, key)) {
            map->at[i].value = value;
            return;
        }
    map->at[map->n++] = (struct pair){.key = key, .value = value};
}

static int take_labels(struct test *t, struct string_map *map)
{
    map->at = arena_alloc(&t->arena, (LABELS_MAX + 2) * sizeof(*map->at));
    put(map, "alertname", "TestAlert");
    put(map, "severity", "none");
    for (size_t i = 0; i < t->labels.n; i++) {
        const char *text = t->labels.at[i], *equals = strchr(text, '=');
        if (!equals || equals == text)
            return cli_usage(t->self, "--label: expected NAME=VALUE; found '%.100s'", text);
        put(map, arena_strndup(&t->arena, text, (size_t)(equals - text)), equals + 1);
    }
    message_sort_map(map);
    return 0;
}

static int64_t wall_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return ts.tv_sec * USEC_PER_SEC + ts.tv_nsec / NSEC_PER_USEC;
}

static void add_annotations(struct test *t, struct message_alert *a, const char *receiver)
{
    a->annotations.at = arena_alloc(&t->arena, 2 * sizeof(*a->annotations.at));
    put(&a->annotations, "description",
        "Somebody ran nines alerts test. No objective is in danger, and there is nothing to do.");
    put(&a->annotations, "summary", arena_printf(&t->arena, "A test of the receiver %s", receiver));
}

static int make_message(struct test *t, const char *receiver)
{
    struct message *m = &t->message;
    struct message_alert *a = arena_alloc(&t->arena, sizeof(*a));
    struct string_map *group = &m->group_labels;
    char fingerprint[FINGERPRINT_SIZE];
    struct str key;
    int rc = take_labels(t, &a->labels);
    if (rc)
        return rc;
    add_annotations(t, a, receiver);
    m->receiver = receiver;
    m->external_url = t->cfg->daemon.external_url ? t->cfg->daemon.external_url : "";
    m->alerts = a;
    m->alert_count = 1;
    m->at_us = wall_us();
    a->firing = !t->resolved;
    a->starts_us = m->at_us - USEC_PER_MIN;
    a->ends_us = t->resolved ? m->at_us : 0;
    a->generator_url = m->external_url;
    a->fingerprint = arena_strdup(&t->arena, message_fingerprint(fingerprint, &a->labels));
    group->at = arena_alloc(&t->arena, sizeof(*group->at));
    put(group, "alertname", message_label(&a->labels, "alertname"));
    message_common(m, &t->arena);
    str_init(&key, 1 << 16);
    message_group_key("{}", group, &key);
    m->group_key = arena_strdup(&t->arena, key.buf);
    str_release(&key);
    return 0;
}

/* ---- sending ------------------------------------------------------------------------------ */

static void show(void *ctx, const char *line)
{
    struct test *t = ctx;
    if (!t->json) {
        puts(line);
        fflush(stdout);
        return;
    }
    str_add(&t->lines, t->lines.len ? "," : "");
    json_add_string(&t->lines, line);
}

static void tell_json(struct test *t, const struct receiver_def *r,
                      const struct integration_def *to, bool delivered, const char *detail)
{
    struct str out;
    str_init(&out, LINES_MAX);
    str_add(&out, "{\"receiver\":");
    json_add_string(&out, r->name);
    str_add(&out, ",\"integration\":");
    json_add_string(&out, to->name);
    str_addf(&out, ",\"delivered\":%s,\"detail\":", delivered ? "true" : "false");
    json_add_string(&out, detail);
    str_addf(&out, ",\"dialogue\":[%s]}", t->lines.buf);
    puts(out.buf);
    str_release(&out);
}

static bool try_one(struct test *t, const struct receiver_def *r, const struct integration_def *to)
{
    char detail[NOTIFY_DETAIL_MAX], key[64];
    struct err err;
    snprintf(key, sizeof(key), "test-%lld", (long long)t->message.at_us);
    str_clear(&t->lines);
    if (!t->json)
        printf("%s/%s\n", r->name, to->name);
    fflush(stdout);
    bool good = notify_try(t->cfg, to, &t->message, key, show, t, detail, &err) == 0;
    if (t->json)
        tell_json(t, r, to, good, good ? detail : err.msg);
    else if (good)
        printf("* delivered: %s\n\n", detail);
    else
        printf("* not delivered: %s\n\n", err.msg);
    return good;
}

static int try_all(struct test *t, const struct receiver_def *r, const char *only)
{
    size_t tried = 0, good = 0;
    if (r->n == 0)
        return cli_fail(t->self, "%s has no integration: what goes there is told to nobody",
                        r->name);
    for (size_t i = 0; i < r->n; i++) {
        if (only && !str_eq(r->at[i].name, only))
            continue;
        tried++;
        good += try_one(t, r, &r->at[i]);
    }
    if (tried > 0)
        return good == tried ? EXIT_GOOD : EXIT_BAD;
    const char **names = arena_alloc(&t->arena, r->n * sizeof(*names));
    for (size_t i = 0; i < r->n; i++)
        names[i] = r->at[i].name;
    const char *near = str_nearest(only, names, r->n);
    return cli_fail(t->self, "%s has no integration '%s'; did you mean '%s'?", r->name, only,
                    near ? near : names[0]);
}

/* ---- whom --------------------------------------------------------------------------------- */

static const struct receiver_def *find(const struct config *cfg, const char *name, size_t n)
{
    for (size_t i = 0; i < cfg->receiver_count; i++)
        if (strlen(cfg->receivers[i]->name) == n && memcmp(cfg->receivers[i]->name, name, n) == 0)
            return cfg->receivers[i];
    return NULL;
}

static int unknown(struct test *t, const char *name)
{
    const struct config *cfg = t->cfg;
    const char **names = arena_alloc(&t->arena, (cfg->receiver_count + 1) * sizeof(*names));
    for (size_t i = 0; i < cfg->receiver_count; i++)
        names[i] = cfg->receivers[i]->name;
    const char *near = str_nearest(name, names, cfg->receiver_count);
    if (near)
        return cli_fail(t->self, "no receiver has the name '%s'; did you mean '%s'?", name, near);
    return cli_fail(t->self, "no receiver has the name '%s'", name);
}

/* A slash may be part of the name as well. */
static int work(struct test *t, const char *word)
{
    const char *slash = strrchr(word, '/'), *only = NULL;
    const struct receiver_def *r = find(t->cfg, word, strlen(word));
    if (!r && slash) {
        r = find(t->cfg, word, (size_t)(slash - word));
        only = slash + 1;
    }
    if (!r)
        return unknown(t, word);
    int rc = make_message(t, r->name);
    return rc ? rc : try_all(t, r, only);
}

int alerts_test(int argc, char **argv)
{
    struct test t = {.self = &command_test};
    struct cli_common common = {0};
    const struct cli_option options[] = {
        {"label", 'l', OPT_STRINGS, &t.labels, "NAME=VALUE", "of the alert; may come again"},
        {"resolved", 'r', OPT_FLAG, &t.resolved, NULL, "the end of the alert"},
        {0},
    };
    int first, rc = cli_parse(t.self, options, argc, argv, &common, &first);
    if (rc >= 0)
        return rc;
    if (common.format && !str_eq(common.format, "text") && !str_eq(common.format, "json"))
        return cli_usage(t.self, "--format is text or json; found '%s'", common.format);
    if (argc - first != 1)
        return cli_usage(t.self, "expected one receiver");
    struct config *cfg = cli_config(t.self, &common, true);
    if (!cfg)
        return EXIT_BAD;
    t.cfg = cfg;
    t.json = str_eq(common.format, "json");
    str_init(&t.lines, LINES_MAX);
    rc = work(&t, argv[first]);
    str_release(&t.lines);
    arena_release(&t.arena);
    config_unref(cfg);
    return rc;
}
