/* nines backup: a copy of the database, while it is written or not. */
#include "cli/cli.h"
#include "cli/table.h"

#include "base/units.h"
#include "nines/config.h"
#include "store/backup.h"

#include <inttypes.h>
#include <string.h>

static void on_progress(void *ctx, int64_t done, int64_t total, const char *unit)
{
    struct progress *bar = ctx;
    bar->total = total;
    progress_update(bar, done, unit);
}

static void print_done(const struct cli_common *common, const struct backup *b)
{
    char size[UNITS_MAX];
    if (common->format && strcmp(common->format, "json") == 0)
        printf("{\"bytes\":%" PRId64 "}\n", b->bytes);
    else
        printf("%s: %s, checked\n", b->target, units_human_size(size, b->bytes));
}

static int run(const struct command *self, int argc, char **argv)
{
    struct cli_common common = {0};
    struct backup b = {0};
    const struct cli_option options[] = {
        {"force", 0, OPT_FLAG, &b.force, NULL, "replace FILE if it is ours or empty"},
        {0},
    };
    int first, rc = cli_parse(self, options, argc, argv, &common, &first);
    if (rc >= 0)
        return rc;
    if (argc - first != 1 || !*argv[first])
        return cli_usage(self, "expected one file to write");
    struct config *cfg = cli_config(self, &common, true);
    if (!cfg)
        return EXIT_BAD;
    struct progress bar;
    struct err err;
    b.source = cfg->daemon.database;
    b.target = argv[first];
    b.progress = on_progress;
    b.ctx = &bar;
    progress_start(&bar, "copying", 0, cli_color(&common, stderr));
    rc = backup_make(&b, &err);
    progress_end(&bar);
    config_unref(cfg);
    if (rc < 0)
        return cli_fail(self, "%s", err.msg);
    print_done(&common, &b);
    return EXIT_GOOD;
}

const struct command command_backup = {
    .name = "backup",
    .arguments = "FILE",
    .summary = "copy the database, also while it is being written",
    .details = "The copy is of one moment and complete: a plain SQLite file, checked before it\n"
               "takes its name. Restoring is putting it in the database's place while no daemon\n"
               "runs, without the -wal and -shm files of the old one.\n\n"
               "Examples:\n"
               "  nines backup /backup/nines-$(date +%F).db\n"
               "  nines backup --force --db /var/lib/nines/nines.db latest.db\n"
               "  nines report --db latest.db\n",
    .run = run,
};
