/*
 * Commands: one file each, one line in the table of commands.c. A command
 * parses its arguments with a table of options, does its work through rank 5,
 * prints data to stdout and everything else to stderr, and returns an exit
 * code:
 *
 *     0 good   1 the thing asked about is bad or failed   2 usage
 *     3 `--fail-on breached` and an objective is breached, or `gate` says stop
 *
 * Data that could not be written to stdout is told by main(), and makes the
 * exit code 1. --help is made from the same tables.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define EXIT_GOOD 0
#define EXIT_BAD 1
#define EXIT_USAGE 2
#define EXIT_BREACHED 3

enum option_type {
    OPT_FLAG,     /* bool */
    OPT_STRING,   /* const char * */
    OPT_STRINGS,  /* struct option_list: may be given several times */
    OPT_TIME,     /* int64_t us; RFC 3339; 0 stays "not given" */
    OPT_DURATION, /* int64_t us */
};

struct option_list {
    const char *at[32];
    size_t n;
};

struct cli_option {
    const char *name; /* long name, without dashes */
    char letter;      /* or 0 */
    enum option_type type;
    void *target;
    const char *value; /* name of the value in help: "FILE" */
    const char *help;
};

/* The options every command has; cli_parse() fills it. */
struct cli_common {
    const char *config; /* --config FILE, or NULL */
    const char *db;     /* --db FILE, or NULL: the configuration's */
    const char *format; /* --format NAME or --json, or NULL */
    const char *color;  /* --color auto|always|never */
    bool help;
};

struct command {
    const char *name;
    const char *arguments; /* "[PATH...]", for help */
    const char *summary;   /* one line */
    const char *details;   /* paragraphs and examples for --help; may be NULL */
    int (*run)(const struct command *self, int argc, char **argv);
};

extern const struct command *const commands[]; /* NULL-ended */

/*
 * Parses argv[1..] (argv[0] is the command's name) by `options` (NULL-named
 * entry ends it) plus the common ones. On a usage error prints it with the
 * nearest option and returns EXIT_USAGE; on --help prints the help and returns
 * EXIT_GOOD; otherwise -1 and the operands are argv[*ret_first..argc-1].
 */
int cli_parse(const struct command *self, const struct cli_option *options, int argc, char **argv,
              struct cli_common *common, int *ret_first);

/* What a command with parts does: `nines exclude add`. A nameless entry ends a table. */
struct cli_verb {
    const char *name;
    int (*run)(int argc, char **argv); /* argv[0] is the name */
};

/* Runs the one that argv[1] names, or answers to --help; any other is a usage error that
 * tells them all. Returns the exit status. */
int cli_run_verb(const struct command *self, const struct cli_verb *verbs, int argc, char **argv);

/* The number of something stored: digits alone, from 1 on. False, and *ret as it was: none. */
bool cli_id(const char *text, int64_t *ret);

/* Usage errors found later: "nines NAME: message" and a hint; EXIT_USAGE. */
int cli_usage(const struct command *self, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* "nines NAME: message" on stderr; returns EXIT_BAD. */
int cli_fail(const struct command *self, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Whether to colour what goes to `f`: --color, NO_COLOR, CLICOLOR_FORCE, TERM,
 * isatty. */
bool cli_color(const struct cli_common *common, FILE *f);
int cli_width(FILE *f); /* columns; 80 when not a terminal; COLUMNS overrides */

struct config;
struct config_sources;
struct diag;

/* Loads the configuration as every command does, printing errors and (unless
 * quiet) warnings as file:line:column. NULL: errors were printed. With --db
 * the snapshot's database path is overridden. */
struct config *cli_config(const struct command *self, const struct cli_common *common, bool quiet);
/* The same from `sources`. */
struct config *cli_config_from(const struct command *self, const struct cli_common *common,
                               const struct config_sources *sources, bool quiet);
/* -1 when there is such a probe; else tells of it, with the nearest id: EXIT_BAD. */
int cli_check_probe(const struct command *self, const struct config *cfg, const char *id);
void cli_print_diag(const struct diag *d, FILE *f, bool color);

/* A progress bar on stderr: only on a terminal, at most ten times a second. */
struct progress {
    const char *label;
    int64_t total; /* 0: unknown */
    int64_t started_ns, shown_ns;
    bool on, color;
    /* When set, the count and rate shown are of these, of which there are `count`;
     * how far it is, and what is left, goes by the total all the same. */
    const char *counted;
    int64_t count;
};
void progress_start(struct progress *p, const char *label, int64_t total, bool color);
void progress_update(struct progress *p, int64_t done, const char *unit);
void progress_end(struct progress *p);
