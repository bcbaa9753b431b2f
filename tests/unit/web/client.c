#include "client.h"

#include "base/mem.h"
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int client_connect_tcp(const char *address)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    char host[64];
    const char *colon = strrchr(address, ':');

    assert_non_null(colon);
    str_copy(host, (size_t)(colon - address) + 1, address);
    assert_int_equal(inet_pton(AF_INET, host, &a.sin_addr), 1);
    a.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&a, sizeof(a)), 0);
    return fd;
}

int client_connect_unix(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};

    str_copy(a.sun_path, sizeof(a.sun_path), path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&a, sizeof(a)), 0);
    return fd;
}

void client_send(int fd, const char *text)
{
    size_t n = strlen(text);

    while (n > 0) {
        ssize_t done = send(fd, text, n, MSG_NOSIGNAL);
        assert_true(done > 0);
        text += done;
        n -= (size_t)done;
    }
}

char *client_read_all(int fd)
{
    struct str s;
    char buf[4096];
    ssize_t n;

    str_init(&s, 64 << 20);
    while ((n = recv(fd, buf, sizeof(buf), 0)) > 0)
        str_addn(&s, buf, (size_t)n);
    char *text = str_detach(&s);
    str_release(&s);
    return text;
}

static size_t answer_length(const char *text)
{
    const char *end = strstr(text, "\r\n\r\n"), *length = strcasestr(text, "Content-Length: ");

    if (!end)
        return SIZE_MAX;
    assert_non_null(length);
    return (size_t)(end + 4 - text) + strtoul(length + 16, NULL, 10);
}

char *client_read_answer(int fd)
{
    struct str s;
    char buf[4096];

    str_init(&s, 64 << 20);
    while (s.len < answer_length(s.buf)) {
        ssize_t n = recv(fd, buf, sizeof(buf), 0);
        if (n <= 0)
            break;
        str_addn(&s, buf, (size_t)n);
    }
    char *text = str_detach(&s);
    str_release(&s);
    return text;
}

char *client_get(const char *address, const char *request_line)
{
    mem_auto char *text =
        mem_printf("%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", request_line);
    int fd = client_connect_tcp(address);

    client_send(fd, text);
    char *answer = client_read_all(fd);
    close(fd);
    return answer;
}
