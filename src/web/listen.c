#include "web/listen.h"

#include "base/str.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 128

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static int parse_port(const char *text, uint16_t *ret)
{
    char *end;

    if (*text < '0' || *text > '9')
        return -1;
    unsigned long port = strtoul(text, &end, 10);
    if (*end || port > 65535)
        return -1;
    *ret = (uint16_t)port;
    return 0;
}

static int parse_address(const char *text, union address *ret, socklen_t *ret_len)
{
    char host[LISTEN_ADDRESS_MAX];
    const char *colon = strrchr(text, ':');
    uint16_t port;

    if (!colon || (size_t)(colon - text) >= sizeof(host) || parse_port(colon + 1, &port) < 0)
        return -1;
    str_copy(host, (size_t)(colon - text) + 1, text);
    if (str_eq(host, "localhost"))
        str_copy(host, sizeof(host), "127.0.0.1");
    *ret = (union address){0};
    if (inet_pton(AF_INET, host, &ret->v4.sin_addr) == 1) {
        ret->v4.sin_family = AF_INET;
        ret->v4.sin_port = htons(port);
        *ret_len = sizeof(ret->v4);
        return 0;
    }
    size_t n = strlen(host);
    if (n < 3 || host[0] != '[' || host[n - 1] != ']')
        return -1;
    host[n - 1] = '\0';
    if (inet_pton(AF_INET6, host + 1, &ret->v6.sin6_addr) != 1)
        return -1;
    ret->v6.sin6_family = AF_INET6;
    ret->v6.sin6_port = htons(port);
    *ret_len = sizeof(ret->v6);
    return 0;
}

static void address_text(const union address *a, char *buf, size_t size)
{
    char ip[INET6_ADDRSTRLEN] = "";

    if (a->any.sa_family == AF_INET) {
        inet_ntop(AF_INET, &a->v4.sin_addr, ip, sizeof(ip));
        snprintf(buf, size, "%s:%u", ip, ntohs(a->v4.sin_port));
    } else {
        inet_ntop(AF_INET6, &a->v6.sin6_addr, ip, sizeof(ip));
        snprintf(buf, size, "[%s]:%u", ip, ntohs(a->v6.sin6_port));
    }
}

int listen_tcp(const char *address, char *bound, size_t size, int *ret_fd, struct err *reterr)
{
    union address a;
    socklen_t len;
    int on = 1;

    if (parse_address(address, &a, &len) < 0)
        return err_set(reterr,
                       "cannot listen on %s: expected ADDRESS:PORT, for example "
                       "127.0.0.1:9464 or [::1]:9464",
                       address);
    int fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_errno(reterr, errno, "cannot listen on %s", address);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (a.any.sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    if (bind(fd, &a.any, len) < 0 || listen(fd, BACKLOG) < 0 || getsockname(fd, &a.any, &len) < 0) {
        err_errno(reterr, errno, "cannot listen on %s", address);
        close(fd);
        return -1;
    }
    address_text(&a, bound, size);
    *ret_fd = fd;
    return 0;
}

static int clear_path(const char *path, struct err *reterr)
{
    struct stat st;

    if (lstat(path, &st) < 0)
        return errno == ENOENT ? 0 : err_errno(reterr, errno, "%s", path);
    if (!S_ISSOCK(st.st_mode))
        return err_set(reterr, "%s is in the way: it is not a socket", path);
    return unlink(path) < 0 ? err_errno(reterr, errno, "cannot replace %s", path) : 0;
}

int listen_unix(const char *path, int *ret_fd, struct err *reterr)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof(a.sun_path))
        return err_set(reterr, "the path of the control socket is longer than %zu bytes: %s",
                       sizeof(a.sun_path) - 1, path);
    str_copy(a.sun_path, sizeof(a.sun_path), path);
    if (clear_path(path, reterr) < 0)
        return -1;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_errno(reterr, errno, "cannot listen on %s", path);
    /* Nobody can connect before listen(): the mode is right by then. */
    if (bind(fd, (const struct sockaddr *)&a, sizeof(a)) < 0 || chmod(path, 0600) < 0 ||
        listen(fd, BACKLOG) < 0) {
        err_errno(reterr, errno, "cannot listen on %s", path);
        close(fd);
        return -1;
    }
    *ret_fd = fd;
    return 0;
}

bool listen_peer_ok(int fd)
{
    struct ucred cred;
    socklen_t len = sizeof(cred);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
        return false;
    return cred.uid == geteuid() || cred.uid == 0;
}
