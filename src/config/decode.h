/*
 * What the loader's own files need of decoding beyond nines/config.h.
 */
#pragma once

#include "nines/config.h"

#include <stdint.h>

#define FOUND_MAX 96

/* Reports at a position; control characters of the input do not get through. */
void decode_error(struct decode *c, struct pos pos, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void decode_warning(struct decode *c, struct pos pos, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* What a node is, for "expected X; found Y": "'15'", "a list", "nothing". */
const char *decode_found(const struct node *n, char buf[static FOUND_MAX]);

/* Whether some unknown key of the map was told to be `name`: then that it is
 * missing need not be said as well. */
bool decode_misspelt(const struct node *map, const struct field *fields, const char *name);

/* For FIELD_CUSTOM: keeps the node itself, in a `const struct node *`. */
void decode_keep(struct decode *c, const struct node *n, void *out);

/* A FIELD_SECRET value. */
void decode_secret(struct decode *c, const struct node *n, const struct field *f,
                   struct secret *out);
/* A FIELD_SECRET_MAP. */
void decode_secret_map(struct decode *c, const struct node *n, const struct field *f,
                       struct secret_map *out);

/* `path` as seen from the folder of `file`; absolute paths are left alone. */
const char *decode_path(struct arena *a, const char *file, const char *path);

/* Hash of a tree's meaning: its kinds and texts, not its places. */
uint64_t node_hash(const struct node *n);
uint64_t hash_mix(uint64_t a, uint64_t b);
