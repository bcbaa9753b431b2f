/*
 * The hosts file as a table: parsed once, immutable, looked up by name.
 */
#pragma once

#include "io/dnscache.h"

#include <stdbool.h>
#include <stddef.h>

struct hosts;

/* Parses at most HOSTS_MAX_BYTES of the text; lines that make no sense are
 * passed over, as every resolver does. */
#define HOSTS_MAX_BYTES (4u << 20)
struct hosts *hosts_parse(const char *text, size_t n);

/* Reads a file (blocking); a missing or unreadable one is an empty table. */
struct hosts *hosts_read(const char *path);
void hosts_free(struct hosts *h);

/* Appends the addresses of a lower-case name in file order, of one family or
 * with AF_UNSPEC of both. False if the name has none. */
bool hosts_find(const struct hosts *h, const char *name, int family, struct resolve_addrs *ret);
