/* nines silence: alerts that nobody is to be told of for a time. */
#include "cli/asking.h"
#include "cli/silence.h"
#include "cli/table.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "base/vec.h"
#include "base/when.h"
#include "engine/edit.h"
#include "model/matcher.h"
#include "model/message.h"
#include "nines/config.h"
#include "nines/store_reader.h"
#include "report/fmt.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX ((size_t)16 << 20)
#define SHOWN_MAX 20 /* alerts that are named */

int silence_read(const struct config *cfg, struct silencing *ret, struct err *reterr)
{
    struct store_reader *r = NULL;
    if (access(cfg->daemon.database, F_OK) == 0 &&
        store_reader_open(cfg->daemon.database, &r, reterr) < 0)
        return -1;
    int rc = silencing_read(r, ret, reterr);
    store_reader_free(r);
    return rc;
}

/* As people read it: Name{slo="a"}. */
static void put_alert(const struct message_alert *a, struct str *out)
{
    const char *name = message_label(&a->labels, "alertname"), *sep = "";
    str_addf(out, "%s{", name ? name : "");
    for (size_t i = 0; i < a->labels.n; i++) {
        const struct pair *l = &a->labels.at[i];
        if (str_eq(l->key, "alertname"))
            continue;
        str_addf(out, "%s%s=", sep, l->key);
        message_quote(l->value, strlen(l->value), out);
        sep = ", ";
    }
    str_addc(out, '}');
}

/* ---- nines silence add --------------------------------------------------------------- */

static const struct command command_add = {
    .name = "silence add",
    .arguments = "MATCHER...",
    .summary = "mute alerts for a time",
    .details =
        "Nobody is told of alerts whose labels all matchers match: LABEL=VALUE, LABEL!=VALUE,\n"
        "LABEL=~REGEX or LABEL!~REGEX, as amtool takes them; a word alone is the name of an\n"
        "alert. An alert that resolves meanwhile is not told of; one that still fires when the\n"
        "silence ends is, at the next turn of its group. While `nines run` holds the database\n"
        "it goes through it, and is in force at once.\n\n"
        "Examples:\n"
        "  nines silence add --for 2h --comment 'new disks' --slo api-availability\n"
        "  nines silence add --for 30m --comment tests ErrorBudgetBurn severity=warning\n"
        "  nines silence add --from 2026-11-29T02:00:00Z --until 2026-11-29T04:00:00Z \\\n"
        "      --comment 'move of the data centre' 'service=~\"(agent|tool)-api\"'\n",
};

struct adding {
    const struct command *self;
    int64_t from_us, until_us, for_us;
    const char *comment, *author;
    struct option_list slos, services;
    struct arena arena;
    struct matchers matchers;
    bool json;
};

/* An argument with no operator in it is the name of an alert. */
static int take_matcher(struct adding *a, const char *text)
{
    struct err err;
    size_t at = 0, before = a->matchers.n;
    if (!*text)
        return cli_usage(a->self, "a matcher is empty; expected LABEL=VALUE");
    if (!strpbrk(text, "=!~{}")) {
        if (matchers_add(&a->matchers, &a->arena, "alertname", MATCH_EQUAL, text, &err) < 0)
            return cli_usage(a->self, "'%.200s': %s", text, err.msg);
        return -1;
    }
    if (matchers_parse(text, &a->arena, &a->matchers, &at, &err) < 0)
        return cli_usage(a->self, "'%.200s', at byte %zu: %s", text, at + 1, err.msg);
    if (a->matchers.n == before)
        return cli_usage(a->self, "'%.200s' is no matcher; expected LABEL=VALUE", text);
    return -1;
}

static int take_names(struct adding *a, const char *label, const struct option_list *names)
{
    struct err err;
    for (size_t i = 0; i < names->n; i++)
        if (matchers_add(&a->matchers, &a->arena, label, MATCH_EQUAL, names->at[i], &err) < 0)
            return cli_usage(a->self, "--%s: %s", label, err.msg);
    return -1;
}

static int take_matchers(struct adding *a, int n, char **words)
{
    int rc = take_names(a, "slo", &a->slos);
    if (rc < 0)
        rc = take_names(a, "service", &a->services);
    for (int i = 0; rc < 0 && i < n; i++)
        rc = take_matcher(a, words[i]);
    if (rc < 0 && a->matchers.n == 0)
        rc = cli_usage(a->self, "which alerts? Expected LABEL=VALUE, --slo or --service");
    return rc;
}

static int take_options(struct adding *a)
{
    if ((a->until_us != 0) == (a->for_us != 0))
        return cli_usage(a->self, "expected one of --for and --until");
    if (!*a->comment)
        return cli_usage(a->self, "--comment is missing: it says why, to whoever wonders");
    return -1;
}

