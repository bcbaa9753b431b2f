#include "wire/sse.h"

#include "base/mem.h"
#include "wire/utf8.h"

#include <assert.h>
#include <string.h>

#define COMMENT_MAX 256

struct sse {
    sse_event_fn fn;
    void *ctx;
    struct str line; /* begun in an earlier piece */
    struct str data; /* each of its lines ends in LF */
    char name[SSE_NAME_MAX];
    size_t line_bytes, event_bytes;
    bool first;    /* the next line is the first one */
    bool after_cr; /* a LF that comes now belongs to the CR before it */
    bool fields;   /* the event has begun */
    bool has_data;
    bool long_line; /* what comes up to its end is dropped */
    bool bad_event; /* and what comes up to the empty line */
    bool stopped;
};

struct sse *sse_new(sse_event_fn fn, void *ctx)
{
    struct sse *s = mem_alloc(sizeof(*s));
    s->fn = fn;
    s->ctx = ctx;
    s->first = true;
    str_init(&s->line, SSE_LINE_MAX);
    str_init(&s->data, SSE_DATA_MAX + 1); /* the LF at its end is none of it */
    return s;
}

void sse_free(struct sse *s)
{
    if (!s)
        return;
    str_release(&s->line);
    str_release(&s->data);
    free(s);
}

bool sse_open(const struct sse *s)
{
    return s->line.len > 0 || s->long_line || s->fields;
}

static void tell(struct sse *s, enum sse_what what, const char *name, const char *data, size_t n,
                 size_t bytes)
{
    struct sse_event e = {.what = what, .name = name, .data = data, .data_len = n, .bytes = bytes};
    if (!s->fn(s->ctx, &e))
        s->stopped = true;
}

/* Once for each event, however much of it is too long. */
static void too_long(struct sse *s, const char *why)
{
    if (!s->bad_event)
        tell(s, SSE_MALFORMED, "", why, strlen(why), 0);
    s->bad_event = true;
    s->fields = true;
    str_clear(&s->data);
}

static void event_end(struct sse *s)
{
    size_t bytes = s->event_bytes;
    bool whole = s->has_data && !s->bad_event;
    s->event_bytes = 0;
    s->fields = s->has_data = s->bad_event = false;
    if (whole) {
        assert(s->data.len > 0);
        s->data.buf[--s->data.len] = '\0';
        tell(s, SSE_EVENT, s->name[0] ? s->name : "message", s->data.buf, s->data.len, bytes);
    }
    str_clear(&s->data);
    s->name[0] = '\0';
}

static void comment(struct sse *s, const char *text, size_t n)
{
    char shown[COMMENT_MAX];
    if (n > 0 && *text == ' ')
        text++, n--;
    size_t len = utf8_copy(shown, sizeof(shown), text, n);
    tell(s, SSE_COMMENT, "", shown, len, s->line_bytes);
}

static void data_line(struct sse *s, const char *value, size_t n)
{
    s->has_data = true;
    if (s->bad_event)
        return;
    if (utf8_add(&s->data, value, n) < n || str_addc(&s->data, '\n') < 0)
        too_long(s, "an event of more than 128 KiB of data");
}

static void field(struct sse *s, const char *line, size_t n)
{
    const char *colon = memchr(line, ':', n);
    size_t name_len = colon ? (size_t)(colon - line) : n;
    const char *value = colon ? colon + 1 : line + n;
    size_t value_len = (size_t)(line + n - value);
    if (value_len > 0 && *value == ' ')
        value++, value_len--;
    s->fields = true;
    if (name_len == 4 && memcmp(line, "data", 4) == 0)
        data_line(s, value, value_len);
    else if (name_len == 5 && memcmp(line, "event", 5) == 0)
        utf8_copy(s->name, sizeof(s->name), value, value_len);
}

/* A line without its end. */
static void line_end(struct sse *s, const char *line, size_t n)
{
    if (s->first && n >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0)
        line += 3, n -= 3;
    s->first = false;
    if (s->long_line) {
        s->long_line = false;
        s->event_bytes += s->line_bytes;
    } else if (n > 0 && *line == ':') {
        comment(s, line + 1, n - 1);
    } else {
        s->event_bytes += s->line_bytes;
        if (n == 0)
            event_end(s);
        else
            field(s, line, n);
    }
    s->line_bytes = 0;
}

static void keep(struct sse *s, const char *part, size_t n)
{
    if (s->long_line || n == 0)
        return;
    if (str_addn(&s->line, part, n) == 0)
        return;
    str_clear(&s->line);
    s->long_line = true;
    too_long(s, "a line of more than 128 KiB");
}

/* One line's part in `data`: returns the bytes it takes. */
static size_t feed_line(struct sse *s, const char *data, size_t n)
{
    size_t len = 0;
    while (len < n && data[len] != '\n' && data[len] != '\r')
        len++;
    bool ends = len < n;
    s->line_bytes += len + ends;
    s->after_cr = ends && data[len] == '\r';
    if (ends && s->line.len == 0 && !s->long_line && len <= SSE_LINE_MAX) {
        line_end(s, data, len);
        return len + 1;
    }
    keep(s, data, len);
    if (ends && !s->stopped) {
        line_end(s, s->line.buf, s->line.len);
        str_clear(&s->line);
    }
    return len + ends;
}

bool sse_feed(struct sse *s, const char *data, size_t n)
{
    for (size_t i = 0; i < n && !s->stopped;) {
        if (s->after_cr && data[i] == '\n') {
            s->after_cr = false;
            s->line_bytes++;
            i++;
            continue;
        }
        i += feed_line(s, data + i, n - i);
    }
    return !s->stopped;
}
