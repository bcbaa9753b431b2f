#include "cli/select.h"

#include "base/str.h"
#include "report/groups.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

int cli_select(const struct command *self, struct cli_select *s)
{
    if (!s->service && s->labels.n == 0)
        return -1;
    if (s->service && !*s->service)
        return cli_usage(self, "--service needs the name of a service");
    assert(s->labels.n <= CLI_LABELS_MAX);
    for (size_t i = 0; i < s->labels.n; i++) {
        const char *text = s->labels.at[i], *equals = strchr(text, '=');
        size_t len = equals ? (size_t)(equals - text) : 0;
        if (len == 0 || len >= CLI_LABEL_KEY_MAX)
            return cli_usage(self, "--label: expected KEY=VALUE, such as team=payments; found '%s'",
                             text);
        snprintf(s->keys[i], sizeof(s->keys[i]), "%.*s", (int)len, text);
        s->parsed[i] = (struct slo_label){s->keys[i], equals + 1};
    }
    s->select = (struct slo_select){s->service, s->parsed, s->labels.n};
    s->chosen = &s->select;
    return -1;
}

int cli_check_group(const struct config *cfg, const char *by, struct err *reterr)
{
    if (!by || str_eq(by, GROUPS_BY_SERVICE))
        return 0;
    return slo_label_check(cfg, by, reterr);
}