/* What --slo and --service name must be there: else they are misspelt. */
static int check_names(const struct adding *a, const struct config *cfg)
{
    VEC(const char *) slos = {0}, services = {0};
    int rc = -1;
    for (size_t i = 0; i < cfg->slo_count; i++) {
        vec_push(&slos, cfg->slos[i]->name);
        vec_push(&services, cfg->slos[i]->service);
    }
    const struct {
        const char *what;
        const struct option_list *asked;
        const char *const *known;
        size_t n;
    } sets[] = {{"SLO", &a->slos, slos.at, slos.len},
                {"service", &a->services, services.at, services.len}};
    for (size_t k = 0; k < countof(sets); k++)
        for (size_t i = 0; rc < 0 && i < sets[k].asked->n; i++) {
            const char *name = sets[k].asked->at[i];
            size_t j = 0;
            while (j < sets[k].n && !str_eq(sets[k].known[j], name))
                j++;
            const char *near = j < sets[k].n ? NULL : str_nearest(name, sets[k].known, sets[k].n);
            if (j == sets[k].n)
                rc = cli_fail(a->self, "no %s has the name '%s'%s%s%s", sets[k].what, name,
                              near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
        }
    vec_release(&slos);
    vec_release(&services);
    return rc;
}

static void show_json(const struct adding *a, int64_t id, int64_t starts, int64_t ends,
                      const struct silencing *known)
{
    struct silence silence = {.matchers = a->matchers,
                              .starts_us = starts,
                              .ends_us = ends,
                              .author = a->author,
                              .comment = a->comment};
    struct stored_silence stored = {.id = id, .silence = &silence, .created_us = clock_wall_us()};
    const char *sep = "";
    struct str line;
    str_init(&line, LINE_MAX);
    str_addc(&line, '{');
    silencing_put_json(&stored, stored.created_us, &line);
    str_add(&line, ",\"alerts\":[");
    for (size_t i = 0; i < known->alert_count; i++) {
        if (!matchers_match(&a->matchers, &known->alerts[i].labels))
            continue;
        str_add(&line, sep);
        silencing_put_map(&known->alerts[i].labels, &line);
        sep = ",";
    }
    str_add(&line, "]}");
    puts(line.buf);
    str_release(&line);
}

static void show_alerts(const struct adding *a, const struct silencing *known, bool later)
{
    size_t n = silencing_count(known, &a->matchers), shown = 0;
    struct str line, clean;
    if (n == 0) {
        fprintf(stderr, "nines silence add: warning: no alert that is on now has these labels; "
                        "'nines alerts list' shows those that are\n");
        return;
    }
    printf("%s %zu alert%s on now:\n", later ? "it will mute, if they still fire," : "it mutes", n,
           n == 1 ? " that is" : "s that are");
    str_init(&line, LINE_MAX);
    str_init(&clean, LINE_MAX);
    for (size_t i = 0; i < known->alert_count && shown < SHOWN_MAX; i++) {
        if (!matchers_match(&a->matchers, &known->alerts[i].labels))
            continue;
        str_clear(&line);
        str_clear(&clean);
        put_alert(&known->alerts[i], &line);
        fmt_clean(&clean, line.buf, SIZE_MAX);
        printf("  %s\n", clean.buf);
        shown++;
    }
    if (shown < n)
        printf("  and %zu more\n", n - shown);
    str_release(&line);
    str_release(&clean);
}

static void show_text(const struct adding *a, int64_t id, int64_t starts, int64_t ends,
                      const struct silencing *known)
{
    char from[WHEN_MAX], to[WHEN_MAX], span[UNITS_MAX];
    bool later = a->from_us != 0 && starts == a->from_us;
    printf("silence %" PRId64 ", %s%s%suntil %s (%s)\n", id, later ? "from " : "",
           later ? when_text(from, starts) : "", later ? " " : "", when_text(to, ends),
           units_duration(span, ends - starts));
    show_alerts(a, known, later);
}

static json_t *make_request(const struct adding *a)
{
    struct str text;
    str_init(&text, EDIT_REQUEST_MAX);
    matchers_text(&a->matchers, &text);
    json_t *request =
        text.overflow ? NULL
                      : json_pack("{s:s, s:s, s:I, s:I, s:I, s:s, s:s}", "do", "silence",
                                  "matchers", text.buf, "from_us", (json_int_t)a->from_us, "to_us",
                                  (json_int_t)a->until_us, "for_us", (json_int_t)a->for_us,
                                  "author", a->author, "comment", a->comment);
    str_release(&text);
    return request;
}

static int add(struct adding *a, const struct config *cfg)
{
    struct silencing known;
    struct err err;
    json_t *answer;
    int rc = check_names(a, cfg);
    if (rc >= 0)
        return rc;
    if (silence_read(cfg, &known, &err) < 0)
        return cli_fail(a->self, "%s", err.msg);
    rc = cli_ask(a->self, cfg, make_request(a), &answer);
    if (rc < 0) {
        int64_t id = json_integer_value(json_object_get(answer, "id"));
        int64_t starts = json_integer_value(json_object_get(answer, "starts_us"));
        int64_t ends = json_integer_value(json_object_get(answer, "ends_us"));
        (a->json ? show_json : show_text)(a, id, starts, ends, &known);
        json_decref(answer);
        rc = EXIT_GOOD;
    }
    silencing_release(&known);
    return rc;
}

static int run_add(int argc, char **argv)
{
    struct adding a = {.self = &command_add, .comment = ""};
    struct cli_common common = {0};
    const struct cli_option options[] = {
        {"for", 0, OPT_DURATION, &a.for_us, "DURATION", "how long"},
        {"until", 0, OPT_TIME, &a.until_us, "TIME", "until when, instead of --for"},
        {"from", 0, OPT_TIME, &a.from_us, "TIME", "from when on; now by default"},
        {"comment", 0, OPT_STRING, &a.comment, "TEXT", "why, in one line"},
        {"author", 0, OPT_STRING, &a.author, "NAME", "who says so; $USER by default"},
        {"slo", 's', OPT_STRINGS, &a.slos, "NAME", "alerts of this SLO: slo=NAME"},
        {"service", 0, OPT_STRINGS, &a.services, "NAME", "of this service: service=NAME"},
        {0},
    };
    int first, rc = cli_parse(a.self, options, argc, argv, &common, &first);
    if (rc >= 0)
        return rc;
    if (common.format && !str_eq(common.format, "text") && !str_eq(common.format, "json"))
        return cli_usage(a.self, "--format is text or json; found '%s'", common.format);
    a.json = str_eq(common.format, "json");
    a.author = a.author ? a.author : cli_user_name();
    rc = take_matchers(&a, argc - first, argv + first);
    if (rc < 0)
        rc = take_options(&a);
    struct config *cfg = rc < 0 ? cli_config(a.self, &common, true) : NULL;
    if (rc < 0)
        rc = cfg ? add(&a, cfg) : EXIT_BAD;
    config_unref(cfg);
    matchers_release(&a.matchers);
    arena_release(&a.arena);
    return rc;
}

/* ---- nines silence expire ------------------------------------------------------------- */

static const struct command command_expire = {
    .name = "silence expire",
    .arguments = "ID...",
    .summary = "end silences before their time",
    .details =
        "IDs are the numbers that `nines silence list` shows. What still fires is told of at\n"
        "the next turn of its group. One that is over already, or was never there, is an\n"
        "error, and none of them is ended then. That it was there, and who ended it,\n"
        "stays on record.\n\n"
        "Examples:\n"
        "  nines silence expire 12\n"
        "  nines silence expire 12 13 --author on-call\n",
};

static int take_ids(const struct command *self, int n, char **words, json_t *ids)
{
    int64_t id;
    if (n == 0)
        return cli_usage(self, "expected the numbers of silences");
    for (int i = 0; i < n; i++) {
        if (!cli_id(words[i], &id))
            return cli_usage(self, "expected a number; found '%.100s'", words[i]);
        json_array_append_new(ids, json_integer(id));
    }
    return -1;
}

/* Asking would make the database that is missing. */
static int expire(const struct command *self, const struct config *cfg, json_t *ids,
                  const char *author)
{
    struct store_reader *r;
    struct err err;
    json_t *answer;
    if (store_reader_open(cfg->daemon.database, &r, &err) < 0)
        return cli_fail(self, "%s", err.msg);
    store_reader_free(r);
    int rc = cli_ask(
        self, cfg, json_pack("{s:s, s:O, s:s}", "do", "expire_silences", "ids", ids, "by", author),
        &answer);
    json_decref(answer);
    return rc < 0 ? EXIT_GOOD : rc;
}

static int run_expire(int argc, char **argv)
{
    const struct command *self = &command_expire;
    struct cli_common common = {0};
    const char *author = NULL;
    const struct cli_option options[] = {
        {"author", 0, OPT_STRING, &author, "NAME", "who says so; $USER by default"},
        {0},
    };
    int first, rc = cli_parse(self, options, argc, argv, &common, &first);
    if (rc >= 0)
        return rc;
    json_t *ids = json_array();
    rc = take_ids(self, argc - first, argv + first, ids);
    struct config *cfg = rc < 0 ? cli_config(self, &common, true) : NULL;
    if (rc < 0)
        rc = cfg ? expire(self, cfg, ids, author ? author : cli_user_name()) : EXIT_BAD;
    config_unref(cfg);
    json_decref(ids);
    return rc;
}

/* ---- nines silence ----------------------------------------------------------------------- */

static int run(const struct command *self, int argc, char **argv)
{
    static const struct cli_verb verbs[] = {
        {"add", run_add}, {"list", silence_list}, {"expire", run_expire}, {0}};
    return cli_run_verb(self, verbs, argc, argv);
}

const struct command command_silence = {
    .name = "silence",
    .arguments = "[add|list|expire]",
    .summary = "mute alerts for a time",
    .details = "  nines silence add MATCHER...    mute alerts with these labels\n"
               "  nines silence list              list what is mute, and will be\n"
               "  nines silence expire ID...      end silences before their time\n\n"
               "Examples:\n"
               "  nines silence add --for 2h --comment 'new disks' --slo api-availability\n"
               "  nines silence list\n"
               "  nines silence expire 12\n",
    .run = run,
};
