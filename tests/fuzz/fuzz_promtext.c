/* Exposition text: reading ends, what is wanted and what is skipped are judged
 * alike, and what is read, written as text and read again is the same. */
#include "fuzz.h"

#include "base/mem.h"
#include "base/str.h"
#include "wire/promtext.h"

#include <assert.h>
#include <math.h>
#include <string.h>

struct outcome {
    int rc;
    size_t line, column, samples;
    bool of_labels; /* an error that only series that are wanted can have */
};

static void put_again(const struct promtext_sample *s, struct str *out)
{
    str_addn(out, s->series.name, s->series.name_len);
    str_addc(out, '{');
    for (size_t i = 0; i < s->series.label_count; i++) {
        const struct series_label *l = &s->series.labels[i];
        str_addn(out, l->name, l->name_len);
        str_addc(out, '=');
        series_put_value(out, l->value, l->value_len);
        str_addc(out, ',');
    }
    str_addf(out, "} %.17g\n", s->value);
}

static struct outcome read_page(enum promtext_format f, const char *page, size_t n, bool all,
                                struct str *again)
{
    static const struct selector *const nothing[1];
    struct promtext_sample sample;
    struct outcome o = {0};
    struct promtext p;
    promtext_open(&p, f, page, n, all ? NULL : nothing, 0);
    while ((o.rc = promtext_next(&p, &sample)) > 0) {
        o.samples++;
        assert(sample.series.name_len > 0 && sample.series.label_count <= SERIES_LABELS_MAX);
        if (again)
            put_again(&sample, again);
    }
    o.line = p.line;
    o.column = p.column;
    o.of_labels = strstr(p.error, "comes twice") || strstr(p.error, "more than");
    assert((o.rc < 0) == (p.error[0] != '\0') && (o.rc < 0) == (o.line > 0));
    /* Each time on it goes behind an error or tells the next: it ends. */
    for (int rc = o.rc; rc != 0; rc = promtext_next(&p, &sample))
        if (rc < 0)
            promtext_go_on(&p);
    promtext_close(&p);
    return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *page = (const char *)data;
    struct str again, twice;
    str_init(&again, 64 + 40 * size);
    str_init(&twice, 64 + 40 * size);

    struct outcome all = read_page(PROMTEXT_TEXT, page, size, true, &again);
    struct outcome none = read_page(PROMTEXT_TEXT, page, size, false, NULL);
    assert(all.of_labels || (all.rc == none.rc && all.line == none.line));
    assert(all.of_labels || all.column == none.column);
    assert(all.rc < 0 || none.rc == 0);
    assert(!again.overflow);
    struct outcome o = read_page(PROMTEXT_TEXT, again.buf, again.len, true, &twice);
    assert(o.rc == 0 && o.samples == all.samples);
    assert(again.len == twice.len && memcmp(again.buf, twice.buf, again.len) == 0);

    str_clear(&again);
    all = read_page(PROMTEXT_OPENMETRICS, page, size, true, &again);
    none = read_page(PROMTEXT_OPENMETRICS, page, size, false, NULL);
    assert(all.rc == none.rc && all.line == none.line && all.column == none.column);
    o = read_page(PROMTEXT_TEXT, again.buf, again.len, true, NULL);
    assert(o.rc == 0 && o.samples == all.samples);

    str_release(&again);
    str_release(&twice);
    return 0;
}
