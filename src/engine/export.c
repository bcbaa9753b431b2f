#include "engine/export.h"

#include "base/mem.h"
#include "base/when.h"
#include "nines/sample.h"
#include "wire/import.h"

#include <string.h>

/* Of bytes that JSON has to escape, both the probe's and the series'. */
#define SAMPLE_LINE_MAX (6 * (SAMPLE_SERIES_MAX + IMPORT_PROBE_MAX) + 200)

struct exporter {
    const struct export_options *o;
    struct import_writer writer; /* of results */
    const char *probe;           /* of samples */
    struct str line;
    char *buf; /* EXPORT_BYTES */
    size_t len;
    int64_t lines;
    bool damaged, stopped;
};

static int flush(struct exporter *x)
{
    if (x->len && x->o->write(x->o->ctx, x->buf, x->len) < 0)
        return -1;
    x->len = 0;
    if (x->o->progress)
        x->o->progress(x->o->ctx, x->lines);
    return 0;
}

static bool on_result(void *ctx, const struct result *r)
{
    struct exporter *x = ctx;
    x->damaged = !import_writable(r);
    if (x->damaged)
        return false;
    x->len += import_writer_put(&x->writer, r, x->buf + x->len);
    x->lines++;
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

static void on_sample(void *ctx, const char *series, int64_t slot_us, double value)
{
    struct exporter *x = ctx;
    if (x->stopped || x->damaged)
        return;
    str_clear(&x->line);
    x->damaged = slot_us < 0 || slot_us >= WHEN_END_US ||
                 import_write_sample(&x->line, x->probe, slot_us, series ? series : "",
                                     series ? value : 0) < 0;
    if (x->damaged)
        return;
    memcpy(x->buf + x->len, x->line.buf, x->line.len);
    x->len += x->line.len;
    x->lines++;
    x->stopped = x->len + SAMPLE_LINE_MAX > EXPORT_BYTES && flush(x) < 0;
}

static int export_probe_samples(struct exporter *x, struct store_reader *r, const char *probe,
                                struct err *reterr)
{
    x->probe = probe;
    if (store_reader_samples(r, probe, x->o->from_us, x->o->to_us, on_sample, x, reterr) < 0)
        return -1;
    if (x->damaged)
        return err_set(reterr, "the samples of '%s' are damaged: try `nines db check`", probe);
    return x->stopped;
}

typedef int (*export_fn)(struct exporter *x, struct store_reader *r, const char *probe,
                         struct err *reterr);

static int export_probes(struct store_reader *r, const struct export_options *o, export_fn fn,
                         int64_t *ret_n, struct err *reterr)
{
    struct exporter x = {.o = o, .buf = mem_alloc(EXPORT_BYTES)};
    int rc = 0;
    str_init(&x.line, SAMPLE_LINE_MAX);
    for (size_t i = 0; i < o->probe_count && rc == 0; i++)
        rc = fn(&x, r, o->probes[i], reterr);
    if (rc == 0)
        rc = flush(&x) < 0;
    *ret_n = x.lines;
    str_release(&x.line);
    free(x.buf);
    return rc;
}

int export_results(struct store_reader *r, const struct export_options *o, int64_t *ret_n,
                   struct err *reterr)
{
    return export_probes(r, o, export_probe, ret_n, reterr);
}

int export_samples(struct store_reader *r, const struct export_options *o, int64_t *ret_n,
                   struct err *reterr)
{
    return export_probes(r, o, export_probe_samples, ret_n, reterr);
}
