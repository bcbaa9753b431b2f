/* Addresses as people write them: "127.0.0.1:9464", "[::1]:9464", and the same
 * without a port. */
#pragma once

#include <stdbool.h>

struct address {
    bool loopback;
    bool has_port;
};

/* -1: none of these. Names are not resolved. */
int address_parse(const char *text, struct address *ret);
