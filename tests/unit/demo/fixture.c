#include "../cmocka_all.h"

#include "fixture.h"

#include "base/mem.h"
#include "demo/platform.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

int set_up(void **state)
{
    struct fixture *f = mem_alloc(sizeof(*f));
    int fds[2];
    char line[128];
    assert_int_equal(pipe(fds), 0);
    f->pid = fork();
    assert_true(f->pid >= 0);
    if (f->pid == 0) {
        close(fds[0]);
        struct platform_options o = {
            .listen = "127.0.0.1:0", .seed = 1, .out = fdopen(fds[1], "w")};
        int rc = platform_run(&o, NULL);
        fclose(o.out);
        _exit(rc == 0 ? 0 : 1);
    }
    close(fds[1]);
    f->out = fdopen(fds[0], "r");
    assert_non_null(fgets(line, sizeof(line), f->out));
    assert_true(str_starts(line, "http://127.0.0.1:"));
    f->port = (int)strtol(strrchr(line, ':') + 1, NULL, 10);
    *state = f;
    return 0;
}

/* It ends when asked to, with every connection that is open. */
int tear_down(void **state)
{
    struct fixture *f = *state;
    int status;
    kill(f->pid, SIGTERM);
    assert_int_equal(waitpid(f->pid, &status, 0), f->pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    fclose(f->out);
    free(f);
    return 0;
}

int dial(const struct fixture *f)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)f->port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    return fd;
}

void send_text(int fd, const char *text, size_t n)
{
    assert_int_equal(send(fd, text, n, MSG_NOSIGNAL), (ssize_t)n);
}

/* Reads to the end: 0, or the errno that ended it. */
int read_all(int fd, struct str *out)
{
    char chunk[4096];
    ssize_t n = 1;
    while (n > 0) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
        n = recv(fd, chunk, sizeof(chunk), 0);
        if (n > 0)
            assert_int_equal(str_addn(out, chunk, (size_t)n), 0);
    }
    return n < 0 ? errno : 0;
}

int ask_with(const struct fixture *f, const char *line, const char *header, const char *body,
             struct str *answer)
{
    struct str text;
    str_init(&text, 4096);
    str_addf(&text, "%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %zu\r\n", line,
             body ? strlen(body) : 0);
    if (header)
        str_addf(&text, "%s\r\n", header);
    str_addf(&text, "\r\n%s", body ? body : "");
    int fd = dial(f);
    send_text(fd, text.buf, text.len);
    str_clear(answer);
    int rc = read_all(fd, answer);
    close(fd);
    str_release(&text);
    return rc;
}

int ask(const struct fixture *f, const char *line, const char *fault, const char *body,
        struct str *answer)
{
    mem_auto char *header = fault ? mem_printf("X-Nines-Fault: %s", fault) : NULL;
    return ask_with(f, line, header, body, answer);
}

const char *body_of(const struct str *answer)
{
    const char *end = strstr(answer->buf, "\r\n\r\n");
    assert_non_null(end);
    return end + 4;
}
