#include "cli/cli.h"

#include "base/arena.h"
#include "base/str.h"
#include "base/vec.h"
#include "engine/kinds.h"
#include "nines/config.h"
#include "nines/probe.h"

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

int cli_check_probe(const struct command *self, const struct config *cfg, const char *id)
{
    VEC(const char *) ids = {0};
    if (config_probe(cfg, id))
        return -1;
    for (size_t i = 0; i < cfg->probe_count; i++)
        vec_push(&ids, cfg->probes[i]->id);
    const char *near = str_nearest(id, ids.at, ids.len);
    int rc = near ? cli_fail(self, "no probe has the id '%.128s'; did you mean '%s'?", id, near)
                  : cli_fail(self, "no probe has the id '%.128s'", id);
    vec_release(&ids);
    return rc;
}
