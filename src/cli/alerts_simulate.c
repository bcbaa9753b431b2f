/* nines alerts simulate: what would be sent of a list of alerts, when and to whom. */
#include "cli/alerts.h"
#include "cli/cli.h"

#include "alert/dispatch.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/table.h"
#include "base/units.h"
#include "base/vec.h"
#include "base/when.h"
#include "model/matcher.h"
#include "model/message.h"
#include "nines/config.h"
#include "nines/notifier.h"
#include "report/fmt.h"
#include "wire/message.h"

#include <jansson.h>
#include <string.h>

#define LINE_MAX_BYTES (64 << 10)
#define OUT_MAX ((size_t)64 << 20)
#define SILENCES_MAX 1000
#define FLUSHES_MAX 1000000 /* of one simulation */

struct simulation {
    struct arena arena;
    struct dispatch *dispatch;
    struct dispatch_receiver *receivers;
    size_t receiver_count;
    struct silence silences[SILENCES_MAX]; /* matchers must not move */
    size_t silence_count;
    struct table held; /* by group and alert: what held it back when it was last told */
    bool json;
    int64_t now_us;
    int64_t flushes;
    struct str out;
};

/* ---- receivers --------------------------------------------------------------------------- */

/* One that has no integrations hears of everything, so that its messages are seen. */
static struct dispatch_receiver receiver_of(struct arena *arena, const struct receiver_def *def)
{
    static const struct dispatch_integration one = {.name = "", .send_resolved = true};
    if (def->n == 0)
        return (struct dispatch_receiver){.name = def->name, .at = &one, .n = 1};
    struct dispatch_integration *at = arena_alloc(arena, def->n * sizeof(*at));
    for (size_t i = 0; i < def->n; i++)
        at[i] = (struct dispatch_integration){def->at[i].name, def->at[i].spec->send_resolved};
    return (struct dispatch_receiver){.name = def->name, .at = at, .n = def->n};
}

static void add_receivers(struct simulation *s, const struct config *cfg)
{
    s->receivers = mem_array(cfg->receiver_count + 1, sizeof(*s->receivers));
    for (size_t i = 0; i < cfg->receiver_count; i++)
        s->receivers[s->receiver_count++] = receiver_of(&s->arena, cfg->receivers[i]);
}

/* Its name says nothing where there is no other. */
static bool has_several(const struct simulation *s, const char *receiver)
{
    for (size_t i = 0; i < s->receiver_count; i++)
        if (str_eq(s->receivers[i].name, receiver))
            return s->receivers[i].n > 1;
    return false;
}

/* ---- what happens ------------------------------------------------------------------------ */

static void clean(struct simulation *s, const char *text)
{
    fmt_clean(&s->out, text, SIZE_MAX);
}

static void member(struct simulation *s, const char *key, const char *text)
{
    str_addf(&s->out, ",\"%s\":", key);
    json_add_string(&s->out, text);
}

static void begin_line(struct simulation *s, const char *event)
{
    char when[WHEN_MAX];
    str_clear(&s->out);
    when_text(when, s->now_us);
    if (s->json)
        str_addf(&s->out, "{\"at\":\"%s\",\"event\":\"%s\"", when, event);
    else
        str_addf(&s->out, "%s  %-5s", when, event);
}

static void end_line(struct simulation *s)
{
    str_add(&s->out, s->json ? "}\n" : "\n");
    fwrite(s->out.buf, 1, s->out.len, stdout);
}

static const char *why_name(enum notified_why why)
{
    static const char *const names[] = {"nothing", "news", "over", "repeat"};
    return names[why];
}

static const char *name_of(const struct message_alert *a)
{
    const char *name = matcher_label(&a->labels, "alertname");
    return *name ? name : a->fingerprint;
}

static void names_of(struct simulation *s, const struct message *m, bool firing)
{
    size_t n = 0;
    for (size_t i = 0; i < m->alert_count; i++) {
        if (m->alerts[i].firing != firing)
            continue;
        str_add(&s->out, n++ ? " " : firing ? "  firing: " : "  resolved: ");
        clean(s, name_of(&m->alerts[i]));
    }
}

static void put_send(void *ctx, const struct dispatch_send *send)
{
    struct simulation *s = ctx;
    const struct message *m = send->message;
    begin_line(s, "send");
    if (s->json) {
        member(s, "receiver", send->receiver);
        member(s, "integration", send->integration);
        member(s, "group_key", m->group_key);
        member(s, "dedup_key", send->dedup_key);
        member(s, "why", why_name(send->why));
        str_add(&s->out, ",\"message\":");
        message_write(m, &s->out);
    } else {
        str_addc(&s->out, ' ');
        clean(s, send->receiver);
        if (has_several(s, send->receiver))
            str_addf(&s->out, "/%s", send->integration);
        str_add(&s->out, "  ");
        clean(s, m->group_key);
        names_of(s, m, true);
        names_of(s, m, false);
        str_add(&s->out, send->why == NOTIFIED_REPEAT ? "  (again)" : "");
    }
    end_line(s);
}

