/* A stored chunk is bytes from a file: any bytes decode or are refused, and
 * what decodes comes back from its own encoding. The check sum would keep the
 * fuzzer out, so each input is tried with a right one as well. */
#include "fuzz.h"

#include "base/mem.h"
#include "store/chunk.h"

#include <assert.h>
#include <string.h>

#define SUM_BYTES 4

static void try(const uint8_t *data, size_t size)
{
    struct result *rows = mem_array(CHUNK_ROWS_MAX, sizeof(*rows));
    size_t n, again_n;
    if (chunk_decode(data, size, rows, &n, NULL) == 0) {
        struct result *again = mem_array(CHUNK_ROWS_MAX, sizeof(*again));
        struct str out;
        str_init(&out, CHUNK_BYTES_MAX);
        int rc = chunk_encode(rows, n, &out, NULL);
        assert(rc == 0);
        rc = chunk_decode(out.buf, out.len, again, &again_n, NULL);
        assert(rc == 0 && again_n == n && memcmp(rows, again, n * sizeof(*rows)) == 0);
        str_release(&out);
        free(again);
    }
    free(rows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try(data, size);
    if (size < SUM_BYTES)
        return 0;
    uint8_t *summed = mem_alloc(size);
    memcpy(summed, data, size);
    uint64_t sum = str_hash(data, size - SUM_BYTES);
    for (unsigned i = 0; i < SUM_BYTES; i++)
        summed[size - SUM_BYTES + i] = (uint8_t)(sum >> 8 * i);
    try(summed, size);
    free(summed);
    return 0;
}
