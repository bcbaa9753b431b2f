/* nines: finds the command and hands over. */
#include "cli/cli.h"

#include "base/str.h"
#include "io/http.h"
#include "io/sqlite.h"

#include <signal.h>

static int usage(FILE *f)
{
    fputs("usage: nines COMMAND [OPTION...] [ARGUMENT...]\n\n"
          "Probes endpoints on schedules, keeps every result, and tells how much error\n"
          "budget is left.\n\ncommands:\n",
          f);
    for (size_t i = 0; commands[i]; i++)
        fprintf(f, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
    fputs("\n`nines COMMAND --help` shows options and examples. Manual: nines(1).\n", f);
    return f == stdout ? EXIT_GOOD : EXIT_USAGE;
}

static int unknown(const char *name)
{
    const char *names[64];
    size_t n = 0;
    while (commands[n] && n < 64) {
        names[n] = commands[n]->name;
        n++;
    }
    const char *near = str_nearest(name, names, n);
    fprintf(stderr, "nines: unknown command '%s'", name);
    if (near)
        fprintf(stderr, "; did you mean '%s'?", near);
    fputs("\nTry 'nines --help'.\n", stderr);
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    if (argc < 2)
        return usage(stderr);
    const char *name = argv[1];
    if (str_eq(name, "--help") || str_eq(name, "-h") || str_eq(name, "help"))
        return usage(stdout);
    if (str_eq(name, "--version"))
        name = "version";
    for (size_t i = 0; commands[i]; i++) {
        if (!str_eq(name, commands[i]->name))
            continue;
        sqlite_global_init();
        http_global_init();
        int rc = commands[i]->run(commands[i], argc - 1, argv + 1);
        http_global_cleanup();
        if (fflush(stdout) != 0 || ferror(stdout))
            rc = rc == EXIT_GOOD ? EXIT_BAD : rc;
        return rc;
    }
    return unknown(argv[1]);
}
