#include "io/cert.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define NAMES_SHOWN 3

struct cert_store {
    atomic_int refs;
    X509_STORE *x509;
};

static const char *openssl_error(void)
{
    unsigned long code = ERR_peek_last_error();
    const char *text = code ? ERR_reason_error_string(code) : NULL;

    return text ? text : "no certificates in it";
}

int cert_store_load(const char *path, struct cert_store **ret, struct err *reterr)
{
    if (path && access(path, R_OK) < 0)
        return err_errno(reterr, errno, "CA file %s", path);
    X509_STORE *x509 = X509_STORE_new();
    int ok = path ? X509_STORE_load_file(x509, path) : X509_STORE_set_default_paths(x509);

    if (ok != 1) {
        err_set(reterr, "CA file %s: %s", path ? path : "(default)", openssl_error());
        ERR_clear_error();
        X509_STORE_free(x509);
        return -1;
    }
    /* As curl does: an intermediate in the bundle is as good as a root. */
    X509_STORE_set_flags(x509, X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN);
    struct cert_store *s = mem_alloc(sizeof(*s));

    atomic_init(&s->refs, 1);
    s->x509 = x509;
    *ret = s;
    return 0;
}

struct cert_store *cert_store_ref(struct cert_store *s)
{
    atomic_fetch_add(&s->refs, 1);
    return s;
}

void cert_store_unref(struct cert_store *s)
{
    if (!s || atomic_fetch_sub(&s->refs, 1) > 1)
        return;
    X509_STORE_free(s->x509);
    free(s);
}

const char *cert_system_bundle(void)
{
    static const char *const places[] = {
        "/etc/ssl/certs/ca-certificates.crt", /* Debian, Alpine, Arch */
        "/etc/pki/tls/certs/ca-bundle.crt",   /* Fedora, RHEL */
        "/etc/ssl/ca-bundle.pem",             /* openSUSE */
        "/etc/ssl/cert.pem",                  /* BSDs, macOS */
    };

    for (size_t i = 0; i < countof(places); i++)
        if (access(places[i], R_OK) == 0)
            return places[i];
    return NULL;
}

/* ---- looking ------------------------------------------------------------------ */

static int64_t time_us(const ASN1_TIME *t)
{
    struct tm tm;

    if (!t || ASN1_TIME_to_tm(t, &tm) != 1)
        return 0;
    return (int64_t)timegm(&tm) * USEC_PER_SEC;
}

/* A name from the network: only what a host name may hold is shown. */
static bool presentable(const unsigned char *s, int n)
{
    for (int i = 0; i < n; i++)
        if (s[i] <= ' ' || s[i] > '~')
            return false;
    return n > 0 && n <= 64;
}

static void list_names(X509 *leaf, char *buf, size_t size)
{
    GENERAL_NAMES *alt = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
    struct str text;
    int shown = 0;

    str_init(&text, size - 1);
    for (int i = 0; i < sk_GENERAL_NAME_num(alt); i++) {
        const GENERAL_NAME *g = sk_GENERAL_NAME_value(alt, i);

        if (g->type != GEN_DNS)
            continue;
        const unsigned char *s = ASN1_STRING_get0_data(g->d.dNSName);
        int n = ASN1_STRING_length(g->d.dNSName);

        if (!presentable(s, n))
            continue;
        if (shown == NAMES_SHOWN) {
            str_add(&text, ", ...");
            break;
        }
        str_addf(&text, "%s%.*s", shown++ ? ", " : "", n, (const char *)s);
    }
    str_copy(buf, size, text.buf);
    str_release(&text);
    GENERAL_NAMES_free(alt);
}

static void look(struct cert_seen *seen, X509 *leaf)
{
    if (seen->seen || !leaf)
        return;
    seen->seen = true;
    seen->not_after_us = time_us(X509_get0_notAfter(leaf));
    seen->not_before_us = time_us(X509_get0_notBefore(leaf));
    list_names(leaf, seen->names, sizeof(seen->names));
}

static int verify(X509_STORE_CTX *ctx, void *arg)
{
    struct cert_seen *seen = arg;
    bool ours = X509_STORE_CTX_get0_store(ctx) == seen->store->x509;
    int ok = ours ? X509_verify_cert(ctx) : 0;

    look(seen, X509_STORE_CTX_get0_cert(ctx));
    if (!ours) /* something put another store in place: trust nobody */
        X509_STORE_CTX_set_error(ctx, X509_V_ERR_APPLICATION_VERIFICATION);
    seen->checked = true;
    seen->error = ok == 1 ? X509_V_OK : X509_STORE_CTX_get_error(ctx);
    seen->depth = X509_STORE_CTX_get_error_depth(ctx);
    X509 *about = X509_STORE_CTX_get_current_cert(ctx);

    if (seen->error != X509_V_OK && about) {
        seen->error_not_after_us = time_us(X509_get0_notAfter(about));
        seen->error_not_before_us = time_us(X509_get0_notBefore(about));
    }
    return ok;
}

static int look_only(X509_STORE_CTX *ctx, void *arg)
{
    look(arg, X509_STORE_CTX_get0_cert(ctx));
    X509_STORE_CTX_set_error(ctx, X509_V_OK);
    return 1;
}

void cert_install(void *ssl_ctx, struct cert_store *store, struct cert_seen *seen)
{
    SSL_CTX *ctx = ssl_ctx;

    *seen = (struct cert_seen){.store = store};

    /* `seen` lives as long as the handshake, a kept connection longer. */
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION);
    if (store)
        SSL_CTX_set1_cert_store(ctx, store->x509);
    SSL_CTX_set_cert_verify_callback(ctx, store ? verify : look_only, seen);
}

int64_t cert_peer_not_after(void *ssl)
{
    X509 *leaf = ssl ? SSL_get0_peer_certificate(ssl) : NULL;

    return leaf ? time_us(X509_get0_notAfter(leaf)) : 0;
}

/* ---- explaining ---------------------------------------------------------------- */

static const char *day(char buf[static 32], int64_t us)
{
    time_t t = (time_t)(us / USEC_PER_SEC);
    struct tm tm;

    gmtime_r(&t, &tm);
    strftime(buf, 32, "%Y-%m-%d", &tm);
    return buf;
}

static void explain_name(const struct cert_seen *seen, const char *host, char *buf, size_t size)
{
    if (seen->names[0])
        snprintf(buf, size, "the certificate is for %s, not for %s", seen->names, host);
    else
        snprintf(buf, size, "the certificate is not for %s", host);
}

void cert_explain(const struct cert_seen *seen, const char *host, char *buf, size_t size)
{
    const char *whose = seen->depth > 0 ? "an issuer's certificate" : "the certificate";
    char date[32];

    switch (seen->error) {
    case X509_V_OK:
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        explain_name(seen, host, buf, size);
        break;
    case X509_V_ERR_CERT_HAS_EXPIRED:
        snprintf(buf, size, "%s expired %s", whose, day(date, seen->error_not_after_us));
        break;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        snprintf(buf, size, "%s is not valid before %s", whose,
                 day(date, seen->error_not_before_us));
        break;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        snprintf(buf, size, "the certificate is self-signed and not trusted");
        break;
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        snprintf(buf, size,
                 "the certificate's chain ends in a self-signed root that is not "
                 "trusted");
        break;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        snprintf(buf, size,
                 "the certificate's issuer is not trusted, or the server does not "
                 "send the whole chain");
        break;
    default:
        snprintf(buf, size, "the certificate is not acceptable: %s",
                 X509_verify_cert_error_string(seen->error));
    }
}
