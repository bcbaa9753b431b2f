/* nines exclude: spans of time that objectives leave out. */
#include "cli/asking.h"
#include "cli/exclude.h"
#include "cli/table.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "base/when.h"
#include "engine/edit.h"
#include "engine/excluding.h"
#include "nines/config.h"
#include "nines/store_reader.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int64_t exclude_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * USEC_PER_SEC + now.tv_nsec / NSEC_PER_USEC;
}

int exclude_read(struct config *cfg, struct excluding **ret, struct store_reader **ret_r,
                 struct err *reterr)
{
    *ret_r = NULL;
    if (access(cfg->daemon.database, F_OK) == 0 &&
        store_reader_open(cfg->daemon.database, ret_r, reterr) < 0)
        return -1;
    if (excluding_read(cfg, *ret_r, ret, reterr) == 0)
        return 0;
    store_reader_free(*ret_r);
    return -1;
}

/* ---- nines exclude add --------------------------------------------------------------- */

static const struct command command_add = {
    .name = "exclude add",
    .arguments = "",
    .summary = "exclude a span of time, once or again and again",
    .details =
        "The span is from --from to --to, or --for so long; it may be past. It is of the SLOs\n"
        "that are all of what --slo, --service and --label say. Times are RFC 3339, or by the\n"
        "clocks of --timezone: '2026-11-22 02:00'. Nothing of it may be excluded already.\n"
        "While `nines run` holds the database it goes through it, and is in force at once.\n\n"
        "Examples:\n"
        "  nines exclude add --slo api --from 2026-11-20T14:05:00Z --to 2026-11-20T14:50:00Z \\\n"
        "      --reason 'the region of the cloud was down'\n"
        "  nines exclude add --service agents --from '2026-11-29 02:00' --for 2h \\\n"
        "      --timezone Europe/Berlin --rrule 'FREQ=MONTHLY;BYDAY=-1SU' --reason maintenance\n",
};

struct adding {
    const struct command *self;
    const char *from, *to, *mode, *rrule, *timezone, *service, *reason, *author;
    int64_t for_us;
    struct option_list slos, labels;
    struct pair pairs[countof(((struct option_list *)0)->at)];
    char *keys[countof(((struct option_list *)0)->at)]; /* of the pairs */
    struct exclusion x;
};

static int take_labels(struct adding *a)
{
    for (size_t i = 0; i < a->labels.n; i++) {
        const char *text = a->labels.at[i], *equals = strchr(text, '=');
        if (!equals || equals == text)
            return cli_usage(a->self, "--label is KEY=VALUE; found '%s'", text);
        a->keys[i] = mem_strndup(text, strcspn(text, "="));
        a->pairs[i] = (struct pair){.key = a->keys[i], .value = equals + 1};
        a->x.labels = (struct string_map){a->pairs, i + 1};
    }
    return -1;
}

static int take_mode(struct adding *a)
{
    for (int m = EXCLUSION_DROP; m <= EXCLUSION_COUNT_GOOD; m++) {
        a->x.mode = (enum exclusion_mode)m;
        if (str_eq(a->mode, exclusion_mode_name(a->x.mode)))
            return -1;
    }
    return cli_usage(a->self, "--mode is drop or count_good; found '%s'", a->mode);
}

static int take_times(struct adding *a)
{
    struct err err;
    if (!a->from)
        return cli_usage(a->self, "--from is missing");
    if ((a->to != NULL) == (a->for_us != 0))
        return cli_usage(a->self, "expected one of --to and --for");
    if (exclusion_time(a->from, a->timezone, &a->x.from_us, &err) < 0)
        return cli_usage(a->self, "--from: %s", err.msg);
    a->x.to_us = a->x.from_us + a->for_us;
    if (a->to && exclusion_time(a->to, a->timezone, &a->x.to_us, &err) < 0)
        return cli_usage(a->self, "--to: %s", err.msg);
    return -1;
}

