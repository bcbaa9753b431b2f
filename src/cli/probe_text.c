#include "cli/probe.h"

#include "base/mem.h"
#include "base/units.h"
#include "cli/paint.h"
#include "cli/probe_answer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define LABEL_WIDTH 10
#define VALUE_WIDTH 8
#define BAR_MIN 10
#define BAR_MAX 72
#define WHAT_MAX 48

static void put(const struct probe_view *v, struct str *out, const char *color, const char *text)
{
    paint(out, v->color, color, text);
}

int64_t probe_days_left(const struct probe_view *v)
{
    int64_t left_us = v->obs->cert_not_after_us - v->now_us;
    return left_us / USEC_PER_DAY - (left_us % USEC_PER_DAY < 0);
}

/* ---- the waterfall ------------------------------------------------------------ */

struct span {
    const char *name;
    const char *color;
    int64_t us;
};

#define SPANS 6

static int64_t spans_of(const struct phases *p, struct span spans[static SPANS])
{
    const struct span all[SPANS] = {
        {"dns", "\033[36m", p->dns_us},   {"connect", "\033[33m", p->connect_us},
        {"tls", "\033[35m", p->tls_us},   {"send", "\033[34m", p->send_us},
        {"wait", "\033[32m", p->wait_us}, {"transfer", "\033[34m", p->transfer_us},
    };
    int64_t total_us = 0;
    memcpy(spans, all, sizeof(all));
    for (size_t i = 0; i < SPANS; i++)
        total_us += all[i].us;
    return total_us;
}

static int bar_width(const struct probe_view *v)
{
    int n = v->width - 2 - LABEL_WIDTH - VALUE_WIDTH - 2;
    return n < BAR_MIN ? BAR_MIN : n > BAR_MAX ? BAR_MAX : n;
}

/* From `at` on for `length` of `total`, in eighths of a column; what happened
 * is never invisible. */
