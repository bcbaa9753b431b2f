/* The commands, each defined in the file of its name. */
#pragma once

#include "cli/cli.h"

extern const struct command command_run, command_check, command_probe, command_report,
    command_status, command_import, command_import_slo, command_export, command_backup, command_db,
    command_demo, command_version, command_metrics, command_annotate, command_suggest,
    command_explain, command_gate, command_replay, command_exclude, command_alerts, command_silence,
    command_incident;
