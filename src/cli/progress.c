#include "cli/cli.h"

#include "base/clock.h"
#include "base/str.h"
#include "base/units.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define BAR_WIDTH 24
#define REDRAW_NS 100000000LL

void progress_start(struct progress *p, const char *label, int64_t total, bool color)
{
    *p = (struct progress){
        .label = label,
        .total = total,
        .started_ns = clock_mono_ns(),
        .on = isatty(STDERR_FILENO),
        .color = color,
    };
}

/* "950", "12.3k", "4.56M" */
static void put_count(struct str *s, int64_t n)
{
    static const char suffixes[] = " kMGT";
    double v = (double)n;
    size_t i = 0;
    while (v >= 999.5 && i + 2 < sizeof(suffixes)) {
        v /= 1000;
        i++;
    }
    if (i == 0)
        str_addf(s, "%" PRId64, n);
    else
        str_addf(s, "%.*f%c", v < 9.995 ? 2 : v < 99.95 ? 1 : 0, v, suffixes[i]);
}

/* Eighths of a cell, so that the bar moves with every redraw. */
static void put_bar(struct str *s, double ratio, bool color)
{
    static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    int filled = (int)(ratio * BAR_WIDTH * 8), cells = filled / 8;
    if (color)
        str_add(s, "\033[32m");
    for (int i = 0; i < cells; i++)
        str_add(s, "█");
    str_add(s, eighths[filled % 8]);
    str_addf(s, "%*s", BAR_WIDTH - cells - (filled % 8 > 0), "");
    if (color)
        str_add(s, "\033[0m");
}

void progress_update(struct progress *p, int64_t done, const char *unit)
{
    int64_t now = clock_mono_ns();
    if (!p->on || (p->shown_ns && now - p->shown_ns < REDRAW_NS))
        return;
    p->shown_ns = now;
    double seconds = (double)(now - p->started_ns) / 1e9;
    double rate = seconds > 0 ? (double)done / seconds : 0;
    int64_t shown = p->counted ? p->count : done;
    double shown_rate = seconds > 0 ? (double)shown / seconds : 0;
    struct str s;
    str_init(&s, 512);
    str_addf(&s, "\r%.40s ", p->label);
    if (p->total > 0) {
        double ratio = done < p->total ? (double)done / (double)p->total : 1;
        put_bar(&s, ratio, p->color);
        str_addf(&s, " %3d%%", (int)(ratio * 100));
    }
    str_addc(&s, ' ');
    put_count(&s, shown);
    str_addf(&s, " %.20s", p->counted ? p->counted : unit);
    if (seconds > 1 && shown_rate >= 1) {
        str_add(&s, ", ");
        put_count(&s, (int64_t)shown_rate);
        str_add(&s, "/s");
    }
    if (seconds > 1 && rate > 0 && p->total > done) {
        char left[UNITS_MAX];
        int64_t us = (int64_t)((double)(p->total - done) / rate) * USEC_PER_SEC;
        str_addf(&s, ", %s left", units_duration(left, us));
    }
    str_add(&s, "\033[K");
    fwrite(s.buf, 1, s.len, stderr);
    str_release(&s);
}

void progress_end(struct progress *p)
{
    if (p->on && p->shown_ns)
        fputs("\r\033[K", stderr);
    p->on = false;
}