/* -1, or an exit code once told. */
static int take_all(struct adding *a)
{
    struct err err;
    const char *key;
    a->x.slos = (struct string_list){a->slos.at, a->slos.n};
    a->x.service = a->service;
    a->x.rrule = a->rrule;
    a->x.timezone = a->timezone ? a->timezone : "UTC";
    a->x.reason = a->reason;
    a->x.author = a->author ? a->author : cli_user_name();
    int rc = take_labels(a);
    if (rc < 0)
        rc = take_mode(a);
    if (rc < 0)
        rc = take_times(a);
    if (rc >= 0)
        return rc;
    if (a->x.slos.n == 0 && !a->service && a->x.labels.n == 0)
        return cli_usage(a->self, "which SLOs? Expected --slo, --service or --label");
    if (!*a->reason)
        return cli_usage(a->self, "--reason is missing: it is what reports will show");
    if (exclusion_check(&a->x, &key, &err) < 0)
        return cli_usage(a->self, "--%s: %s", str_eq(key, "to") && !a->to ? "for" : key, err.msg);
    return -1;
}

static json_t *make_request(const struct exclusion *x, int64_t seen)
{
    json_t *slos = json_array(), *labels = json_object();
    for (size_t i = 0; i < x->slos.n; i++)
        json_array_append_new(slos, json_string(x->slos.at[i]));
    for (size_t i = 0; i < x->labels.n; i++)
        json_object_set_new(labels, x->labels.at[i].key, json_string(x->labels.at[i].value));
    return json_pack("{s:s, s:I, s:s, s:I, s:I, s:s, s:s, s:o, s:s, s:o, s:s, s:s, s:I}", "do",
                     "exclude", "seen", (json_int_t)seen, "mode", exclusion_mode_name(x->mode),
                     "from_us", (json_int_t)x->from_us, "to_us", (json_int_t)x->to_us, "rrule",
                     x->rrule ? x->rrule : "", "timezone", x->timezone, "slos", slos, "service",
                     x->service ? x->service : "", "labels", labels, "reason", x->reason, "author",
                     x->author, "created_us", (json_int_t)exclude_now_us());
}

/* Whether it may be added to what is there; the newest number of that. */
static int look(struct config *cfg, const struct exclusion *x, int64_t *ret_seen,
                struct err *reterr)
{
    struct arena arena = {0};
    struct excluding *known;
    struct store_reader *r;
    struct exclusion *stored;
    size_t n = 0;
    if (exclude_read(cfg, &known, &r, reterr) < 0)
        return -1;
    int rc = excluding_check_new(known, x, reterr);
    if (rc == 0 && r)
        rc = store_reader_exclusions(r, &arena, &stored, &n, reterr);
    *ret_seen = rc == 0 && n > 0 ? stored[n - 1].id : 0;
    arena_release(&arena);
    store_reader_free(r);
    excluding_unref(known);
    return rc;
}

static int add(struct adding *a, struct config *cfg, bool json)
{
    struct err err;
    int64_t seen;
    json_t *answer;
    if (look(cfg, &a->x, &seen, &err) < 0)
        return cli_fail(a->self, "%s", err.msg);
    int rc = cli_ask(a->self, cfg, make_request(&a->x, seen), &answer);
    if (rc >= 0)
        return rc;
    json_int_t id = json_integer_value(json_object_get(answer, "id"));
    printf("%s%" PRId64 "%s\n", json ? "{\"id\":" : "exclusion ", (int64_t)id, json ? "}" : "");
    json_decref(answer);
    return EXIT_GOOD;
}