static void put_bar(const struct probe_view *v, struct str *out, const char *color, int64_t at_us,
                    int64_t length_us, int64_t total_us)
{
    static const char *const part[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    int64_t eighths = 8 * (int64_t)bar_width(v);
    int64_t start = total_us ? at_us * eighths / total_us : 0;
    int64_t length = total_us ? length_us * eighths / total_us : 0;
    if (start > eighths - 8)
        start = eighths - 8;
    if (length < 1)
        length = 1;
    if (start + length > eighths)
        length = eighths - start;
    struct str bar;
    str_init(&bar, 4096);
    for (int64_t i = 0; i < length / 8; i++)
        str_add(&bar, "█");
    str_add(&bar, part[length % 8]);
    paint_pad(out, (int)(start / 8));
    put(v, out, color, bar.buf);
    str_release(&bar);
}

static void put_span(const struct probe_view *v, struct str *out, const struct span *s,
                     int64_t at_us, int64_t total_us)
{
    char text[UNITS_MAX];
    str_addf(out, "  %-*s", LABEL_WIDTH, s->name);
    units_human_us(text, s->us);
    paint_pad(out, VALUE_WIDTH - paint_columns(text));
    str_addf(out, "%s  ", text);
    put_bar(v, out, s->color, at_us, s->us, total_us);
    str_addc(out, '\n');
}

static void put_hop_line(const struct probe_view *v, struct str *out, const struct hop *h,
                         bool last)
{
    char text[UNITS_MAX];
    put(v, out, PAINT_BOLD, h->url);
    str_add(out, "\n  ");
    if (h->status)
        put(v, out,
            h->status < 300   ? PAINT_GREEN
            : h->status < 400 ? PAINT_YELLOW
                              : PAINT_RED,
            (char[8]){(char)('0' + h->status / 100 % 10), (char)('0' + h->status / 10 % 10),
                      (char)('0' + h->status % 10), '\0'});
    else
        put(v, out, PAINT_RED, "no response");
    if (*h->protocol)
        str_addf(out, " · %s", h->protocol);
    if (*h->address)
        str_addf(out, " · %s", h->address);
    if (h->reused)
        str_add(out, " · reused connection");
    if (h->status)
        str_addf(out, " · %s", units_size(text, h->bytes));
    if (last && v->obs->cert_not_after_us) {
        int64_t days = probe_days_left(v);
        str_addf(out, " · certificate %s", days < 0 ? "expired" : "");
        if (days >= 0)
            str_addf(out, "%lld days left", (long long)days);
    }
    str_add(out, "\n\n");
}

static void put_hops(const struct probe_view *v, struct str *out)
{
    struct span spans[SPANS];
    int64_t total_us = 0, at_us = 0;
    for (size_t i = 0; i < v->obs->hop_count; i++)
        total_us += spans_of(&v->obs->hops[i].phases, spans);
    for (size_t i = 0; i < v->obs->hop_count; i++) {
        const struct hop *h = &v->obs->hops[i];
        put_hop_line(v, out, h, i + 1 == v->obs->hop_count);
        int64_t hop_us = spans_of(&h->phases, spans);
        for (size_t k = 0; k < SPANS; k++) {
            if (spans[k].us)
                put_span(v, out, &spans[k], at_us, total_us);
            at_us += spans[k].us;
        }
        str_add(out, hop_us ? "\n" : "");
    }
}

/* ---- assertions and verdict ------------------------------------------------------ */

static void put_assertions(const struct probe_view *v, struct str *out)
{
    int width = 0;
    for (size_t i = 0; i < v->obs->assertion_count; i++) {
        int n = paint_columns(v->obs->assertions[i].what);
        width = n > width && n <= WHAT_MAX ? n : width;
    }
    for (size_t i = 0; i < v->obs->assertion_count; i++) {
        const struct assertion_seen *a = &v->obs->assertions[i];
        str_add(out, "  ");
        put(v, out,
            a->open ? PAINT_YELLOW
            : a->ok ? PAINT_GREEN
                    : PAINT_RED,
            a->open ? "~"
            : a->ok ? "✓"
                    : "✗");
        str_addf(out, " %s", a->what);
        paint_pad(out, width - paint_columns(a->what));
        str_add(out, "  ");
        put(v, out, a->ok ? PAINT_DIM : PAINT_RED, a->seen);
        str_addc(out, '\n');
    }
    if (v->obs->assertion_count)
        str_addc(out, '\n');
}

static void put_verdict(const struct probe_view *v, struct str *out)
{
    const struct result *r = &v->obs->result;
    char text[UNITS_MAX];
    units_human_us(text, r->total_us);
    if (r->outcome == OUTCOME_GOOD) {
        put(v, out, "\033[1;32m", "GOOD");
        str_addf(out, "  in %s\n", text);
        return;
    }
    bool ours = r->outcome == OUTCOME_SKIPPED;
    put(v, out, ours ? "\033[1;33m" : "\033[1;31m", ours ? "SKIPPED" : "BAD");
    str_addf(out, "  %s: %s (after %s)\n", reason_name((enum reason)r->reason), v->obs->message,
             text);
}

/* ---- what is behind it ------------------------------------------------------------ */

const char *probe_value(char buf[static PROBE_VALUE_MAX], double value)
{
    if (!isfinite(value)) {
        str_copy(buf, PROBE_VALUE_MAX, isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf");
        return buf;
    }
    snprintf(buf, PROBE_VALUE_MAX, "%.15g", value);
    if (strtod(buf, NULL) != value)
        snprintf(buf, PROBE_VALUE_MAX, "%.17g", value);
    return buf;
}

static void put_samples(const struct probe_view *v, struct str *out)
{
    char value[PROBE_VALUE_MAX];
    if (!v->obs->sample_count)
        return;
    put(v, out, PAINT_BOLD, "samples");
    str_addc(out, '\n');
    for (size_t i = 0; i < v->obs->sample_count; i++)
        str_addf(out, "  %s  %s\n", v->obs->samples[i].series,
                 probe_value(value, v->obs->samples[i].value));
    str_addc(out, '\n');
}

static void put_start(const struct probe_view *v, struct str *out, const char *title,
                      const char *text, size_t n)
{
    if (!n)
        return;
    put(v, out, PAINT_BOLD, title);
    str_addc(out, '\n');
    paint_lines(out, text, n);
}

static void put_behind(const struct probe_view *v, struct str *out)
{
    const struct observation *o = v->obs;
    put_start(v, out, "headers", o->headers, o->headers_len);
    put_start(v, out, "body", o->body, o->body_len);
    put_samples(v, out);
    if (o->version)
        str_addf(out, "version %s\n\n", o->version);
}

/* Earlier requests of a talk are rows of its time line. */
static void put_answer(const struct probe_view *v, struct str *out)
{
    if (v->obs->hop_count)
        put_hop_line(v, out, &v->obs->hops[v->obs->hop_count - 1], true);
    probe_put_answer_text(v, out);
}

int probe_put_text(const struct probe_view *v, struct str *out)
{
    if (v->line)
        put_answer(v, out);
    else
        put_hops(v, out);
    if (v->verbose)
        put_behind(v, out);
    put_assertions(v, out);
    put_verdict(v, out);
    return out->overflow ? -1 : 0;
}
