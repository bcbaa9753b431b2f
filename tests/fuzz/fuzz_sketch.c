/* A stored sketch is bytes from a file: what decodes encodes to the same. */
#include "fuzz.h"

#include "model/sketch.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sketch s = SKETCH_INIT;
    if (sketch_decode(data, size, &s, NULL) == 0) {
        struct str out;
        bool lower;
        str_init(&out, 1 << 16);
        sketch_encode(&s, &out);
        assert(out.len == size && memcmp(out.buf, data, size) == 0);
        int64_t half = sketch_quantile(&s, 1, 2, &lower), all = sketch_quantile(&s, 1, 1, &lower);
        assert(half <= all && all <= s.max_us);
        str_release(&out);
    }
    sketch_release(&s);
    return 0;
}
