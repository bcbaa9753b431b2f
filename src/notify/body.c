#include "notify/body.h"

int body_write(const struct notification *n, struct str *out)
{
    const char *p = n->payload;

    while (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')
        p++;
    if (n->unrecorded && p[0] == '{') {
        p++;
        while (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')
            p++;
        str_add(out, *p == '}' ? "{\"unrecorded\":true" : "{\"unrecorded\":true,");
    }
    /* In JSON a raw line break is only ever white space between tokens. */
    for (; *p; p++)
        str_addc(out, *p == '\n' || *p == '\r' ? ' ' : *p);
    return out->overflow ? -1 : 0;
}
