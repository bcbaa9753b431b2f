#include "cli/timeline.h"

#include "base/mem.h"
#include "base/units.h"

#include <string.h>

void timeline_init(struct timeline *t)
{
    *t = (struct timeline){0};
}

void timeline_release(struct timeline *t)
{
    mem_free(&t->marks);
    arena_release(&t->arena);
}

static const char *keep(struct timeline *t, const char *text)
{
    size_t n = strlen(text);
    if (!n || n > TIMELINE_TEXT - t->text_bytes)
        return "";
    t->text_bytes += n;
    return arena_strdup(&t->arena, text);
}

void timeline_add(struct timeline *t, const struct answer_mark *mark)
{
    if (mark->kind == MARK_REQUEST) {
        memset(t->count, 0, sizeof(t->count));
        memset(t->last_us, 0, sizeof(t->last_us));
        t->bytes = 0;
    }
    t->count[mark->kind]++;
    t->last_us[mark->kind] = mark->at_us;
    if (mark->kind > MARK_HEADERS)
        t->bytes += mark->bytes;
    if (t->n == TIMELINE_MARKS) {
        t->dropped++;
        return;
    }
    if (t->n == t->cap) {
        t->cap = t->cap ? 2 * t->cap : 64;
        t->marks = mem_resize(t->marks, t->cap, sizeof(*t->marks));
    }
    struct answer_mark *m = &t->marks[t->n++];
    *m = *mark;
    m->name = keep(t, mark->name);
    m->text = keep(t, mark->text);
}

static bool is_event(enum mark_kind kind)
{
    return kind > MARK_HEADERS && kind != MARK_PING && kind != MARK_CLOSED;
}

static bool is_piece(enum mark_kind kind)
{
    return kind == MARK_TEXT || kind == MARK_TOOL || kind == MARK_REASONING;
}

static void first(int64_t *at_us, int64_t mark_us)
{
    *at_us = *at_us < 0 ? mark_us : *at_us;
}

struct timeline_times timeline_times(const struct timeline *t)
{
    struct timeline_times r = {.request_us = -1};
    for (size_t i = 0; i < t->n; i++)
        r.from = t->marks[i].kind == MARK_REQUEST ? i : r.from;
    r.headers_us = r.event_us = r.token_us = r.end_us = -1;
    for (size_t i = r.from; i < t->n; i++) {
        const struct answer_mark *m = &t->marks[i];
        if (m->kind == MARK_REQUEST)
            first(&r.request_us, m->at_us);
        else if (m->kind == MARK_HEADERS)
            first(&r.headers_us, m->at_us);
        if (is_event(m->kind))
            first(&r.event_us, m->at_us);
        if (m->kind == MARK_TEXT || m->kind == MARK_TOOL)
            first(&r.token_us, m->at_us);
        if (m->kind == MARK_TERMINATOR || m->kind == MARK_CLOSED)
            first(&r.end_us, m->at_us);
    }
    return r;
}

static bool ends(enum mark_kind kind)
{
    return kind == MARK_TERMINATOR || kind == MARK_ERROR || kind == MARK_CLOSED;
}

/* Of pieces, and from the last one to the end of the answer. */
bool timeline_gap(const struct timeline *t, int64_t now_us, struct timeline_gap *ret)
{
    struct timeline_times times = timeline_times(t);
    size_t last = t->n;
    *ret = (struct timeline_gap){0};
    for (size_t i = times.from; i <= t->n; i++) {
        bool end = i == t->n || ends(t->marks[i].kind);
        if (!end && !is_piece(t->marks[i].kind))
            continue;
        int64_t at_us = i == t->n ? now_us : t->marks[i].at_us;
        if (last < t->n && at_us - t->marks[last].at_us > ret->to_us - ret->from_us)
            *ret = (struct timeline_gap){last, i, t->marks[last].at_us, at_us};
        if (end)
            break;
        last = i;
    }
    return ret->to_us > ret->from_us;
}

int64_t timeline_axis_us(const struct timeline_view *v)
{
    static const int64_t steps[] = {10, 20, 50};
    int64_t unit = USEC_PER_SEC / 10, now = v->now_us;
    if (v->obs)
        return now > 0 ? now : 1;
    for (size_t i = 0;; i++) {
        int64_t axis = steps[i % 3] * unit;
        if (now < axis)
            return axis;
        unit *= i % 3 == 2 ? 10 : 1;
    }
}