static void held_json(struct simulation *s, const struct dispatch_group *g,
                      const struct message_alert *a, const struct dispatch_hold *hold)
{
    char until[WHEN_MAX];
    member(s, "receiver", g->receiver);
    member(s, "group_key", g->group_key);
    member(s, "fingerprint", a->fingerprint);
    member(s, "alertname", matcher_label(&a->labels, "alertname"));
    member(s, "stage", hold->stage);
    member(s, "name", hold->name);
    member(s, "by", hold->by);
    member(s, "until", hold->until_us ? when_text(until, hold->until_us) : NULL);
}

static void held_text(struct simulation *s, const struct dispatch_group *g,
                      const struct message_alert *a, const struct dispatch_hold *hold)
{
    char until[WHEN_MAX];
    str_addc(&s->out, ' ');
    clean(s, g->receiver);
    str_add(&s->out, "  ");
    clean(s, g->group_key);
    str_add(&s->out, "  ");
    clean(s, name_of(a));
    str_addf(&s->out, " by %s ", hold->stage);
    clean(s, hold->name);
    if (*hold->by) {
        str_add(&s->out, " of ");
        clean(s, hold->by);
    }
    if (hold->until_us)
        str_addf(&s->out, " until %s", when_text(until, hold->until_us));
}

/* Once, not at each flush. */
static bool is_news(struct simulation *s, const struct dispatch_group *g,
                    const struct message_alert *a, const struct dispatch_hold *hold)
{
    struct str key, what;
    str_init(&key, OUT_MAX);
    str_init(&what, OUT_MAX);
    str_addf(&key, "%s %zu:%s%s", a->fingerprint, strlen(g->receiver), g->receiver, g->group_key);
    str_addf(&what, "%d %s %s", a->firing, hold->stage, hold->name);
    bool news = !str_eq(table_get(&s->held, key.buf), what.buf);
    if (news)
        table_set(&s->held, arena_strdup(&s->arena, key.buf), arena_strdup(&s->arena, what.buf));
    str_release(&key);
    str_release(&what);
    return news;
}

static void put_held(void *ctx, const struct dispatch_group *g, const struct message_alert *a,
                     const struct dispatch_hold *hold)
{
    struct simulation *s = ctx;
    if (!is_news(s, g, a, hold))
        return;
    begin_line(s, "held");
    if (s->json)
        held_json(s, g, a, hold);
    else
        held_text(s, g, a, hold);
    end_line(s);
}

/* ---- lines ------------------------------------------------------------------------------- */

static int take_time(const json_t *o, const char *key, int64_t *ret, struct err *reterr)
{
    const json_t *v = json_object_get(o, key);
    if (!json_is_string(v))
        return err_set(reterr, "expected \"%s\", a time such as \"2026-10-22T08:00:00Z\"", key);
    struct err why;
    if (when_parse(json_string_value(v), json_string_length(v), ret, &why) < 0)
        return err_set(reterr, "\"%s\": %s", key, why.msg);
    return 0;
}

static int take_map(struct arena *arena, const json_t *o, const char *what, struct string_map *ret,
                    struct err *reterr)
{
    const char *key;
    json_t *value;
    if (o && !json_is_object(o))
        return err_set(reterr, "expected \"%s\", an object of texts", what);
    ret->at = arena_alloc(arena, (json_object_size(o) + 1) * sizeof(*ret->at));
    json_object_foreach((json_t *)(uintptr_t)o, key, value)
    {
        if (!json_is_string(value))
            return err_set(reterr, "\"%s\": '%.60s': expected a text", what, key);
        if (*json_string_value(value))
            ret->at[ret->n++] = (struct pair){arena_strdup(arena, key),
                                              arena_strdup(arena, json_string_value(value))};
    }
    message_sort_map(ret);
    return 0;
}

static int known_keys(const json_t *o, const char *const *keys, struct err *reterr)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)o, key, value)
    {
        size_t i = 0, n = 0;
        while (keys[n])
            n++;
        while (i < n && !str_eq(keys[i], key))
            i++;
        const char *near = i < n ? NULL : str_nearest(key, keys, n);
        if (i == n)
            return err_set(reterr, "unknown key '%.60s'%s%s%s", key, near ? "; did you mean '" : "",
                           near ? near : "", near ? "'?" : "");
    }
    return 0;
}

