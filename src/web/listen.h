/*
 * The two sockets the daemon listens on. Both functions return a non-blocking
 * listening descriptor, the caller's to close.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

#define LISTEN_ADDRESS_MAX 64

/* "127.0.0.1:9464", "[::1]:0", "localhost:9464": numbers or localhost, nothing
 * that needs a lookup. `bound` gets the address with its real port. */
int listen_tcp(const char *address, char *bound, size_t size, int *ret_fd, struct err *reterr);

/* Replaces a socket that lies at `path`; anything else there is an error. */
int listen_unix(const char *path, int *ret_fd, struct err *reterr);

/* The peer of a unix connection runs as our own user or as root. */
bool listen_peer_ok(int fd);
