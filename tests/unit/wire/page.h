/* Reading a page for its tests: all samples as text, or the error. */
#pragma once

#include "base/mem.h"
#include "wire/promtext.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* "name{a="x"} value [time_us] type\n" for each sample, labels as they come; an
 * error ends it as "LINE:COLUMN: message\n". */
struct page_text {
    char text[64 << 10];
    size_t len;
    int rc;
};

static inline void page_add(struct page_text *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static inline void page_add(struct page_text *t, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(t->text + t->len, sizeof(t->text) - t->len, fmt, ap);
    va_end(ap);
    t->len += (size_t)n;
    assert_true(t->len < sizeof(t->text));
}

static inline void page_add_sample(struct page_text *t, const struct promtext_sample *s)
{
    page_add(t, "%.*s", (int)s->series.name_len, s->series.name);
    for (size_t i = 0; i < s->series.label_count; i++) {
        const struct series_label *l = &s->series.labels[i];
        page_add(t, "%s%.*s=[%.*s]", i ? "," : "{", (int)l->name_len, l->name, (int)l->value_len,
                 l->value);
    }
    page_add(t, "%s %.17g", s->series.label_count ? "}" : "", s->value);
    if (s->has_time)
        page_add(t, " @%" PRId64, s->time_us);
    page_add(t, " %s\n", promtext_type_name(s->type));
}

/* Bounds are those of the page exactly, so that sanitizers see what is beyond. */
static inline void page_read(struct page_text *t, enum promtext_format f, const char *page,
                             size_t n, const struct selector *const *wanted, size_t count)
{
    struct promtext_sample sample;
    struct promtext p;
    char *exact = mem_alloc(n ? n : 1);
    memcpy(exact, page, n);
    t->len = 0;
    t->text[0] = '\0';
    promtext_open(&p, f, exact, n, wanted, count);
    while ((t->rc = promtext_next(&p, &sample)) > 0)
        page_add_sample(t, &sample);
    if (t->rc < 0) {
        page_add(t, "%zu:%zu: %s\n", p.line, p.column, p.error);
        assert_int_equal(promtext_next(&p, &sample), -1);
    } else {
        assert_int_equal(promtext_next(&p, &sample), 0);
    }
    promtext_close(&p);
    promtext_close(&p);
    free(exact);
}