static int run_add(int argc, char **argv)
{
    struct adding a = {.self = &command_add, .mode = "drop", .reason = ""};
    struct cli_common common = {0};
    const struct cli_option options[] = {
        {"slo", 's', OPT_STRINGS, &a.slos, "NAME", "of this SLO; several times: of these"},
        {"service", 0, OPT_STRING, &a.service, "NAME", "of SLOs of this service"},
        {"label", 'l', OPT_STRINGS, &a.labels, "KEY=VALUE", "of SLOs with this label"},
        {"from", 0, OPT_STRING, &a.from, "TIME", "where it begins: the first one, with --rrule"},
        {"to", 0, OPT_STRING, &a.to, "TIME", "where it ends"},
        {"for", 0, OPT_DURATION, &a.for_us, "DURATION", "how long it is, instead of --to"},
        {"rrule", 0, OPT_STRING, &a.rrule, "RULE", "it recurs: FREQ=WEEKLY;BYDAY=SU"},
        {"timezone", 0, OPT_STRING, &a.timezone, "ZONE",
         "whose clocks; a rule goes by UTC without it"},
        {"mode", 'm', OPT_STRING, &a.mode, "MODE", "drop, the default, or count_good"},
        {"reason", 'r', OPT_STRING, &a.reason, "TEXT", "why, in one line"},
        {"author", 0, OPT_STRING, &a.author, "NAME", "who says so; $USER by default"},
        {0},
    };
    int first, rc = cli_parse(a.self, options, argc, argv, &common, &first);
    if (rc >= 0)
        return rc;
    if (first < argc)
        return cli_usage(a.self, "unexpected argument '%s'", argv[first]);
    rc = take_all(&a);
    struct config *cfg = rc < 0 ? cli_config(a.self, &common, true) : NULL;
    if (rc < 0)
        rc = cfg ? add(&a, cfg, common.format && str_eq(common.format, "json")) : EXIT_BAD;
    config_unref(cfg);
    for (size_t i = 0; i < a.x.labels.n; i++)
        mem_free(&a.keys[i]);
    return rc;
}

/* ---- nines exclude remove ------------------------------------------------------------- */

static const struct command command_remove = {
    .name = "exclude remove",
    .arguments = "ID",
    .summary = "take an exclusion back",
    .details = "ID is the number that `nines exclude list` shows. From then on reports are as if\n"
               "it had never been; that it was there, and who removed it, stays on record. Those\n"
               "that a file declares are removed there.\n\n"
               "Examples:\n"
               "  nines exclude remove 12\n",
};

/* Asking would make the database that is missing. */
static int forget(const struct command *self, const struct config *cfg, long long id,
                  const char *author)
{
    struct store_reader *r;
    struct err err;
    json_t *answer;
    if (store_reader_open(cfg->daemon.database, &r, &err) < 0)
        return cli_fail(self, "%s", err.msg);
    store_reader_free(r);
    int rc = cli_ask(self, cfg,
                     json_pack("{s:s, s:I, s:I, s:s}", "do", "forget_exclusion", "id",
                               (json_int_t)id, "at_us", (json_int_t)exclude_now_us(), "by", author),
                     &answer);
    json_decref(answer);
    return rc < 0 ? EXIT_GOOD : rc;
}

static int run_remove(int argc, char **argv)
{
    const struct command *self = &command_remove;
    struct cli_common common = {0};
    const char *author = NULL;
    int64_t id;
    const struct cli_option options[] = {
        {"author", 0, OPT_STRING, &author, "NAME", "who says so; $USER by default"},
        {0},
    };
    int first, rc = cli_parse(self, options, argc, argv, &common, &first);
    if (rc >= 0)
        return rc;
    if (argc - first != 1)
        return cli_usage(self, "expected the number of one exclusion");
    if (!cli_id(argv[first], &id))
        return cli_usage(self, "expected a number; found '%s'", argv[first]);
    struct config *cfg = cli_config(self, &common, true);
    if (!cfg)
        return EXIT_BAD;
    rc = forget(self, cfg, id, author ? author : cli_user_name());
    config_unref(cfg);
    return rc;
}

/* ---- nines exclude ----------------------------------------------------------------------- */

static int run(const struct command *self, int argc, char **argv)
{
    static const struct cli_verb verbs[] = {
        {"add", run_add}, {"list", exclude_list}, {"remove", run_remove}, {0}};
    return cli_run_verb(self, verbs, argc, argv);
}

const struct command command_exclude = {
    .name = "exclude",
    .arguments = "[add|list|remove]",
    .summary = "take spans of time out of objectives",
    .details = "  nines exclude add          exclude a span, past or to come\n"
               "  nines exclude list         list what is excluded, declared or added\n"
               "  nines exclude remove ID    take one back\n\n"
               "Examples:\n"
               "  nines exclude add --slo api --from 2026-11-29T02:00:00Z --for 1h --reason move\n"
               "  nines exclude list --all --json\n",
    .run = run,
};
