#include "config/address.h"

#include "base/str.h"
#include "nines/config.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

static bool is_port(const char *text)
{
    size_t len = strlen(text);
    return len >= 1 && len <= 5 && strspn(text, "0123456789") == len &&
           strtol(text, NULL, 10) <= 65535;
}

int address_parse(const char *text, struct address *ret)
{
    char host[INET6_ADDRSTRLEN];
    unsigned char ip[16];
    bool v6 = text[0] == '[';
    const char *start = text + v6, *end = strchr(start, v6 ? ']' : ':');
    size_t len = end ? (size_t)(end - start) : strlen(start);
    if ((v6 && !end) || len >= sizeof(host))
        return -1;
    memcpy(host, start, len);
    host[len] = '\0';
    const char *rest = end ? end + v6 : start + len;
    if (inet_pton(v6 ? AF_INET6 : AF_INET, host, ip) != 1)
        return -1;
    if (*rest && (*rest != ':' || !is_port(rest + 1)))
        return -1;
    ret->has_port = *rest == ':';
    ret->loopback =
        v6 ? IN6_IS_ADDR_LOOPBACK((const struct in6_addr *)(const void *)ip) : ip[0] == 127;
    return 0;
}

int config_check_listen(const char *listen, bool allow_remote, struct err *reterr)
{
    struct address a;
    if (!*listen || str_eq(listen, "off"))
        return 0;
    if (str_starts(listen, "localhost:") && is_port(listen + strlen("localhost:")))
        return 0;
    if (address_parse(listen, &a) < 0 || !a.has_port)
        return err_set(reterr,
                       "expected an address and a port like 127.0.0.1:9464 or [::1]:9464, or "
                       "'off'; found '%.60s'",
                       listen);
    if (!a.loopback && !allow_remote)
        return err_set(reterr,
                       "%s can be reached from other machines, and whoever reaches it reads every "
                       "probe and SLO without a password; say 'allow_remote: true' in nines.yaml "
                       "if that is meant",
                       listen);
    return 0;
}
