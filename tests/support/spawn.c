#include "spawn.h"

#include "base/mem.h"
#include "base/str.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define VALUES_MAX 32
#define STOP_TRIES 1000 /* of 10 ms */

extern char **environ;

struct spawned {
    pid_t pid;
    int in;
    FILE *out;
    size_t n;
    char *names[VALUES_MAX], *values[VALUES_MAX];
};

static void die(const char *what)
{
    fprintf(stderr, "spawn: %s\n", what);
    abort();
}

static void read_values(struct spawned *s)
{
    char line[512];

    while (fgets(line, sizeof(line), s->out)) {
        line[strcspn(line, "\n")] = '\0';
        if (str_eq(line, "ready"))
            return;
        char *space = strchr(line, ' ');

        if (!space || s->n == VALUES_MAX)
            die(line);
        *space = '\0';
        s->names[s->n] = mem_strdup(line);
        s->values[s->n++] = mem_strdup(space + 1);
    }
    die("the helper ended before it was ready");
}

struct spawned *spawn_program(const char *const *argv)
{
    struct spawned *s = mem_alloc(sizeof(*s));
    posix_spawn_file_actions_t fa;
    int in[2], out[2];

    if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
        die("pipe");
    posix_spawn_file_actions_init(&fa);
    posix_spawn_file_actions_adddup2(&fa, in[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&fa, out[1], STDOUT_FILENO);
    if (posix_spawn(&s->pid, argv[0], &fa, NULL, (char *const *)(uintptr_t)argv, environ) != 0)
        die(argv[0]);
    posix_spawn_file_actions_destroy(&fa);
    close(in[0]);
    close(out[1]);
    s->in = in[1];
    s->out = fdopen(out[0], "r");
    read_values(s);
    return s;
}

struct spawned *spawn_python(const char *script)
{
    mem_auto char *path = mem_printf("%s/servers/%s", NINES_TESTS, script);
    const char *argv[] = {"/usr/bin/python3", path, NULL};

    return spawn_program(argv);
}

const char *spawn_value(const struct spawned *s, const char *name)
{
    for (size_t i = 0; i < s->n; i++)
        if (str_eq(s->names[i], name))
            return s->values[i];
    die(name);
    return NULL;
}

int spawn_port(const struct spawned *s, const char *name)
{
    return (int)strtol(spawn_value(s, name), NULL, 10);
}

void spawn_stop(struct spawned *s)
{
    int tries = 0;

    close(s->in);
    while (waitpid(s->pid, NULL, WNOHANG) == 0) {
        if (++tries == STOP_TRIES)
            kill(s->pid, SIGKILL);
        poll(NULL, 0, 10);
    }
    fclose(s->out);
    for (size_t i = 0; i < s->n; i++) {
        free(s->names[i]);
        free(s->values[i]);
    }
    free(s);
}
