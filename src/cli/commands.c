/* Every command, in the order of the manual. To add one: a file that defines a
 * `const struct command`, and its line here. */
#include "cli/cli.h"
#include "cli/table.h"

/* clang-format off */
const struct command *const commands[] = {
    &command_run,
    &command_check,
    &command_probe,
    &command_metrics,
    &command_report,
    &command_replay,
    &command_explain,
    &command_gate,
    &command_suggest,
    &command_status,
    &command_import,
    &command_import_slo,
    &command_export,
    &command_alerts,
    &command_annotate,
    &command_exclude,
    &command_silence,
    &command_incident,
    &command_backup,
    &command_db,
    &command_demo,
    &command_version,
    NULL,
};
/* clang-format on */
