/*
 * What commands that change something ask of the daemon, or do themselves.
 */
#pragma once

#include "cli/table.h"
#include "nines/config.h"

struct json_t;

/* Who is at work, for the author of what is added; "" if nobody can tell. */
const char *cli_user_name(void);

/* Has the edit done (engine/edit.h). Takes over `request`, NULL if a text in it is not
 * UTF-8. *ret is the answer, NULL after an error that was told. */
int cli_ask(const struct command *self, const struct config *cfg, struct json_t *request,
            struct json_t **ret);
