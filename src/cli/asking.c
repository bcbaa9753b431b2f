#include "cli/asking.h"

#include "cli/cli.h"
#include "engine/edit.h"

#include <jansson.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

const char *cli_user_name(void)
{
    const char *name = getenv("USER");
    const struct passwd *user = name && *name ? NULL : getpwuid(getuid());
    return name && *name ? name : user ? user->pw_name : "";
}

int cli_ask(const struct command *self, const struct config *cfg, json_t *request, json_t **ret)
{
    struct err err;
    *ret = NULL;
    int rc = request ? edit_ask(cfg->daemon.database, request, ret, &err)
                     : err_set(&err, "the text is not UTF-8");
    json_decref(request);
    return rc < 0 ? cli_fail(self, "%s", err.msg) : -1;
}
