/*
 * How a receiver's address is reached, as the `http_config` of alertmanager.yml has
 * it, and the secrets in receivers' fields.
 */
#pragma once

#include "io/http.h"
#include "nines/config.h"

#include <stdbool.h>
#include <stdint.h>

#define ACCESS_TIMEOUT_US (10 * (int64_t)1000000) /* of one attempt, where nothing is said */

/* struct secret, for FIELD_CUSTOM: as FIELD_SECRET, and `$NAME` and `${NAME}`, as a whole,
 * are the environment variable of that name. */
void secret_decode(struct decode *c, const struct node *n, void *out);
/* The same target; the value is the path of the file that holds it: `api_key_file`. */
void secret_decode_file(struct decode *c, const struct node *n, void *out);

/* A pair of keys for one secret: NAME and NAME_file. */
/* clang-format off */
#define SECRET_FIELDS(key, at, said)                                                               \
    {key, FIELD_CUSTOM, at, .decode = secret_decode, .help = said},                                \
    {key "_file", FIELD_CUSTOM, at, .decode = secret_decode_file,                                  \
     .help = "file with the value of " key}
/* clang-format on */

/* Reports when both keys of a pair are there, or, if it is `required`, none. */
void secret_check_pair(struct decode *c, const struct node *n, const char *key, bool required);

/* Reports an address that is not http:// or https://. `n`: the receiver's map. */
void secret_check_url(struct decode *c, const struct node *n, const char *key, const char *url);

/* Whether it is an address that a request can be made to. */
bool access_url_ok(const char *url);

struct access_auth {
    const char *type; /* "Bearer" */
    struct secret credentials;
};

struct http_access {
    struct {
        const char *username;
        struct secret password;
    } basic;
    struct access_auth authorization;
    const char *ca_file, *cert_file, *key_file;
    bool insecure;
    bool follow_redirects; /* never true: an error */
    int64_t timeout_us;
};

extern const struct field access_fields[]; /* of a struct http_access */
void access_check(struct decode *c, const struct node *n, struct http_access *a);
