#include "io/url.h"

#include "base/mem.h"
#include "base/str.h"

#include <ctype.h>
#include <curl/urlapi.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <strings.h>

static CURLU *url_new(void)
{
    CURLU *u = curl_url();
    if (!u)
        abort();
    return u;
}

static char *part(CURLU *u, CURLUPart what, unsigned flags)
{
    char *text = NULL;
    if (curl_url_get(u, what, &text, flags) == CURLUE_OK)
        return text;
    curl_free(text);
    return NULL;
}

static bool is_web(CURLU *u)
{
    char *scheme = part(u, CURLUPART_SCHEME, 0);
    bool web = str_eq(scheme, "http") || str_eq(scheme, "https");
    curl_free(scheme);
    return web;
}

/* A server's text gets to terminals and logs: nothing but visible ASCII. */
static bool is_visible(const char *text)
{
    for (; *text; text++) {
        if (*text <= ' ' || *text >= 0x7f)
            return false;
    }
    return true;
}

/* curl would translate a host by the locale, and we have none. */
static int check_place(CURLU *u, struct err *reterr)
{
    char *host = part(u, CURLUPART_HOST, 0);
    char *port = part(u, CURLUPART_PORT, 0);
    int rc = 0;
    if (!host || !is_visible(host))
        rc = err_set(reterr, "the host of a URL is ASCII: write an international name in its "
                             "xn-- form");
    else if (port && strtol(port, NULL, 10) == 0)
        rc = err_set(reterr, "nothing listens on port 0");
    curl_free(host);
    curl_free(port);
    return rc;
}

static int check_parsed(CURLU *u, const char *url, struct err *reterr)
{
    if (!is_web(u))
        return err_set(reterr, "'%s' is neither http:// nor https://", url);
    char *user = part(u, CURLUPART_USER, 0);
    char *password = part(u, CURLUPART_PASSWORD, 0);
    bool userinfo = user || password;
    curl_free(user);
    curl_free(password);
    /* Not echoed: it may hold a password. */
    if (userinfo)
        return err_set(reterr, "the URL holds a user or password: they belong under `auth`");
    return check_place(u, reterr);
}

int url_check(const char *url, struct err *reterr)
{
    if (strlen(url) > URL_MAX)
        return err_set(reterr, "a URL has at most %d bytes", URL_MAX);
    if (strncasecmp(url, "http://", 7) != 0 && strncasecmp(url, "https://", 8) != 0) {
        const char *at = strstr(url, "://");
        if (at && strcspn(url, "@") > (size_t)(at - url))
            return err_set(reterr, "'%.*s://': a URL begins with http:// or https://",
                           (int)(at - url < 20 ? at - url : 20), url);
        return err_set(reterr, "a URL begins with http:// or https://");
    }
    CURLU *u = url_new();
    CURLUcode rc = curl_url_set(u, CURLUPART_URL, url, 0);
    int status = rc == CURLUE_OK ? check_parsed(u, url, reterr)
                                 : err_set(reterr, "not a valid URL: %s", curl_url_strerror(rc));
    curl_url_cleanup(u);
    return status;
}

int url_resolve(const char *base, const char *location, char **ret, struct err *reterr)
{
    if (strlen(location) > URL_MAX)
        return err_set(reterr, "a Location of more than %d bytes", URL_MAX);
    CURLU *u = url_new();
    char *text = NULL;
    CURLUcode rc = curl_url_set(u, CURLUPART_URL, base, 0);
    if (rc == CURLUE_OK)
        rc = curl_url_set(u, CURLUPART_URL, location, CURLU_NON_SUPPORT_SCHEME | CURLU_URLENCODE);
    bool web = rc == CURLUE_OK && is_web(u);
    if (web) {
        curl_url_set(u, CURLUPART_USER, NULL, 0);
        curl_url_set(u, CURLUPART_PASSWORD, NULL, 0);
        curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0);
        text = part(u, CURLUPART_URL, 0);
    }
    curl_url_cleanup(u);
    if (rc != CURLUE_OK || (text && !is_visible(text))) {
        curl_free(text);
        return err_set(reterr, "'%.200s' is not a valid URL", location);
    }
    if (!web)
        return err_set(reterr, "'%.200s' is neither http nor https", location);
    if (!text || strlen(text) > URL_MAX) {
        curl_free(text);
        return err_set(reterr, "a Location of more than %d bytes", URL_MAX);
    }
    *ret = mem_strdup(text);
    curl_free(text);
    return 0;
}

static char *url_part(const char *url, CURLUPart what)
{
    CURLU *u = url_new();
    char *text = NULL;
    if (curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK)
        text = part(u, what, what == CURLUPART_PORT ? CURLU_DEFAULT_PORT : 0);
    curl_url_cleanup(u);
    return text;
}

static bool same_part(const char *a, const char *b, CURLUPart what)
{
    char *x = url_part(a, what), *y = url_part(b, what);
    bool same = x && y && strcasecmp(x, y) == 0;
    curl_free(x);
    curl_free(y);
    return same;
}

bool url_same_origin(const char *a, const char *b)
{
    return same_part(a, b, CURLUPART_SCHEME) && same_part(a, b, CURLUPART_HOST) &&
           same_part(a, b, CURLUPART_PORT);
}

char *url_host(const char *url)
{
    char *text = url_part(url, CURLUPART_HOST);
    size_t n = text ? strlen(text) : 0;
    bool bare = n > 2 && text[0] == '[' && text[n - 1] == ']';
    char *host = mem_strndup(bare ? text + 1 : text ? text : "", bare ? n - 2 : n);
    curl_free(text);
    return host;
}

char *url_peer(const char *url)
{
    char *host = url_part(url, CURLUPART_HOST), *port = url_part(url, CURLUPART_PORT);
    char *peer = mem_printf("%s:%s", host ? host : "", port ? port : "");
    for (char *p = peer; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    curl_free(host);
    curl_free(port);
    return peer;
}

bool url_is_https(const char *url)
{
    char *scheme = url_part(url, CURLUPART_SCHEME);
    bool https = str_eq(scheme, "https");
    curl_free(scheme);
    return https;
}
