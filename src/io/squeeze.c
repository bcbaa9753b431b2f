#include "io/squeeze.h"

#include "base/mem.h"

#include <zstd.h>

#define LEVEL 1 /* what is left to find is entropy, not repetition: higher ones gain < 1 % */

int squeeze(const void *data, size_t n, struct str *out, struct err *reterr)
{
    size_t bound = ZSTD_compressBound(n);
    mem_auto char *buf = mem_alloc(bound);
    size_t len = ZSTD_compress(buf, bound, data, n, LEVEL);
    if (ZSTD_isError(len))
        return err_set(reterr, "cannot compress: %s", ZSTD_getErrorName(len));
    str_addn(out, buf, len);
    return 0;
}

int unsqueeze(const void *data, size_t len, void *ret, size_t n, struct err *reterr)
{
    size_t got = ZSTD_decompress(ret, n, data, len);
    if (ZSTD_isError(got))
        return err_set(reterr, "cannot decompress: %s", ZSTD_getErrorName(got));
    if (got != n)
        return err_set(reterr, "cannot decompress: %zu bytes where there should be %zu", got, n);
    return 0;
}
