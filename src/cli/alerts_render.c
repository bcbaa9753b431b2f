/* nines alerts render: a template at the desk, before it is needed at night. */
#include "cli/alerts.h"
#include "cli/cli.h"

#include "base/arena.h"
#include "base/json.h"
#include "base/str.h"
#include "config/file.h"
#include "model/template.h"
#include "wire/message.h"

#include <string.h>

#define OUTPUT_MAX ((size_t)4 << 20)

/* A page, and a ticket that is over. */
static const char sample[] =
    "{\"receiver\":\"on-call\",\"status\":\"firing\",\"alerts\":["
    "{\"status\":\"firing\",\"labels\":{\"alertname\":\"ErrorBudgetBurn\",\"service\":\"agent-"
    "api\","
    "\"severity\":\"critical\",\"slo\":\"api-availability\"},\"annotations\":{"
    "\"burn\":\"42.5\",\"budget_left\":\"0.314159\","
    "\"runbook\":\"https://wiki.example.org/runbooks/api\","
    "\"summary\":\"api-availability burns its budget at 42.5 times the rate it allows\"},"
    "\"startsAt\":\"2026-10-22T08:00:10Z\",\"endsAt\":\"0001-01-01T00:00:00Z\","
    "\"generatorURL\":\"http://127.0.0.1:9464/slo/api-availability\","
    "\"fingerprint\":\"\"},"
    "{\"status\":\"resolved\",\"labels\":{\"alertname\":\"ErrorBudgetBurn\","
    "\"service\":\"agent-api\",\"severity\":\"warning\",\"slo\":\"api-latency\"},"
    "\"annotations\":{\"burn\":\"0.5\",\"budget_left\":\"0.87\","
    "\"runbook\":\"https://wiki.example.org/runbooks/api\","
    "\"summary\":\"api-latency burned its budget at 3.1 times the rate it allows\"},"
    "\"startsAt\":\"2026-10-22T06:12:00Z\",\"endsAt\":\"2026-10-22T07:40:30Z\","
    "\"generatorURL\":\"http://127.0.0.1:9464/slo/api-latency\",\"fingerprint\":\"\"}],"
    "\"groupLabels\":{\"alertname\":\"ErrorBudgetBurn\",\"service\":\"agent-api\"},"
    "\"commonLabels\":{\"alertname\":\"ErrorBudgetBurn\",\"service\":\"agent-api\"},"
    "\"commonAnnotations\":{\"runbook\":\"https://wiki.example.org/runbooks/api\"},"
    "\"externalURL\":\"http://127.0.0.1:9464\",\"version\":\"4\","
    "\"groupKey\":\"{}:{alertname=\\\"ErrorBudgetBurn\\\", service=\\\"agent-api\\\"}\","
    "\"truncatedAlerts\":0,\"at\":\"2026-10-22T08:05:10Z\"}";

static const char usual[] =
    "[{{ .Status | toUpper }}{{ if eq .Status \"firing\" }}:{{ .Alerts.Firing | len }}{{ end }}] "
    "{{ .GroupLabels.SortedPairs.Values | join \" \" }}\n"
    "{{ range .Alerts }}\n"
    "{{ .Status }} since {{ .StartsAt.Format \"2006-01-02 15:04:05 MST\" }}\n"
    "{{ range .Labels.SortedPairs }}  {{ .Name }} = {{ .Value }}\n"
    "{{ end }}{{ range .Annotations.SortedPairs }}  {{ .Name }}: {{ .Value }}\n"
    "{{ end }}{{ end }}";

/* Of a file, or of the standard input for "-". */
static int read_all(const char *path, struct str *out, struct err *reterr)
{
    char buf[8192];
    size_t n;
    if (!str_eq(path, "-"))
        return file_read(path, out, reterr);
    while ((n = fread(buf, 1, sizeof(buf), stdin)) > 0)
        if (str_addn(out, buf, n) < 0)
            return err_set(reterr, "more than %zu bytes", out->max);
    return ferror(stdin) ? err_set(reterr, "cannot be read") : 0;
}

/* What has an action or a line break in it is no name of a file. */
static bool is_text(const char *s)
{
    return strstr(s, "{{") || strchr(s, '\n');
}

static int take_template(const struct command *self, const char *given, struct str *out,
                         const char **ret_name)
{
    struct err err;
    *ret_name = "template";
    if (!given)
        str_add(out, usual);
    else if (is_text(given))
        str_add(out, given);
    else if (read_all(given, out, &err) < 0)
        return cli_fail(self, "%s: %s", given, err.msg);
    if (given && !is_text(given))
        *ret_name = given;
    if (out->overflow)
        return cli_fail(self, "%s: more than %zu bytes", *ret_name, out->max);
    if (strlen(out->buf) != out->len)
        return cli_fail(self, "%s: there is a NUL byte in it", *ret_name);
    return EXIT_GOOD;
}

