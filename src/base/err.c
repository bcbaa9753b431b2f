#include "base/err.h"

#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Formats beside the message first: callers chain with the old message as an
 * argument. */
static void set(struct err *e, const char *suffix, const char *fmt, va_list ap)
{
    char text[sizeof(e->msg)];
    int n = vsnprintf(text, sizeof(text), fmt, ap);
    if (n < 0)
        n = 0;
    if (suffix && (size_t)n < sizeof(text))
        snprintf(text + n, sizeof(text) - (size_t)n, ": %s", suffix);
    str_copy(e->msg, sizeof(e->msg), text);
}

int err_set(struct err *e, const char *fmt, ...)
{
    if (!e)
        return -1;
    va_list ap;
    va_start(ap, fmt);
    set(e, NULL, fmt, ap);
    va_end(ap);
    return -1;
}

int err_errno(struct err *e, int errnum, const char *fmt, ...)
{
    if (!e)
        return -1;
    char text[128];
    va_list ap;
    va_start(ap, fmt);
    set(e, strerror_r(errnum, text, sizeof(text)), fmt, ap);
    va_end(ap);
    return -1;
}
