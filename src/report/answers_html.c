/* Answers on the page: figures and tables. The charts are in charts_answers.c. */
#include "report/answers.h"

#include "report/svg.h"

#include "base/mem.h"

#include <stdio.h>

/* ---- figures ------------------------------------------------------------------ */

static void fact(struct str *out, const char *name, const char *value, const struct str *sub)
{
    str_addf(out, "<div><dt>%s</dt><dd class=\"big\">", name);
    html_text(out, value);
    str_add(out, "</dd><dd class=\"sub\">");
    html_text(out, sub->buf);
    str_add(out, "</dd></div>\n");
}

static void fact_times(struct str *out, const char *name, const struct report_latency *l)
{
    char a[FMT_MAX], b[FMT_MAX];
    struct str sub;
    str_init(&sub, 4096);
    str_addf(&sub, "p50 %s, p99 %s", fmt_latency(a, l->p50_us, l->p50_lower),
             fmt_latency(b, l->p99_us, l->p99_lower));
    fact(out, name, fmt_latency(a, l->p95_us, l->p95_lower), &sub);
    str_release(&sub);
}

static void fact_speed(struct str *out, const struct report_answers *a)
{
    char value[FMT_MAX];
    double speed;
    struct str sub;
    str_init(&sub, 4096);
    bool known = answers_speed(a->token.p50_us, a->token.p50_lower, &speed);
    if (known)
        answers_speed_text(&sub, a);
    fact(out, "Tokens a second, p50", known ? fmt_events(value, speed) : FMT_NONE, &sub);
    str_release(&sub);
}

static void fact_cost(struct str *out, const struct report_answers *a)
{
    char value[FMT_MAX];
    bool known = a->has_per_good && answers_priced(a) && answers_cost_known(&a->sums);
    struct str sub;
    str_init(&sub, 4096);
    answers_day_cost(&sub, a, &a->sums);
    if (answers_cost_known(&a->sums))
        str_add(&sub, " in all");
    fact(out, "Cost per good answer",
         known ? fmt_money(value, a->per_good, answers_cost_lower(&a->sums)) : FMT_NONE, &sub);
    str_release(&sub);
}

static void fact_tokens(struct str *out, const struct report_answers *a)
{
    char value[FMT_MAX];
    char n[FMT_MAX], m[FMT_MAX];
    bool known = answers_tokens_known(&a->sums);
    struct str sub;
    str_init(&sub, 4096);
    if (known)
        str_addf(&sub, "%s in, %s out", fmt_count(n, a->sums.tokens_in),
                 fmt_count(m, a->sums.tokens_out));
    snprintf(value, sizeof value, "%s%.40s", a->sums.tokens_unknown ? "\xe2\x89\xa5" : "",
             fmt_count(n, a->sums.tokens_in + a->sums.tokens_out));
    fact(out, "Tokens", known ? value : FMT_NONE, &sub);
    str_release(&sub);
}

/* What the figures leave out, a sentence each. */
static void put_sentences(struct str *out, const struct report_answers *a)
{
    struct str line;
    str_init(&line, 4096);
    str_add(&line, "Tokens: ");
    answers_tokens_text(&line, &a->sums);
    str_add(&line, ". Cost: ");
    answers_cost_text(&line, a);
    str_addc(&line, '.');
    if (a->sums.held || a->sums.limited)
        str_add(&line, " Limits: ");
    answers_held_text(&line, &a->sums);
    if (a->sums.held || a->sums.limited)
        str_addc(&line, '.');
    str_add(out, "<p class=\"meta sums\">");
    html_text(out, line.buf);
    str_add(out, "</p>\n");
    str_release(&line);
}

void answers_put_facts(struct str *out, const struct report *r, const struct report_slo *s)
{
    const struct report_answers *a = s->answers;
    if (answers_empty(a))
        return;
    str_add(out, "<dl class=\"facts more\">\n");
    if (a->streams) {
        fact_times(out, "p95 first token", &a->ttft);
        fact_times(out, "p95 longest gap", &a->gap);
    }
    fact_speed(out, a);
    fact_tokens(out, a);
    fact_cost(out, a);
    str_add(out, "</dl>\n");
    if (!answers_told_by(r, s))
        put_sentences(out, a);
}