static int take_status(const json_t *o, bool *ret_firing, struct err *reterr)
{
    const json_t *v = json_object_get(o, "status");
    const char *text = json_string_value(v);
    if (v && !str_eq(text, "firing") && !str_eq(text, "resolved"))
        return err_set(reterr, "\"status\" is firing or resolved");
    *ret_firing = !str_eq(text, "resolved");
    return 0;
}

/* An alert that goes on firing began when it did first. */
static int take_alert(struct simulation *s, const json_t *o, struct table *since,
                      struct err *reterr)
{
    static const char *const keys[] = {"at", "status", "labels", "annotations", NULL};
    struct message_alert a = {.generator_url = ""};
    char fingerprint[FINGERPRINT_SIZE];
    if (known_keys(o, keys, reterr) < 0 || take_status(o, &a.firing, reterr) < 0 ||
        take_map(&s->arena, json_object_get(o, "labels"), "labels", &a.labels, reterr) < 0 ||
        take_map(&s->arena, json_object_get(o, "annotations"), "annotations", &a.annotations,
                 reterr) < 0)
        return -1;
    if (a.labels.n == 0)
        return err_set(reterr, "expected \"labels\", an object of texts");
    a.fingerprint = arena_strdup(&s->arena, message_fingerprint(fingerprint, &a.labels));
    int64_t *began = table_get(since, a.fingerprint);
    if (!began && !a.firing)
        return err_set(reterr, "an alert resolves that does not fire");
    if (!began) {
        began = arena_alloc(&s->arena, sizeof(*began));
        *began = s->now_us;
        table_set(since, a.fingerprint, began);
    }
    a.starts_us = *began;
    if (!a.firing) {
        a.ends_us = s->now_us;
        table_remove(since, a.fingerprint);
    }
    return dispatch_put(s->dispatch, &a, dispatch_time(s->dispatch, s->now_us), s->now_us, reterr);
}

static int take_silence(struct simulation *s, const json_t *o, struct err *reterr)
{
    static const char *const keys[] = {"at", "silence", "until", NULL};
    const char *text = json_string_value(json_object_get(o, "silence"));
    struct silence *silence = &s->silences[s->silence_count];
    struct err why;
    size_t at;
    if (known_keys(o, keys, reterr) < 0)
        return -1;
    if (!text)
        return err_set(reterr, "expected \"silence\", matchers such as \"severity=page\"");
    if (s->silence_count == SILENCES_MAX)
        return err_set(reterr, "at most %d silences", SILENCES_MAX);
    *silence = (struct silence){.starts_us = s->now_us, .author = "simulate", .comment = "-"};
    if (take_time(o, "until", &silence->ends_us, reterr) < 0)
        return -1;
    s->silence_count++; /* from here on it is released */
    if (matchers_parse(text, &s->arena, &silence->matchers, &at, &why) < 0)
        return err_set(reterr, "\"silence\": %s", why.msg);
    if (silence_check(silence, s->now_us, reterr) < 0)
        return -1;
    silence->id = arena_strdup(&s->arena, text);
    dispatch_silences(s->dispatch, s->silences, s->silence_count);
    return 0;
}

/* ---- time -------------------------------------------------------------------------------- */

/* Up to and not including `t`: what comes at an instant is put before its flushes. */
static int advance(struct simulation *s, int64_t t_us, struct err *reterr)
{
    int64_t next;
    while ((next = dispatch_next(s->dispatch)) < t_us) {
        if (++s->flushes > FLUSHES_MAX)
            return err_set(reterr, "more than %d flushes: that is too long a time", FLUSHES_MAX);
        s->now_us = next > s->now_us ? next : s->now_us;
        dispatch_tick(s->dispatch, s->now_us);
    }
    s->now_us = t_us;
    return 0;
}

static int take_line(struct simulation *s, const char *text, struct table *since,
                     struct err *reterr)
{
    int64_t at_us;
    json_error_t error;
    json_t *o = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    int rc = json_is_object(o) ? take_time(o, "at", &at_us, reterr)
                               : err_set(reterr, "expected a JSON object, one in each line");
    if (rc == 0 && at_us < s->now_us)
        rc = err_set(reterr, "\"at\" is before that of the line before it");
    if (rc == 0)
        rc = advance(s, at_us, reterr);
    if (rc == 0)
        rc = json_object_get(o, "silence") ? take_silence(s, o, reterr)
                                           : take_alert(s, o, since, reterr);
    json_decref(o);
    return rc;
}

