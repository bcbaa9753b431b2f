#include "cli/timeline.h"

#include "base/units.h"
#include "cli/paint.h"

#include <stdio.h>
#include <string.h>

#define LABEL 11
#define VALUE 8
#define LEFT (2 + LABEL + VALUE + 2)
#define CHART_MIN 15
#define CHART_MAX 120
#define TICK_COLUMNS 9 /* between two ticks, at least */
#define SNIPPET 18     /* of text before and after the gap */
#define NEGLIGIBLE 200 /* a part of the axis that nothing can be seen of */

struct canvas {
    const struct timeline_view *v;
    struct str *out;
    struct timeline_times times;
    int64_t axis_us;
    int columns; /* of the chart */
};

/* ---- the axis -------------------------------------------------------------------------- */

static int column(const struct canvas *c, int64_t at_us)
{
    int64_t n = at_us < 0 ? 0 : at_us * c->columns / c->axis_us;
    return n >= c->columns ? c->columns - 1 : (int)n;
}

/* 1, 2 or 5 times a power of ten. */
static int64_t tick_step(const struct canvas *c)
{
    int64_t step = 1;
    int wide = c->columns / TICK_COLUMNS > 0 ? c->columns / TICK_COLUMNS : 1;
    for (int i = 0; c->axis_us / step > wide; i++)
        step = i % 3 == 1 ? step / 2 * 5 : step * 2;
    return step;
}

static const char *tick_text(char buf[static UNITS_MAX], int64_t us)
{
    long long n = us;
    if (us < USEC_PER_MSEC)
        snprintf(buf, UNITS_MAX, us ? "%lldus" : "%lld", n);
    else if (us < USEC_PER_SEC && us % USEC_PER_MSEC)
        snprintf(buf, UNITS_MAX, "%lld.%lldms", n / 1000, n % 1000 / 100);
    else if (us < USEC_PER_SEC)
        snprintf(buf, UNITS_MAX, "%lldms", n / 1000);
    else if (us % USEC_PER_SEC % 100000)
        snprintf(buf, UNITS_MAX, "%lld.%02llds", n / 1000000, n % 1000000 / 10000);
    else if (us % USEC_PER_SEC)
        snprintf(buf, UNITS_MAX, "%lld.%llds", n / 1000000, n % 1000000 / 100000);
    else
        snprintf(buf, UNITS_MAX, "%llds", n / 1000000);
    return buf;
}

static void put_axis(const struct canvas *c)
{
    char text[UNITS_MAX];
    int64_t step = tick_step(c);
    int at = 0;
    paint_pad(c->out, LEFT);
    for (int64_t us = 0; us <= c->axis_us; us += step) {
        int to = (int)(us * c->columns / c->axis_us);
        tick_text(text, us);
        if (to < at || to + (int)strlen(text) > c->columns)
            continue;
        paint_pad(c->out, to - at);
        paint(c->out, c->v->color, PAINT_DIM, text);
        at = to + (int)strlen(text);
    }
    str_addc(c->out, '\n');
    paint_pad(c->out, LEFT);
    struct str line;
    str_init(&line, 4096);
    for (int i = 0, next = 0; i < c->columns; i++) {
        bool tick = i == (int)((int64_t)next * step * c->columns / c->axis_us);
        next += tick;
        str_add(&line, !tick ? "─" : i ? "┼" : "├");
    }
    paint(c->out, c->v->color, PAINT_DIM, line.buf);
    str_addc(c->out, '\n');
    str_release(&line);
}

/* ---- rows ------------------------------------------------------------------------------ */

static void put_label(const struct canvas *c, const char *label, const char *color,
                      const char *value)
{
    int used;
    str_add(c->out, "  ");
    used = paint_clean(c->out, label, strlen(label), LABEL);
    paint_pad(c->out, LABEL - used + VALUE - paint_columns(value));
    paint(c->out, c->v->color, color, value);
    str_add(c->out, "  ");
}

