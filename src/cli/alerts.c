/* nines alerts: which way an alert goes; what is said of it: alerts_render.c. */
#include "cli/alerts.h"
#include "cli/cli.h"
#include "cli/table.h"

#include "alert/route.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "model/message.h"
#include "nines/config.h"

#include <jansson.h>
#include <string.h>

#define LABELS_MAX 64
#define LINE_MAX_BYTES (64 << 10)

struct labels {
    struct pair at[LABELS_MAX];
    struct string_map map;
};

static int add_label(struct labels *l, const char *name, const char *value, struct err *reterr)
{
    if (!*name)
        return err_set(reterr, "a label has a name");
    if (l->map.n == LABELS_MAX)
        return err_set(reterr, "at most %d labels", LABELS_MAX);
    for (size_t i = 0; i < l->map.n; i++)
        if (str_eq(l->at[i].key, name))
            return err_set(reterr, "the label '%.60s' is there twice", name);
    l->at[l->map.n++] = (struct pair){.key = name, .value = value};
    return 0;
}

/* `severity=page`; the value may be in double quotes, as amtool has it. */
static int parse_label(struct labels *l, struct arena *a, const char *text, struct err *reterr)
{
    const char *equals = strchr(text, '=');
    if (!equals)
        return err_set(reterr, "expected LABEL=VALUE; found '%.100s'", text);
    const char *value = equals + 1;
    size_t n = strlen(value);
    if (n >= 2 && value[0] == '"' && value[n - 1] == '"')
        value = arena_strndup(a, value + 1, n - 2);
    return add_label(l, arena_strndup(a, text, (size_t)(equals - text)), value, reterr);
}

static void labels_ready(struct labels *l)
{
    l->map.at = l->at;
    message_sort_map(&l->map);
}

static int parse_line(struct labels *l, const char *text, json_t **ret, struct err *reterr)
{
    json_error_t error;
    const char *key;
    json_t *value;
    *ret = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(*ret))
        return err_set(reterr, "expected a JSON object of labels, {\"severity\":\"page\"}");
    json_object_foreach(*ret, key, value)
    {
        if (!json_is_string(value))
            return err_set(reterr, "the label '%.60s': expected a text", key);
        if (add_label(l, key, json_string_value(value), reterr) < 0)
            return -1;
    }
    return 0;
}

struct answer {
    const struct routing_def *routing;
    bool json;
};

static int answer(const struct answer *how, struct labels *l)
{
    labels_ready(l);
    return how->json ? alerts_route_json(how->routing, &l->map)
                     : alerts_route_text(how->routing, &l->map);
}

/* One set in each line; what fails names the line. */
static int answer_lines(const struct command *self, const struct answer *how)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t n;
    int rc = 0;
    for (long number = 1; rc == 0 && (n = getline(&line, &room, stdin)) > 0; number++) {
        struct labels l = {0};
        struct err err = {0};
        json_t *object = NULL;
        if (line[strspn(line, " \t\r\n")] == '\0')
            continue;
        if (n > LINE_MAX_BYTES || strlen(line) != (size_t)n)
            rc = err_set(&err, "expected a line of text, at most %d bytes", LINE_MAX_BYTES);
        else
            rc = parse_line(&l, line, &object, &err);
        if (rc == 0)
            rc = answer(how, &l);
        else
            cli_fail(self, "line %ld: %s", number, err.msg);
        json_decref(object);
    }
    free(line);
    return rc < 0 ? EXIT_BAD : EXIT_GOOD;
}

static int answer_words(const struct command *self, const struct answer *how, int n, char **words)
{
    struct arena arena = {0};
    struct labels l = {0};
    struct err err;
    int rc = 0;
    for (int i = 0; rc == 0 && i < n; i++)
        rc = parse_label(&l, &arena, words[i], &err);
    if (rc < 0)
        rc = cli_usage(self, "%s", err.msg);
    else
        rc = answer(how, &l) < 0 ? EXIT_BAD : EXIT_GOOD;
    arena_release(&arena);
    return rc;
}

/* ---- nines alerts route ------------------------------------------------------------------ */

static const struct command command_route = {
    .name = "alerts route",
    .arguments = "[LABEL=VALUE...|-]",
    .summary = "show which receivers an alert reaches, and why",
    .details = "Walks the routes of the configuration with an alert of these labels and shows\n"
               "each route that it takes: the receiver, the matchers that led there, and the\n"
               "group that it joins. Nothing is sent. With - there is one set of labels in\n"
               "each line of standard input, as a JSON object.\n\n"
               "Examples:\n"
               "  nines alerts route severity=critical service=agent-api\n"
               "  nines alerts route --tree\n"
               "  echo '{\"severity\":\"critical\"}' | nines alerts route --json -\n",
};

static int route(const struct command *self, const struct config *cfg, struct answer *how,
                 bool tree, int n, char **words)
{
    how->routing = cfg->routing;
    if (!cfg->routing)
        return cli_fail(self, "the configuration has no 'route': alerts go to all receivers");
    if (tree)
        return how->json ? alerts_tree_json(cfg->routing) : alerts_tree_text(cfg->routing);
    if (n == 1 && str_eq(words[0], "-"))
        return answer_lines(self, how);
    return answer_words(self, how, n, words);
}

static int run_route(int argc, char **argv)
{
    const struct command *self = &command_route;
    struct cli_common common = {0};
    bool tree = false;
    const struct cli_option options[] = {
        {"tree", 't', OPT_FLAG, &tree, NULL, "show all routes"},
        {0},
    };
    int first, rc = cli_parse(self, options, argc, argv, &common, &first);
    if (rc >= 0)
        return rc;
    if (common.format && !str_eq(common.format, "text") && !str_eq(common.format, "json"))
        return cli_usage(self, "--format is text or json; found '%s'", common.format);
    if (tree && first < argc)
        return cli_usage(self, "--tree is of all routes; unexpected argument '%s'", argv[first]);
    struct config *cfg = cli_config(self, &common, true);
    if (!cfg)
        return EXIT_BAD;
    struct answer how = {.json = str_eq(common.format, "json")};
    rc = route(self, cfg, &how, tree, argc - first, argv + first);
    config_unref(cfg);
    return rc;
}

/* ---- nines alerts ------------------------------------------------------------------------ */

static int run(const struct command *self, int argc, char **argv)
{
    static const struct cli_verb verbs[] = {
        {"history", alerts_history}, {"list", alerts_list},
        {"render", alerts_render},   {"retry", alerts_retry},
        {"route", run_route},        {"simulate", alerts_simulate},
        {"test", alerts_test},       {0},
    };
    return cli_run_verb(self, verbs, argc, argv);
}

const struct command command_alerts = {
    .name = "alerts",
    .arguments = "[history|list|render|retry|route|simulate|test]",
    .summary = "show alerts, where they go, and what is said of them",
    .details = "  nines alerts history                  what fired, and who was told of it when\n"
               "  nines alerts list [MATCHER...]        what is on now, and what holds it back\n"
               "  nines alerts render [MESSAGE.json]    the text that a template makes\n"
               "  nines alerts retry ID|--all-dead      send again what was given up\n"
               "  nines alerts route [LABEL=VALUE...]   the receivers that an alert reaches\n"
               "  nines alerts simulate [FILE]          what would be sent, and when\n"
               "  nines alerts test RECEIVER            send a test alert\n\n"
               "Examples:\n"
               "  nines alerts list severity=critical\n"
               "  nines alerts history --slo api-availability\n"
               "  nines alerts render -t '{{ .Status | toUpper }}'\n"
               "  nines alerts route --tree\n",
    .run = run,
};
