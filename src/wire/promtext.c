#include "wire/promtext.h"

#include "base/mem.h"
#include "wire/promtext_internal.h"

#include <assert.h>
#include <stdarg.h>

enum promtext_format promtext_format(const char *content_type)
{
    static const char openmetrics[] = "application/openmetrics-text";
    if (!content_type)
        return PROMTEXT_TEXT;
    content_type += strspn(content_type, " \t");
    size_t n = strcspn(content_type, "; \t");
    bool same = n == strlen(openmetrics) && strncasecmp(content_type, openmetrics, n) == 0;
    return same ? PROMTEXT_OPENMETRICS : PROMTEXT_TEXT;
}

static const char *const type_names[PROMTEXT_TYPES] = {
    "untyped", "counter", "gauge", "histogram", "summary", "gaugehistogram", "stateset", "info",
};

const char *promtext_type_name(enum promtext_type t)
{
    assert(t < PROMTEXT_TYPES);
    return type_names[t];
}

enum promtext_type type_of_word(const char *s, size_t n)
{
    enum promtext_type t = 0;
    while (t < PROMTEXT_TYPES && (strlen(type_names[t]) != n || memcmp(type_names[t], s, n) != 0))
        t++;
    return t;
}

/* ---- errors and their places ------------------------------------------------------------ */

/* Counting ends of lines costs, and only errors need it: from the last place on
 * where it was done. */
static void find_place(struct promtext *p, const char *at)
{
    struct promtext_reader *r = p->reader;
    const char *end;
    if (at < r->counted) {
        r->counted = r->page;
        r->lines = 0;
    }
    while (at > r->counted && (end = memchr(r->counted, '\n', (size_t)(at - r->counted)))) {
        r->counted = end + 1;
        r->lines++;
    }
    p->line = r->lines + 1;
    p->column = (size_t)(at - r->counted) + 1;
}

/* Messages quote the page. */
static void make_plain(char *s)
{
    for (; *s; s++) {
        if (*s < 0x20 || *s > 0x7e)
            *s = '?';
    }
}

int promtext_fail(struct promtext *p, const char *at, const char *fmt, ...)
{
    struct promtext_reader *r = p->reader;
    const char *end;
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(p->error, sizeof(p->error), fmt, ap);
    va_end(ap);
    make_plain(p->error);
    find_place(p, at);
    /* An earlier line that turns out wrong does not make the current one so. */
    end = at < r->at ? r->at : memchr(at, '\n', (size_t)(r->end - at));
    r->resume = at < r->at ? r->at : end ? end + 1 : r->end;
    return -1;
}

/* Lines are not counted: that takes its time, too. */
bool promtext_stop(struct promtext *p)
{
    snprintf(p->error, sizeof(p->error), "nobody waits for this page any more");
    p->line = p->column = 0;
    p->reader->resume = p->reader->end;
    return true;
}

void promtext_go_on(struct promtext *p)
{
    struct promtext_reader *r = p->reader;
    if (r->resume)
        r->at = r->resume;
    r->resume = NULL;
}

/* ---- the calls ----------------------------------------------------------------------------- */

void promtext_open(struct promtext *p, enum promtext_format format, const char *page, size_t n,
                   const struct selector *const *wanted, size_t wanted_count)
{
    struct promtext_reader *r = mem_alloc(sizeof(*r));
    r->format = format;
    r->page = r->at = r->counted = n > 0 ? page : "";
    r->end = r->page + n;
    wanted_init(&r->wanted, wanted, wanted_count);
    p->error[0] = '\0';
    p->line = p->column = 0;
    p->stop = NULL;
    p->reader = r;
}

void promtext_close(struct promtext *p)
{
    struct promtext_reader *r = p->reader;
    if (!r)
        return;
    wanted_release(&r->wanted);
    seen_release(&r->om.seen);
    free(r->room);
    free(r);
    p->reader = NULL;
}

int promtext_next(struct promtext *p, struct promtext_sample *ret)
{
    if (p->reader->resume)
        return -1;
    return p->reader->format == PROMTEXT_TEXT ? text_next(p, ret) : openmetrics_next(p, ret);
}

int promtext_give(struct promtext *p, const struct sample_line *l, enum promtext_type type,
                  struct promtext_sample *ret)
{
    struct wanted *w = &p->reader->wanted;
    struct err err;
    int rc = wanted_match(w, &l->series, &err);
    if (rc < 0)
        return promtext_fail(p, l->at, "%s", err.msg);
    if (rc == 0)
        return 0;
    ret->series.name = l->series.name;
    ret->series.name_len = l->series.name_len;
    ret->series.label_count = l->series.label_count;
    memcpy(ret->series.labels, l->series.labels,
           l->series.label_count * sizeof(l->series.labels[0]));
    ret->type = type;
    ret->value = l->value;
    ret->has_time = l->has_time;
    ret->time_us = l->has_time ? us_of_ps(l->time_ps) : 0;
    ret->matched = w->matched;
    ret->matched_count = w->matched_count;
    return 1;
}

size_t promtext_matches(const struct promtext *p, size_t wanted)
{
    assert(wanted < p->reader->wanted.count);
    return p->reader->wanted.matches[wanted];
}
