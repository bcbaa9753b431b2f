#include "engine/export.h"

#include "base/mem.h"
#include "wire/import.h"

struct exporter {
    const struct export_options *o;
    struct import_writer writer;
    char *buf; /* EXPORT_BYTES */
    size_t len;
    int64_t results;
    bool damaged, stopped;
};

static int flush(struct exporter *x)
{
    if (x->len && x->o->write(x->o->ctx, x->buf, x->len) < 0)
        return -1;
    x->len = 0;
    if (x->o->progress)
        x->o->progress(x->o->ctx, x->results);
    return 0;
}

static bool on_result(void *ctx, const struct result *r)
{
    struct exporter *x = ctx;
    x->damaged = !import_writable(r);
    if (x->damaged)
        return false;
    x->len += import_writer_put(&x->writer, r, x->buf + x->len);
    x->results++;
    x->stopped = x->len + IMPORT_WRITE_MAX > EXPORT_BYTES && flush(x) < 0;
    return !x->stopped;
}

static int export_probe(struct exporter *x, struct store_reader *r, const char *probe,
                        struct err *reterr)
{
    import_writer_init(&x->writer, probe);
    if (store_reader_results(r, probe, x->o->from_us, x->o->to_us, on_result, x, reterr) < 0)
        return -1;
    if (x->damaged)
        return err_set(reterr, "the results of '%s' are damaged: try `nines db check`", probe);
    return x->stopped;
}

int export_results(struct store_reader *r, const struct export_options *o, int64_t *ret_n,
                   struct err *reterr)
{
    struct exporter x = {.o = o, .buf = mem_alloc(EXPORT_BYTES)};
    int rc = 0;
    for (size_t i = 0; i < o->probe_count && rc == 0; i++)
        rc = export_probe(&x, r, o->probes[i], reterr);
    if (rc == 0)
        rc = flush(&x) < 0;
    *ret_n = x.results;
    free(x.buf);
    return rc;
}
