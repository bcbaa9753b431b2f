#include "cli/cli.h"

#include "base/arena.h"
#include "engine/kinds.h"
#include "nines/config.h"

struct config *cli_config(const struct command *self, const struct cli_common *common, bool quiet)
{
    struct config_sources sources = {.config_file = common->config};
    return cli_config_from(self, common, &sources, quiet);
}

struct config *cli_config_from(const struct command *self, const struct cli_common *common,
                               const struct config_sources *sources, bool quiet)
{
    struct config *config = NULL;
    struct diag diag = {0};
    int rc = config_load(sources, engine_config_tables(), &config, &diag);
    if (rc < 0 || !quiet) {
        diag_sort(&diag);
        cli_print_diag(&diag, stderr, cli_color(common, stderr));
    }
    if (rc < 0)
        cli_fail(self, "the configuration has %zu error%s", diag.errors,
                 diag.errors == 1 ? "" : "s");
    else if (common->db)
        config->daemon.database = arena_strdup(&config->arena, common->db);
    diag_release(&diag);
    return rc < 0 ? NULL : config;
}