static int take_lines(struct simulation *s, FILE *f, struct table *since, long *ret_line,
                      struct err *reterr)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t n;
    int rc = 0;
    *ret_line = 0;
    while (rc == 0 && (n = getline(&line, &room, f)) > 0) {
        ++*ret_line;
        if (line[strspn(line, " \t\r\n")] == '\0')
            continue;
        if (n > LINE_MAX_BYTES || strlen(line) != (size_t)n)
            rc = err_set(reterr, "expected a line of text, at most %d bytes", LINE_MAX_BYTES);
        else
            rc = take_line(s, line, since, reterr);
    }
    free(line);
    return rc;
}

static int work(const struct command *self, struct simulation *s, FILE *f, const char *path,
                int64_t more_us)
{
    struct table since = {0};
    struct err err = {0};
    long line;
    int rc = EXIT_GOOD;
    if (take_lines(s, f, &since, &line, &err) < 0)
        rc = cli_fail(self, "%s:%ld: %s", path, line, err.msg);
    else if (ferror(f))
        rc = cli_fail(self, "%s: cannot be read", path);
    else if (s->now_us > 0 && advance(s, s->now_us + more_us + 1, &err) < 0)
        rc = cli_fail(self, "%s: %s", path, err.msg);
    table_release(&since);
    return rc;
}

static int simulate(const struct command *self, const struct config *cfg, bool json,
                    const char *path, int64_t more_us)
{
    FILE *f = path ? fopen(path, "re") : stdin;
    if (!f)
        return cli_fail(self, "%s: cannot be opened", path);
    struct simulation *s = mem_alloc(sizeof(*s));
    s->json = json;
    add_receivers(s, cfg);
    struct dispatch_config config = {.routing = cfg->routing,
                                     .receivers = s->receivers,
                                     .receiver_count = s->receiver_count,
                                     .external_url = ""};
    struct dispatch_hooks hooks = {.send = put_send, .held = put_held, .ctx = s};
    str_init(&s->out, OUT_MAX);
    s->dispatch = dispatch_new(&config, &hooks);
    int rc = work(self, s, f, path ? path : "stdin", more_us);
    dispatch_free(s->dispatch);
    for (size_t i = 0; i < s->silence_count; i++)
        matchers_release(&s->silences[i].matchers);
    str_release(&s->out);
    table_release(&s->held);
    arena_release(&s->arena);
    mem_free(&s->receivers);
    mem_free(&s);
    if (path)
        fclose(f);
    return rc;
}

static const struct command command_simulate = {
    .name = "alerts simulate",
    .arguments = "[FILE|-]",
    .summary = "show what would be sent of a list of alerts, when and to whom",
    .details =
        "Each line of the file, or of the standard input, is a JSON object: an alert that\n"
        "begins to fire or resolves at a time, or a silence from then on. Times do not go\n"
        "back. Shown is each message that would be sent, by the routes, the inhibitions and\n"
        "the intervals of the configuration, and what was held back and why. Integrations\n"
        "hear of resolved alerts where their send_resolved says so. Nothing is sent.\n\n"
        "Examples:\n"
        "  nines alerts simulate alerts.ndjson\n"
        "  nines alerts simulate --for 1d --json alerts.ndjson\n"
        "  "
        "{\"at\":\"2026-10-22T08:00:00Z\",\"labels\":{\"alertname\":\"Down\",\"severity\":\"page\"}"
        "}\n"
        "  {\"at\":\"2026-10-22T08:20:00Z\",\"silence\":\"severity=page\","
        "\"until\":\"2026-10-22T09:00:00Z\"}\n"
        "  {\"at\":\"2026-10-22T08:30:00Z\",\"status\":\"resolved\","
        "\"labels\":{\"alertname\":\"Down\",\"severity\":\"page\"}}\n",
};

int alerts_simulate(int argc, char **argv)
{
    const struct command *self = &command_simulate;
    struct cli_common common = {0};
    int64_t more_us = USEC_PER_HOUR;
    const struct cli_option options[] = {
        {"for", 0, OPT_DURATION, &more_us, "TIME", "how long to go on after the last line: 1h"},
        {0},
    };
    int first, rc = cli_parse(self, options, argc, argv, &common, &first);
    if (rc >= 0)
        return rc;
    if (argc - first > 1)
        return cli_usage(self, "expected one file, found '%s' as well", argv[first + 1]);
    if (common.format && !str_eq(common.format, "text") && !str_eq(common.format, "json"))
        return cli_usage(self, "--format is text or json; found '%s'", common.format);
    const char *path = first < argc && !str_eq(argv[first], "-") ? argv[first] : NULL;
    struct config *cfg = cli_config(self, &common, true);
    if (!cfg)
        return EXIT_BAD;
    if (cfg->routing)
        rc = simulate(self, cfg, str_eq(common.format, "json"), path, more_us);
    else
        rc = cli_fail(self, "the configuration has no 'route': alerts go to all receivers");
    config_unref(cfg);
    return rc;
}