/* ---- tables --------------------------------------------------------------------- */

static void put_times(struct str *out, const char *name, const struct report_latency *l)
{
    char a[FMT_MAX];
    const struct {
        int64_t us;
        bool lower;
    } q[] = {{l->p50_us, l->p50_lower},
             {l->p90_us, l->p90_lower},
             {l->p95_us, l->p95_lower},
             {l->p99_us, l->p99_lower},
             {l->max_us, false}};
    if (l->count <= 0)
        return;
    str_addf(out, "<tr><td class=\"w\">%s</td>", name);
    for (size_t i = 0; i < countof(q); i++)
        str_addf(out, "<td class=\"n\">%s</td>", fmt_latency(a, q[i].us, q[i].lower));
    str_addf(out, "<td class=\"n\">%s</td>", fmt_count(a, l->count));
    str_addf(out, "<td class=\"n\">%s</td></tr>", fmt_count(a, l->censored));
}

static void put_times_table(struct str *out, const struct report_slo *s)
{
    const struct report_answers *a = s->answers;
    str_add(out, "<div class=\"wide\"><h3>Times of answers</h3><div class=\"scroll\"><table><thead>"
                 "<tr><th></th><th class=\"n\">p50</th><th class=\"n\">p90</th>"
                 "<th class=\"n\">p95</th><th class=\"n\">p99</th><th class=\"n\">max</th>"
                 "<th class=\"n\">Runs</th><th class=\"n\">Failed</th></tr></thead><tbody>");
    put_times(out, "Whole answer", &s->latency);
    if (a->streams) {
        put_times(out, "First token", &a->ttft);
        put_times(out, "Longest gap", &a->gap);
    }
    str_add(out, "</tbody></table></div></div>\n");
}

static void put_day(struct str *out, const struct report_answers *a,
                    const struct report_answer_day *d)
{
    char n[FMT_MAX];
    bool known = answers_tokens_known(&d->sums);
    struct str cost;
    str_addf(out, "<tr><td class=\"w\">%s</td>", fmt_date(n, d->from_us));
    str_addf(out, "<td class=\"n\">%s</td>", fmt_count(n, d->sums.runs));
    str_addf(out, "<td class=\"n\">%s</td>", fmt_count(n, d->sums.good));
    str_addf(out, "<td class=\"n\">%s</td>", known ? fmt_count(n, d->sums.tokens_in) : FMT_NONE);
    str_addf(out, "<td class=\"n\">%s</td>", known ? fmt_count(n, d->sums.tokens_out) : FMT_NONE);
    str_init(&cost, 4096);
    answers_day_cost(&cost, a, &d->sums);
    str_add(out, "<td class=\"n\">");
    html_text(out, cost.buf);
    str_release(&cost);
    str_addf(out, "</td><td class=\"n\">%s</td>", fmt_count(n, d->sums.held));
    str_addf(out, "<td class=\"n\">%s</td></tr>\n", fmt_count(n, d->sums.limited));
}

static void put_days(struct str *out, const struct report_answers *a)
{
    if (a->day_count == 0)
        return;
    str_add(out, "<details class=\"wide\"><summary>Tokens and cost by day</summary>"
                 "<div class=\"scroll\"><table><thead><tr><th>Day, UTC</th>"
                 "<th class=\"n\">Runs</th><th class=\"n\">Good</th><th class=\"n\">Tokens in</th>"
                 "<th class=\"n\">Tokens out</th><th class=\"n\">Cost</th>"
                 "<th class=\"n\">Held back</th><th class=\"n\">Limited</th></tr></thead>"
                 "<tbody>\n");
    for (size_t i = a->day_count; i-- > 0;)
        put_day(out, a, &a->days[i]);
    str_add(out, "</tbody></table></div></details>\n");
}

void answers_put_tables(struct str *out, const struct report *r, const struct report_slo *s)
{
    if (answers_empty(s->answers))
        return;
    put_times_table(out, s);
    if (!answers_told_by(r, s))
        put_days(out, s->answers);
}
