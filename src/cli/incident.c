/* nines incident: what went wrong, from when to when. */
#include "cli/asking.h"
#include "cli/incident.h"
#include "cli/table.h"

#include "base/mem.h"
#include "base/str.h"
#include "engine/edit.h"
#include "nines/config.h"
#include "nines/incident.h"
#include "nines/store_reader.h"

#include <inttypes.h>
#include <jansson.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

/* Who opens or closes one has a name, or nobody but an alert could have done it. */
static const char *user_name(void)
{
    const char *name = getenv("USER");
    const struct passwd *user = name && *name ? NULL : getpwuid(getuid());
    return name && *name ? name : user && *user->pw_name ? user->pw_name : "somebody";
}

/* Asking would make the database that is missing. */
static int ask_there(const struct command *self, const struct config *cfg, json_t *request)
{
    struct store_reader *r;
    struct err err;
    json_t *answer;
    if (store_reader_open(cfg->daemon.database, &r, &err) < 0) {
        json_decref(request);
        return cli_fail(self, "%s", err.msg);
    }
    store_reader_free(r);
    int rc = cli_ask(self, cfg, request, &answer);
    json_decref(answer);
    return rc < 0 ? EXIT_GOOD : rc;
}

int incident_number(const struct command *self, const char *text, int64_t *ret)
{
    if (!cli_id(text, ret))
        return cli_usage(self, "expected the number of an incident; found '%s'", text);
    return -1;
}

/* ---- nines incident open ------------------------------------------------------------ */

static const struct command command_open = {
    .name = "incident open",
    .arguments = "TITLE",
    .summary = "open an incident",
    .details =
        "An alert that pages opens one by itself; this is for what no alert saw. Alerts of the\n"
        "services and SLOs that are named come to it, and so do those that fire within 5\n"
        "minutes of when it began or was opened. It is open until `nines incident close`.\n"
        "While `nines run` holds the database it goes through it.\n\n"
        "Examples:\n"
        "  nines incident open 'answers in the wrong language' --service agent-api\n"
        "  nines incident open 'lost uploads' --began 2026-11-21T02:00:00Z \\\n"
        "      --detected 2026-11-21T07:30:00Z --severity ticket\n",
};

struct opening {
    const struct command *self;
    const char *title, *severity, *by;
    int64_t began_us, detected_us;
    struct option_list slos, services;
};

static int unknown(const struct command *self, const char *what, const char *name,
                   const char *const *known, size_t n)
{
    const char *near = str_nearest(name, known, n);
    if (near)
        return cli_fail(self, "there is no %s '%s'; did you mean '%s'?", what, name, near);
    return cli_fail(self, "there is no %s '%s'", what, name);
}

/* -1, or an exit code once told. */
static int check_names(const struct command *self, const struct config *cfg, const char *what,
                       const struct option_list *list, bool services)
{
    const char **known = mem_array(cfg->slo_count + 1, sizeof(*known));
    int rc = -1;
    for (size_t i = 0; i < cfg->slo_count; i++)
        known[i] = services ? cfg->slos[i]->service : cfg->slos[i]->name;
    for (size_t i = 0; rc < 0 && i < list->n; i++) {
        bool found = false;
        for (size_t k = 0; k < cfg->slo_count; k++)
            found |= str_eq(known[k], list->at[i]);
        if (!found)
            rc = unknown(self, what, list->at[i], known, cfg->slo_count);
    }
    free(known);
    return rc;
}

static json_t *make_list(const struct option_list *list)
{
    json_t *array = json_array();
    for (size_t i = 0; i < list->n; i++)
        json_array_append_new(array, json_string(list->at[i]));
    return array;
}

static int open_it(const struct opening *o, const struct config *cfg, bool json)
{
    json_t *answer;
    int rc = check_names(o->self, cfg, "SLO", &o->slos, false);
    if (rc < 0)
        rc = check_names(o->self, cfg, "service", &o->services, true);
    if (rc < 0)
        rc = cli_ask(o->self, cfg,
                     json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:o, s:o}", "do", "open_incident",
                               "title", o->title, "severity", o->severity, "by", o->by, "began_us",
                               (json_int_t)o->began_us, "detected_us", (json_int_t)o->detected_us,
                               "slos", make_list(&o->slos), "services", make_list(&o->services)),
                     &answer);
    if (rc >= 0)
        return rc;
    json_int_t id = json_integer_value(json_object_get(answer, "id"));
    printf("%s%" PRId64 "%s\n", json ? "{\"id\":" : "incident ", (int64_t)id, json ? "}" : "");
    json_decref(answer);
    return EXIT_GOOD;
}

