#include "io/gunzip.h"

#include "base/mem.h"

#include <assert.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define PIECE (64 << 10)
#define GZIP_ONLY 16 /* with a window: gzip's frame and no other */

bool gunzip_is(const void *data, size_t n)
{
    return n >= 2 && memcmp(data, "\x1f\x8b", 2) == 0;
}

/* One piece; zlib's code. */
static int step(z_stream *z, unsigned char piece[static PIECE], struct str *out)
{
    z->next_out = piece;
    z->avail_out = PIECE;
    int rc = inflate(z, Z_NO_FLUSH);
    str_addn(out, piece, PIECE - z->avail_out);
    return rc;
}

static enum gunzip_end unpack(z_stream *z, unsigned char piece[static PIECE],
                              const atomic_bool *stop, struct str *out)
{
    for (;;) {
        if (stop && atomic_load_explicit(stop, memory_order_relaxed))
            return GUNZIP_STOPPED;
        int rc = step(z, piece, out);
        if (out->overflow)
            return GUNZIP_TOO_LONG;
        if (rc == Z_STREAM_END && z->avail_in == 0)
            return GUNZIP_DONE;
        if (rc == Z_STREAM_END)
            rc = inflateReset(z);
        if (rc == Z_BUF_ERROR || (rc == Z_OK && z->avail_in == 0 && z->avail_out != 0))
            return GUNZIP_CUT;
        if (rc != Z_OK)
            return GUNZIP_BROKEN;
    }
}

enum gunzip_end gunzip(const void *data, size_t n, const atomic_bool *stop, struct str *out)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)data, .avail_in = (uInt)n};
    assert(n <= UINT_MAX);
    int rc = inflateInit2(&z, MAX_WBITS + GZIP_ONLY);
    assert(rc == Z_OK); /* the version fits, and memory is there */
    (void)rc;
    mem_auto unsigned char *piece = mem_alloc(PIECE);
    enum gunzip_end end = n ? unpack(&z, piece, stop, out) : GUNZIP_CUT;
    inflateEnd(&z);
    return end;
}

/* ---- in pieces ------------------------------------------------------------------- */

struct gunzip {
    z_stream z;
    bool at_end; /* of a stream: another one may follow */
    unsigned char piece[GUNZIP_PIECE];
};

struct gunzip *gunzip_new(void)
{
    struct gunzip *g = mem_alloc(sizeof(*g));
    int rc = inflateInit2(&g->z, MAX_WBITS + GZIP_ONLY);
    assert(rc == Z_OK);
    (void)rc;
    return g;
}

void gunzip_free(struct gunzip *g)
{
    if (!g)
        return;
    inflateEnd(&g->z);
    free(g);
}

/* Unpacks to one piece and tells it; zlib's code. */
static int tell_piece(struct gunzip *g, bool (*fn)(void *ctx, const char *data, size_t n),
                      void *ctx, bool *ret_stopped)
{
    z_stream *z = &g->z;
    if (g->at_end)
        inflateReset(z);
    z->next_out = g->piece;
    z->avail_out = GUNZIP_PIECE;
    int rc = inflate(z, Z_SYNC_FLUSH);
    size_t n = GUNZIP_PIECE - z->avail_out;
    g->at_end = rc == Z_STREAM_END;
    *ret_stopped = n && !fn(ctx, (const char *)g->piece, n);
    return rc;
}

enum gunzip_end gunzip_feed(struct gunzip *g, const void *data, size_t n,
                            bool (*fn)(void *ctx, const char *data, size_t n), void *ctx)
{
    z_stream *z = &g->z;
    bool stopped = false;
    assert(n <= UINT_MAX);
    z->next_in = (Bytef *)(uintptr_t)data;
    z->avail_in = (uInt)n;
    while (z->avail_in || (n && !g->at_end && z->avail_out == 0)) {
        int rc = tell_piece(g, fn, ctx, &stopped);
        if (stopped)
            return GUNZIP_STOPPED;
        if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
            return GUNZIP_BROKEN;
    }
    return g->at_end ? GUNZIP_DONE : GUNZIP_CUT;
}
