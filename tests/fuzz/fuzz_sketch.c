/* A stored sketch is bytes from a file: what decodes encodes to the same, and an
 * older version to what says the same. */
#include "fuzz.h"

#include "model/sketch.h"

#include <assert.h>
#include <string.h>

static void assert_same(const struct sketch *s, const struct str *encoded)
{
    struct sketch again = SKETCH_INIT;
    struct str out;
    str_init(&out, 1 << 16);
    assert(sketch_decode(encoded->buf, encoded->len, &again, NULL) == 0);
    assert(again.count == s->count && again.censored == s->censored);
    assert(again.max_us == s->max_us);
    sketch_encode(&again, &out);
    assert(out.len == encoded->len && memcmp(out.buf, encoded->buf, out.len) == 0);
    str_release(&out);
    sketch_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sketch s = SKETCH_INIT;
    if (sketch_decode(data, size, &s, NULL) == 0) {
        struct str out;
        bool lower;
        str_init(&out, 1 << 16);
        sketch_encode(&s, &out);
        if (out.buf[0] == (char)data[0])
            assert(out.len == size && memcmp(out.buf, data, size) == 0);
        else
            assert_same(&s, &out);
        int64_t half = sketch_quantile(&s, 1, 2, &lower), all = sketch_quantile(&s, 1, 1, &lower);
        assert(half <= all && all <= s.max_us);
        str_release(&out);
    }
    sketch_release(&s);
    return 0;
}