static int run_open(int argc, char **argv)
{
    struct opening o = {.self = &command_open, .severity = "page", .by = user_name()};
    struct cli_common common = {0};
    const struct cli_option options[] = {
        {"began", 0, OPT_TIME, &o.began_us, "TIME", "when it began; as its alerts tell, or now"},
        {"detected", 0, OPT_TIME, &o.detected_us, "TIME", "when somebody noticed; now by default"},
        {"severity", 0, OPT_STRING, &o.severity, "NAME", "page, the default, or ticket"},
        {"slo", 's', OPT_STRINGS, &o.slos, "NAME", "it is about this SLO; may be repeated"},
        {"service", 0, OPT_STRINGS, &o.services, "NAME", "... about this service; may be repeated"},
        {"by", 0, OPT_STRING, &o.by, "NAME", "who says so; $USER by default"},
        {0},
    };
    int first, rc = cli_parse(o.self, options, argc, argv, &common, &first);
    if (rc >= 0)
        return rc;
    if (argc - first != 1)
        return cli_usage(o.self, "expected one title, in quotes");
    if (!str_eq(o.severity, "page") && !str_eq(o.severity, "ticket"))
        return cli_usage(o.self, "--severity is page or ticket; found '%s'", o.severity);
    o.title = argv[first];
    struct config *cfg = cli_config(o.self, &common, true);
    if (!cfg)
        return EXIT_BAD;
    rc = open_it(&o, cfg, common.format && str_eq(common.format, "json"));
    config_unref(cfg);
    return rc;
}

/* ---- nines incident note ------------------------------------------------------------ */

static const struct command command_note = {
    .name = "incident note",
    .arguments = "ID TEXT",
    .summary = "write a note on an incident",
    .details = "What was found, tried and done: `nines incident show` has it in its place.\n"
               "Closed incidents take notes, too.\n\n"
               "Examples:\n"
               "  nines incident note 3 'rolled back to 2.3.1'\n"
               "  nines incident note 3 --at 2026-11-21T10:05:00Z 'called the provider'\n",
};

static int run_note(int argc, char **argv)
{
    const struct command *self = &command_note;
    struct cli_common common = {0};
    const char *by = user_name();
    int64_t at_us = 0, id = 0;
    const struct cli_option options[] = {
        {"at", 0, OPT_TIME, &at_us, "TIME", "when it was; now by default"},
        {"by", 0, OPT_STRING, &by, "NAME", "who says so; $USER by default"},
        {0},
    };
    int first, rc = cli_parse(self, options, argc, argv, &common, &first);
    if (rc >= 0)
        return rc;
    if (argc - first != 2)
        return cli_usage(self, "expected the number of an incident and one text, in quotes");
    if ((rc = incident_number(self, argv[first], &id)) >= 0)
        return rc;
    struct config *cfg = cli_config(self, &common, true);
    if (!cfg)
        return EXIT_BAD;
    rc = ask_there(self, cfg,
                   json_pack("{s:s, s:I, s:I, s:s, s:s}", "do", "note_incident", "id",
                             (json_int_t)id, "at_us", (json_int_t)at_us, "by", by, "text",
                             argv[first + 1]));
    config_unref(cfg);
    return rc;
}

/* ---- nines incident close ----------------------------------------------------------- */

static const struct command command_close = {
    .name = "incident close",
    .arguments = "ID",
    .summary = "close an incident",
    .details =
        "It was over at --restored; alerts that fired later are none of it. Without that it\n"
        "was over when its alerts ceased, or now if they have not. What a person has closed\n"
        "stays closed: an alert that it has may go on, one that fires anew opens another.\n"
        "One that its last page has closed takes --restored once, too.\n\n"
        "Examples:\n"
        "  nines incident close 3\n"
        "  nines incident close 3 --restored 2026-11-21T10:40:00Z\n",
};

static int run_close(int argc, char **argv)
{
    const struct command *self = &command_close;
    struct cli_common common = {0};
    const char *by = user_name();
    int64_t restored_us = 0, id = 0;
    const struct cli_option options[] = {
        {"restored", 0, OPT_TIME, &restored_us, "TIME", "when it was over"},
        {"by", 0, OPT_STRING, &by, "NAME", "who says so; $USER by default"},
        {0},
    };
    int first, rc = cli_parse(self, options, argc, argv, &common, &first);
    if (rc >= 0)
        return rc;
    if (argc - first != 1)
        return cli_usage(self, "expected the number of one incident");
    if ((rc = incident_number(self, argv[first], &id)) >= 0)
        return rc;
    struct config *cfg = cli_config(self, &common, true);
    if (!cfg)
        return EXIT_BAD;
    rc = ask_there(self, cfg,
                   json_pack("{s:s, s:I, s:s, s:I}", "do", "close_incident", "id", (json_int_t)id,
                             "by", by, "restored_us", (json_int_t)restored_us));
    config_unref(cfg);
    return rc;
}

/* ---- nines incident ----------------------------------------------------------------- */

static int run(const struct command *self, int argc, char **argv)
{
    static const struct cli_verb verbs[] = {{"open", run_open},      {"note", run_note},
                                            {"close", run_close},    {"list", incident_list},
                                            {"show", incident_show}, {0}};
    return cli_run_verb(self, verbs, argc, argv);
}

const struct command command_incident = {
    .name = "incident",
    .arguments = "[open|note|close|list|show]",
    .summary = "tell what went wrong, from when to when",
    .details = "  nines incident open TITLE      open one that no alert has opened\n"
               "  nines incident note ID TEXT    write a note on one\n"
               "  nines incident close ID        close one\n"
               "  nines incident list            list them, with their times\n"
               "  nines incident show ID         show what happened in one\n\n"
               "Alerts that page open incidents, and close them: docs/incidents.md.\n\n"
               "Examples:\n"
               "  nines incident list --open\n"
               "  nines incident note 3 'rolled back to 2.3.1'\n",
    .run = run,
};
