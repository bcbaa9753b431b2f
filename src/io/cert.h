/*
 * X.509 beside curl's own TLS set-up, by OpenSSL: trusted stores loaded once
 * instead of per connection, and a look at the server's certificate even when
 * it is refused.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cert_store; /* counted, immutable, thread-safe */

/* Reads a PEM bundle (blocking, about 20 ms for a whole system's): fit for a
 * worker thread. A NULL path means OpenSSL's own default directories. */
int cert_store_load(const char *path, struct cert_store **ret, struct err *reterr);
struct cert_store *cert_store_ref(struct cert_store *s);
void cert_store_unref(struct cert_store *s);

/* The system's bundle: the first of the usual places that exists, or NULL. */
const char *cert_system_bundle(void);

#define CERT_TEXT_MAX 160

/* What the handshake showed. */
struct cert_seen {
    const struct cert_store *store; /* that the chain was to be verified with */
    bool seen;
    int64_t not_after_us, not_before_us;
    bool checked; /* a chain was verified, with this result: */
    long error;   /* X509_V_OK (0) or an X509_V_ERR_ code */
    int depth;    /* of the certificate it is about; 0 is the leaf */
    int64_t error_not_after_us, error_not_before_us; /* of that certificate */
    char names[CERT_TEXT_MAX];                       /* "a.example, b.example" the leaf is for */
};

/*
 * For CURLOPT_SSL_CTX_FUNCTION, with its SSL_CTX. Verification uses `store`
 * (NULL: no verification), which must outlive the handshake, and writes to
 * `seen`, which must too; later handshakes on the connection are switched off.
 * Needs CURLOPT_CA_CACHE_TIMEOUT 0: curl 7.88 puts a store from its cache in
 * place after this hook. A chain is refused if any store but ours is there.
 */
void cert_install(void *ssl_ctx, struct cert_store *store, struct cert_seen *seen);

/* notAfter of the peer of an established connection (an SSL), or 0. */
int64_t cert_peer_not_after(void *ssl);

/* One line for people: "the certificate expired 2024-01-01", or "" when the
 * chain is fine and only the name is wrong: that is `host`'s own line. */
void cert_explain(const struct cert_seen *seen, const char *host, char *buf, size_t size);
