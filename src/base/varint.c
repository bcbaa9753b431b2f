#include "base/varint.h"

void varint_put(struct str *out, uint64_t v)
{
    while (v >= 0x80) {
        str_addc(out, (char)(v | 0x80));
        v >>= 7;
    }
    str_addc(out, (char)v);
}

bool varint_get(const unsigned char **p, const unsigned char *end, uint64_t *ret)
{
    uint64_t v = 0;
    const unsigned char *at = *p;
    for (int shift = 0; at < end && shift < 64; shift += 7) {
        unsigned char c = *at++;
        if (shift == 63 && c > 1)
            return false;
        v |= (uint64_t)(c & 0x7f) << shift;
        if (c & 0x80)
            continue;
        if (c == 0 && shift > 0)
            return false;
        *ret = v;
        *p = at;
        return true;
    }
    return false;
}