/* From one instant to another, in eighths of a column; what happened is never invisible. */
static void put_bar(const struct canvas *c, const char *color, int64_t from_us, int64_t to_us)
{
    static const char *const part[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    int start = column(c, from_us);
    int64_t eighths = 8 * (int64_t)c->columns;
    int64_t end = to_us * eighths / c->axis_us - 8 * (int64_t)start;
    int64_t most = eighths - 8 * (int64_t)start;
    end = end < 1 ? 1 : end > most ? most : end;
    struct str bar;
    str_init(&bar, 4096);
    for (int64_t i = 0; i < end / 8; i++)
        str_add(&bar, "█");
    str_add(&bar, part[end % 8]);
    paint_pad(c->out, start);
    paint(c->out, c->v->color, color, bar.buf);
    str_release(&bar);
    str_addc(c->out, '\n');
}

static void put_span(const struct canvas *c, const char *label, const char *color, int64_t from_us,
                     int64_t to_us)
{
    char value[UNITS_MAX];
    bool open = to_us < 0;
    if (from_us < 0)
        return;
    to_us = open ? c->v->now_us : to_us;
    units_human_us(value, to_us - from_us);
    put_label(c, label, open && !c->v->obs ? PAINT_YELLOW : "", value);
    put_bar(c, color, from_us, to_us);
}

/* How many there were in each column, as high as that is beside the most. */
static void put_density(const struct canvas *c, const char *label, const char *color,
                        enum mark_kind kind)
{
    static const char *const pieces[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static const char *const dots[] = {" ", "·", "·", "·", "·", "·", "·", "·", "·"};
    const char *const *height = kind == MARK_EVENT || kind == MARK_PING ? dots : pieces;
    const struct timeline *t = c->v->line;
    uint32_t in[CHART_MAX] = {0}, most = 1;
    char value[32];
    if (!t->count[kind])
        return;
    for (size_t i = c->times.from; i < t->n; i++) {
        if (t->marks[i].kind == kind)
            in[column(c, t->marks[i].at_us)]++;
    }
    for (int i = 0; i < c->columns; i++)
        most = in[i] > most ? in[i] : most;
    struct str row;
    str_init(&row, 4096);
    int last = column(c, t->last_us[kind]);
    for (int i = 0; i <= last; i++)
        str_add(&row, height[(in[i] * 8 + most - 1) / most]);
    snprintf(value, sizeof(value), "%lld", (long long)t->count[kind]);
    put_label(c, label, "", value);
    paint(c->out, c->v->color, color, row.buf);
    str_release(&row);
    str_addc(c->out, '\n');
}

/* What happened at one instant. */
static void put_point(const struct canvas *c, const char *label, const char *color, int64_t at_us,
                      const char *mark)
{
    char value[UNITS_MAX];
    put_label(c, label, color, units_human_us(value, at_us));
    paint_pad(c->out, column(c, at_us));
    paint(c->out, c->v->color, color, mark);
    str_addc(c->out, '\n');
}

/* ---- the largest gap ------------------------------------------------------------------- */

static const char *mark_says(const struct answer_mark *m)
{
    static const char *const words[TIMELINE_KINDS] = {
        [MARK_TOOL] = "a tool call",
        [MARK_REASONING] = "reasoning",
        [MARK_ERROR] = "the error",
        [MARK_TERMINATOR] = "the terminator",
        [MARK_CLOSED] = "the end of the response",
    };
    return words[m->kind] ? words[m->kind] : "";
}

static void say_piece(const struct timeline *t, size_t i, bool before, struct str *out)
{
    const struct answer_mark *m = i < t->n ? &t->marks[i] : NULL;
    if (!m) {
        str_add(out, "now");
    } else if (m->kind != MARK_TEXT || !*m->text) {
        str_add(out, m->kind == MARK_TEXT ? "text" : mark_says(m));
    } else {
        str_add(out, "\"");
        if (before)
            paint_clean_end(out, m->text, strlen(m->text), SNIPPET);
        else
            paint_clean(out, m->text, strlen(m->text), SNIPPET);
        str_add(out, "\"");
    }
}

/* What it lies between, in a line or two. */
static void put_neighbours(const struct canvas *c, const struct timeline_gap *gap)
{
    bool one_line = c->columns >= 2 * SNIPPET + 20;
    struct str text;
    str_init(&text, 4096);
    str_add(&text, "after ");
    say_piece(c->v->line, gap->before, true, &text);
    str_add(&text, ",");
    if (!one_line) {
        paint_pad(c->out, LEFT);
        paint_clean(c->out, text.buf, text.len, c->columns);
        str_addc(c->out, '\n');
        str_clear(&text);
    }
    str_add(&text, one_line ? " before " : "before ");
    say_piece(c->v->line, gap->after, false, &text);
    paint_pad(c->out, LEFT);
    paint_clean(c->out, text.buf, text.len, c->columns);
    str_addc(c->out, '\n');
    str_release(&text);
}

static void put_gap(const struct canvas *c)
{
    struct timeline_gap gap;
    if (!timeline_gap(c->v->line, c->v->now_us, &gap))
        return;
    char value[UNITS_MAX];
    int from = column(c, gap.from_us), to = column(c, gap.to_us);
    bool open = gap.after == c->v->line->n && !c->v->obs;
    const char *color = open ? PAINT_YELLOW : PAINT_RED;
    struct str row;
    str_init(&row, 4096);
    units_human_us(value, gap.to_us - gap.from_us);
    put_label(c, open ? "stalled" : "largest gap", color, value);
    paint_pad(c->out, from);
    for (int i = from; i <= to; i++)
        str_add(&row, from == to ? "┃" : i == from ? "┣" : i == to ? "┫" : "━");
    paint(c->out, c->v->color, color, row.buf);
    str_release(&row);
    str_addc(c->out, '\n');
    put_neighbours(c, &gap);
}

/* ---- all of it ------------------------------------------------------------------------- */

/* A request as a whole: of "tools/list" what follows the slash. */
static void put_request(const struct canvas *c, const char *color, size_t i, int64_t to_us)
{
    const struct answer_mark *m = &c->v->line->marks[i];
    const char *slash = strrchr(m->name, '/');
    put_span(c, slash ? slash + 1 : m->name, color, m->at_us, to_us);
}

/* The requests before the last one, which is measured. */
static void put_earlier(const struct canvas *c)
{
    const struct timeline *t = c->v->line;
    size_t open = 0;
    for (size_t i = 1; i <= c->times.from && i < t->n; i++) {
        if (t->marks[i].kind != MARK_REQUEST)
            continue;
        put_request(c, PAINT_DIM, open, t->marks[i].at_us);
        open = i;
    }
}

/* The talk ended before the request whose answer would have been measured. */
static bool never_asked(const struct canvas *c)
{
    const struct observation *o = c->v->obs;
    return o && c->times.from > 0 && !o->result.answer.headers_us;
}

/* Of the connection, which are known when the run is over. Returns where they end. */
static int64_t put_connection(const struct canvas *c)
{
    const struct observation *o = c->v->obs;
    int64_t at_us = c->times.request_us;
    if (!o || !o->hop_count)
        return at_us;
    const struct phases *p = &o->hops[o->hop_count - 1].phases;
    const struct {
        const char *label, *color;
        int64_t us;
    } all[] = {{"dns", PAINT_CYAN, p->dns_us},
               {"connect", PAINT_YELLOW, p->connect_us},
               {"tls", PAINT_MAGENTA, p->tls_us},
               {"send", PAINT_BLUE, p->send_us}};
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
        if (!all[i].us)
            continue;
        put_span(c, all[i].label, all[i].color, at_us, at_us + all[i].us);
        at_us += all[i].us;
    }
    return at_us;
}

static void put_phases(const struct canvas *c)
{
    const struct timeline_times *t = &c->times;
    int64_t sent_us = put_connection(c);
    bool over = c->v->obs;
    if (t->headers_us >= 0 && sent_us > t->headers_us)
        sent_us = t->headers_us; /* it did not wait for the request's end */
    const struct {
        const char *label, *missing, *color;
        int64_t from_us, to_us;
    } all[] = {{"headers", "no headers", PAINT_GREEN, sent_us, t->headers_us},
               {"first event", "no event", PAINT_CYAN, t->headers_us, t->event_us},
               {"first token", "no token", PAINT_MAGENTA, t->event_us, t->token_us}};
    for (size_t i = 0; i < sizeof(all) / sizeof(*all) && all[i].from_us >= 0; i++) {
        bool never = over && all[i].to_us < 0;
        if (never && c->v->now_us - all[i].from_us <= c->axis_us / NEGLIGIBLE)
            break; /* what was before took all of the time */
        put_span(c, never ? all[i].missing : all[i].label, never ? PAINT_RED : all[i].color,
                 all[i].from_us, all[i].to_us);
    }
}

static void put_end(const struct canvas *c)
{
    const struct timeline *t = c->v->line;
    if (t->count[MARK_ERROR])
        put_point(c, "error", PAINT_RED, t->last_us[MARK_ERROR], "✗");
    if (t->count[MARK_MALFORMED])
        put_point(c, "malformed", PAINT_RED, t->last_us[MARK_MALFORMED], "✗");
    if (t->count[MARK_TERMINATOR])
        put_point(c, "end", "", t->last_us[MARK_TERMINATOR], "◆");
    else if (t->count[MARK_CLOSED] && t->count[MARK_HEADERS])
        put_point(c, "closed", "", t->last_us[MARK_CLOSED], "◇");
}

void timeline_draw(const struct timeline_view *v, struct str *out)
{
    struct canvas c = {.v = v,
                       .out = out,
                       .times = timeline_times(v->line),
                       .axis_us = timeline_axis_us(v),
                       .columns = v->width - LEFT};
    c.columns = c.columns < CHART_MIN ? CHART_MIN : c.columns > CHART_MAX ? CHART_MAX : c.columns;
    put_axis(&c);
    put_earlier(&c);
    if (never_asked(&c)) {
        put_request(&c, PAINT_RED, c.times.from, v->now_us);
        return;
    }
    put_phases(&c);
    put_density(&c, "reasoning", PAINT_BLUE, MARK_REASONING);
    put_density(&c, "text", PAINT_GREEN, MARK_TEXT);
    put_density(&c, "tool calls", PAINT_YELLOW, MARK_TOOL);
    put_density(&c, "other", PAINT_DIM, MARK_EVENT);
    put_density(&c, "pings", PAINT_DIM, MARK_PING);
    put_gap(&c);
    put_end(&c);
}
