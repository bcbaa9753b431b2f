#include "probe/redirect.h"

#include "base/str.h"
#include "io/url.h"

#include <stdlib.h>

bool redirect_status(int status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

int redirect_next(struct arena *a, const struct target *now, int status, const char *location,
                  struct target *ret, struct err *reterr)
{
    struct err err;
    char *url = NULL;
    if (url_resolve(now->url, location, &url, &err) < 0)
        return err_set(reterr, "the redirect leads nowhere: %s", err.msg);
    struct target next = *now;
    next.url = arena_strdup(a, url);
    free(url);
    if (url_is_https(now->url) && !url_is_https(next.url))
        return err_set(reterr, "the redirect from https to %.200s is refused", next.url);
    bool to_get = (status == 303 && !str_eq(now->method, "HEAD")) ||
                  ((status == 301 || status == 302) && str_eq(now->method, "POST"));
    if (to_get) {
        next.method = "GET";
        next.body = false;
    }
    next.credentials = now->credentials && url_same_origin(now->url, next.url);
    *ret = next;
    return 0;
}
