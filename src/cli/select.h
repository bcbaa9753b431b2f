/*
 * --service and --label, the same in every command that has them:
 *
 *     struct cli_select select = {0};
 *     const struct cli_option options[] = {
 *         CLI_SELECT_SERVICE(select),
 *         CLI_SELECT_LABEL(select),
 *     ...
 *     if ((rc = cli_select(self, &select)) >= 0)
 *         return rc;
 *     query.select = select.chosen;
 */
#pragma once

#include "cli/cli.h"
#include "model/select.h"

#define CLI_LABELS_MAX 32
#define CLI_LABEL_KEY_MAX 129 /* a longer one does not exist */

struct cli_select {
    const char *service;
    struct option_list labels; /* KEY=VALUE */

    struct slo_label parsed[CLI_LABELS_MAX];
    char keys[CLI_LABELS_MAX][CLI_LABEL_KEY_MAX];
    struct slo_select select;
    const struct slo_select *chosen; /* NULL: nothing was asked for */
};

#define CLI_SELECT_SERVICE(s)                                                                      \
    {                                                                                              \
        "service", 0, OPT_STRING, &(s).service, "NAME", "only SLOs of this service"                \
    }
#define CLI_SELECT_LABEL(s)                                                                        \
    {                                                                                              \
        "label", 0, OPT_STRINGS, &(s).labels, "KEY=VALUE",                                         \
            "only SLOs with this label; several must all fit"                                      \
    }

/* --group-by; `by` is a const char *. */
#define CLI_GROUP_BY(by)                                                                           \
    {                                                                                              \
        "group-by", 0, OPT_STRING, &(by), "KEY", "roll up by 'service' or by a label"              \
    }

/* -1: it is no label that an SLO has. `by` may be NULL. */
int cli_check_group(const struct config *cfg, const char *by, struct err *reterr);

/* EXIT_USAGE, or -1 when the options make sense. `s` stays where it is from then on. */
int cli_select(const struct command *self, struct cli_select *s);
