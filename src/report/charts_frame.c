#include "report/charts_frame.h"

#include "report/fmt.h"

#include "base/units.h"

void ticks_add(struct ticks *t, double at, const char *text)
{
    if (t->n == TICKS_MAX)
        return;
    struct tick *k = &t->at[t->n++];
    *k = (struct tick){.at = at, .zero = at == 0};
    str_copy(k->text, sizeof k->text, text);
}

void chart_incidents(const struct plot *p, const struct report_slo *s)
{
    for (size_t i = 0; i < s->incident_count; i++) {
        const struct report_incident *n = &s->incidents[i];
        int64_t to = n->to_us ? n->to_us : s->upto_us;
        if (to < p->from_us || n->from_us >= p->to_us)
            continue;
        plot_band(p, n->severity == SEVERITY_PAGE ? "band page" : "band ticket", n->from_us, to);
    }
}

void chart_future(const struct plot *p, const struct report_slo *s)
{
    if (s->upto_us < s->end_us && s->upto_us > s->start_us)
        svg_rect(p->out, "future", plot_x(p, s->upto_us), 0, 1000 - plot_x(p, s->upto_us), 100);
}

void chart_annotations(const struct plot *p, const struct report_slo *s)
{
    for (size_t i = 0; i < s->annotation_count; i++) {
        double x = plot_x(p, s->annotations[i].at_us);
        svg_line(p->out, "change", x, 0, x, 100);
    }
}

void chart_time(struct str *text, const struct bucket *b)
{
    char day[FMT_MAX], from[FMT_MAX], to[FMT_MAX];
    if (b->to_us - b->from_us >= USEC_PER_DAY && b->from_us % USEC_PER_DAY == 0)
        str_addf(text, "%s: ", fmt_day(day, b->from_us));
    else
        str_addf(text, "%s %s to %s UTC: ", fmt_day(day, b->from_us), fmt_clock(from, b->from_us),
                 fmt_clock(to, b->to_us));
}

void figure_open(struct str *out, const char *title)
{
    str_addf(out, "<figure><figcaption><b>%s</b>", title);
}
