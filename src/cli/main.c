/* nines: finds the command and hands over. */
#include "cli/cli.h"

#include "base/str.h"
#include "io/http.h"
#include "io/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

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

/*
 * The first files opened would take the place of standard streams that whoever
 * started us has closed, and be read or printed to. What stands in for them
 * cannot be written to: output that is lost stays an error.
 */
static void keep_standard_streams(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDONLY);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

static int run_command(int argc, char **argv)
{
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
        return rc;
    }
    return unknown(argv[1]);
}

/* A reader that has seen enough, as `| head` has, is not worth a message. */
static bool reader_is_gone(void)
{
    struct pollfd p = {.fd = STDOUT_FILENO, .events = POLLOUT};
    return poll(&p, 1, 0) == 1 && (p.revents & POLLERR);
}

/* Output that got lost is no success, whatever the command says. */
static int finish(int rc)
{
    bool lost = ferror(stdout);
    errno = 0;
    if (fflush(stdout) == 0 && !lost)
        return rc;
    if (!reader_is_gone())
        fprintf(stderr, "nines: cannot write to standard output%s%s\n", errno ? ": " : "",
                errno ? strerror(errno) : "");
    return rc == EXIT_GOOD ? EXIT_BAD : rc;
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file-size limit is an error like a full disk */
    keep_standard_streams();
    return finish(run_command(argc, argv));
}
