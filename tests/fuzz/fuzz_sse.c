/* Any bytes as a stream of events, whole and in pieces: the same comes out, and it is
 * UTF-8 without NULs. The first byte says how long the pieces are. */
#include "fuzz.h"

#include "base/json.h"
#include "wire/sse.h"

#include <assert.h>
#include <string.h>

struct seen {
    unsigned long long hash;
    size_t n;
};

static void assert_text(const char *text, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t len = json_utf8((const unsigned char *)text + i, n - i);
        assert(len > 0 && text[i]);
        i += len;
    }
    assert(text[n] == '\0');
}

static bool see(void *ctx, const struct sse_event *e)
{
    struct seen *seen = ctx;
    assert_text(e->data, e->data_len);
    assert_text(e->name, strlen(e->name));
    assert(e->data_len <= SSE_DATA_MAX);
    seen->hash = seen->hash * 31 + str_hash(e->data, e->data_len) +
                 str_hash(e->name, strlen(e->name)) + (unsigned)e->what + e->bytes;
    seen->n++;
    return true;
}

static bool read_all(struct seen *seen, const char *data, size_t n, size_t piece)
{
    struct sse *s = sse_new(see, seen);
    for (size_t i = 0; i < n; i += piece)
        sse_feed(s, data + i, n - i < piece ? n - i : piece);
    bool open = sse_open(s);
    sse_free(s);
    return open;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct seen whole = {0}, cut = {0};
    const char *text = (const char *)data + 1;
    bool open = read_all(&whole, text, size - 1, size);
    bool also = read_all(&cut, text, size - 1, (size_t)data[0] % 64 + 1);
    assert(open == also && whole.n == cut.n && whole.hash == cut.hash);
    (void)open, (void)also;
    return 0;
}