static int compile(const struct command *self, const char *name, const char *text,
                   struct template **ret)
{
    struct err err;
    size_t at = 0;
    int line = 1, column = 1;
    if (template_compile(text, ret, &at, &err) == 0)
        return EXIT_GOOD;
    for (size_t i = 0; i < at; i++) {
        column = text[i] == '\n' ? 1 : column + 1;
        line += text[i] == '\n';
    }
    return cli_fail(self, "%s:%d:%d: %s", name, line, column, err.msg);
}

static int render(const struct command *self, const struct template *t, const char *name,
                  const struct message *m)
{
    struct err err;
    struct str out;
    str_init(&out, OUTPUT_MAX);
    int rc = EXIT_GOOD;
    if (template_render(t, m, &out, &err) < 0)
        rc = cli_fail(self, "%s: %s", name, err.msg);
    else
        fwrite(out.buf, 1, out.len, stdout);
    if (rc == EXIT_GOOD && (out.len == 0 || out.buf[out.len - 1] != '\n'))
        putchar('\n');
    str_release(&out);
    return rc;
}

static int take_message(const struct command *self, const char *path, struct arena *arena,
                        struct message *ret)
{
    struct str text;
    struct err err;
    str_init(&text, MESSAGE_TEXT_MAX);
    int rc = EXIT_GOOD;
    if (!path)
        str_add(&text, sample);
    else if (read_all(path, &text, &err) < 0)
        rc = cli_fail(self, "%s: %s", path, err.msg);
    if (rc == EXIT_GOOD && message_read(text.buf, text.len, arena, ret, &err) < 0)
        rc = cli_fail(self, "%s: %s", path ? path : "sample", err.msg);
    str_release(&text);
    return rc;
}

static int work(const struct command *self, const char *given, const char *path)
{
    struct arena arena = {0};
    struct template *t = NULL;
    struct message m;
    struct str text;
    const char *name;
    str_init(&text, TEMPLATE_TEXT_MAX);
    int rc = take_template(self, given, &text, &name);
    if (rc == EXIT_GOOD)
        rc = compile(self, name, text.buf, &t);
    if (rc == EXIT_GOOD)
        rc = take_message(self, path, &arena, &m);
    if (rc == EXIT_GOOD)
        rc = render(self, t, name, &m);
    template_free(t);
    str_release(&text);
    arena_release(&arena);
    return rc;
}

/* As it was read: in order, with what was computed. */
static int show_message(const struct command *self, const char *path)
{
    struct arena arena = {0};
    struct message m;
    struct str out;
    str_init(&out, 2 * MESSAGE_TEXT_MAX);
    int rc = take_message(self, path, &arena, &m);
    if (rc == EXIT_GOOD) {
        message_write(&m, &out);
        rc = out.overflow ? cli_fail(self, "the message is too long") : EXIT_GOOD;
    }
    if (rc == EXIT_GOOD)
        puts(out.buf);
    str_release(&out);
    arena_release(&arena);
    return rc;
}

static const struct command command_render = {
    .name = "alerts render",
    .arguments = "[MESSAGE.json|-]",
    .summary = "show the text that a template makes of a message",
    .details =
        "The message is a body of Alertmanager's webhook, version 4, or what nines itself\n"
        "writes; without one a sample is taken. The template is in Go's syntax, of which\n"
        "docs/templates.md says what is supported; without one the usual text is shown.\n"
        "Exit status: 0, or 1 when the template or the message is wrong.\n"
        "\n"
        "Examples:\n"
        "  nines alerts render\n"
        "  nines alerts render -t '{{ .Status | toUpper }}: {{ .CommonAnnotations.summary }}'\n"
        "  nines alerts render -t page.tmpl message.json\n"
        "  nines alerts render --message > message.json\n",
};

int alerts_render(int argc, char **argv)
{
    const struct command *self = &command_render;
    struct cli_common common = {0};
    const char *given = NULL;
    bool as_message = false;
    const struct cli_option options[] = {
        {"template", 't', OPT_STRING, &given, "TEXT|FILE",
         "a text with {{ }} in it, or the file that holds it (- for stdin)"},
        {"message", 0, OPT_FLAG, &as_message, NULL, "show the message itself, as JSON"},
        {0},
    };
    int first, rc = cli_parse(self, options, argc, argv, &common, &first);
    if (rc >= 0)
        return rc;
    const char *path = first < argc ? argv[first] : NULL;
    if (argc - first > 1)
        return cli_usage(self, "expected one message, found '%s' as well", argv[first + 1]);
    if (common.format && !str_eq(common.format, "text"))
        return cli_usage(self, "--format is text; found '%s'", common.format);
    if (as_message && given)
        return cli_usage(self, "--message goes without a template");
    if (given && path && str_eq(given, "-") && str_eq(path, "-"))
        return cli_usage(self, "the template and the message cannot both be the standard input");
    return as_message ? show_message(self, path) : work(self, given, path);
}
