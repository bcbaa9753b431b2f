#include "demo/fetch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define PATIENCE_SECONDS 2
#define REQUEST_MAX 4096
#define ANSWER_MAX (4 << 20)

static int dial(const char *address, struct err *reterr)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    struct timeval patience = {.tv_sec = PATIENCE_SECONDS};
    char host[INET_ADDRSTRLEN];
    const char *colon = strchr(address, ':');
    if (!colon || (size_t)(colon - address) >= sizeof(host))
        return err_set(reterr, "'%s' is not an address", address);
    str_copy(host, (size_t)(colon - address) + 1, address);
    a.sin_port = htons((uint16_t)strtol(colon + 1, NULL, 10));
    if (inet_pton(AF_INET, host, &a.sin_addr) != 1)
        return err_set(reterr, "'%s' is not an address", address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_errno(reterr, errno, "cannot make a socket");
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
        return fd;
    err_errno(reterr, errno, "cannot connect to %s", address);
    close(fd);
    return -1;
}

static int exchange(int fd, const struct str *request, struct str *answer, struct err *reterr)
{
    char chunk[4096];
    ssize_t n = send(fd, request->buf, request->len, MSG_NOSIGNAL);
    if (n != (ssize_t)request->len)
        return err_set(reterr, "the request could not be sent");
    while ((n = recv(fd, chunk, sizeof(chunk), 0)) > 0)
        if (str_addn(answer, chunk, (size_t)n) < 0)
            return err_set(reterr, "the answer is too long");
    return n < 0 ? err_errno(reterr, errno, "no answer") : 0;
}

int fetch(const char *address, const char *path, const char *body, struct str *out,
          struct err *reterr)
{
    struct str request, answer;
    int fd = dial(address, reterr);
    if (fd < 0)
        return -1;
    str_init(&request, REQUEST_MAX);
    str_init(&answer, ANSWER_MAX);
    str_addf(&request, "%s %s HTTP/1.0\r\nHost: %s\r\n", body ? "POST" : "GET", path, address);
    if (body)
        str_addf(&request, "Content-Length: %zu\r\n\r\n%s", strlen(body), body);
    else
        str_add(&request, "\r\n");
    int rc = exchange(fd, &request, &answer, reterr);
    const char *head_end = rc == 0 ? strstr(answer.buf, "\r\n\r\n") : NULL;
    if (rc == 0 && (!head_end || !str_starts(answer.buf, "HTTP/1.") || answer.len < 10 ||
                    answer.buf[9] != '2'))
        rc = err_set(reterr, "%s%s answered '%.40s'", address, path, answer.buf);
    if (rc == 0 && out)
        str_add(out, head_end + 4);
    close(fd);
    str_release(&request);
    str_release(&answer);
    return rc;
}
