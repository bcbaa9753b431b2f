/* Answers for people: on a terminal, in Markdown. */
#include "report/answers.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"

#include <string.h>

#define DAYS_TERM 7
#define DAYS_MARKDOWN 31
#define TIME_COLUMNS 14

struct times {
    const char *name;
    const struct report_latency *of;
};

/* Those that there are, whole answers first; returns how many. */
static size_t find_times(const struct report_slo *s, struct times at[static 3])
{
    const struct report_answers *a = s->answers;
    size_t n = 0;
    if (s->latency.count > 0)
        at[n++] = (struct times){"whole answer", &s->latency};
    if (a->streams && a->ttft.count > 0)
        at[n++] = (struct times){"first token", &a->ttft};
    if (a->streams && a->gap.count > 0)
        at[n++] = (struct times){"longest gap", &a->gap};
    return n;
}

/* ---- a terminal ------------------------------------------------------------ */

static void put_label(struct term *t, int indent, const char *label)
{
    str_add(t->out, "  ");
    term_cell(t, TERM_DIM, indent - 2, label);
}

static void put_quantiles(struct term *t, const struct report_latency *l)
{
    const struct {
        const char *name;
        int64_t us;
        bool lower;
    } q[] = {{"p50", l->p50_us, l->p50_lower},
             {"p90", l->p90_us, l->p90_lower},
             {"p95", l->p95_us, l->p95_lower},
             {"p99", l->p99_us, l->p99_lower},
             {"max", l->max_us, false}};
    char text[FMT_MAX];
    for (size_t i = 0; i < countof(q); i++) {
        if (i == 1 && t->width < 100)
            continue;
        term_paint(t, TERM_DIM, "%s%s ", i ? "  " : "", q[i].name);
        str_add(t->out, fmt_latency(text, q[i].us, q[i].lower));
    }
    if (l->censored && t->width >= 100)
        term_paint(t, TERM_DIM, "  %s failed", fmt_count(text, l->censored));
    str_addc(t->out, '\n');
}

static void put_times(struct term *t, const struct report_slo *s, int indent)
{
    struct times at[3];
    struct str line;
    size_t n = find_times(s, at);
    for (size_t i = 0; i < n; i++) {
        put_label(t, indent, i ? "" : "Answers");
        term_cell(t, TERM_PLAIN, TIME_COLUMNS, at[i].name);
        put_quantiles(t, at[i].of);
    }
    if (s->answers->token.count <= 0)
        return;
    put_label(t, indent, n ? "" : "Answers");
    term_cell(t, TERM_PLAIN, TIME_COLUMNS, "speed");
    str_init(&line, 4096);
    answers_speed_text(&line, s->answers);
    str_addf(t->out, "%s\n", line.buf);
    str_release(&line);
}

static void put_line(struct term *t, int indent, const char *label, const char *text)
{
    if (!*text)
        return;
    put_label(t, indent, label);
    term_wrap(t, TERM_PLAIN, indent, text);
}

/* A currency may be any text. */
static void put_cost(struct term *t, const struct report_answers *a, int indent)
{
    struct str line;
    str_init(&line, 4096);
    answers_cost_text(&line, a);
    put_label(t, indent, "Cost");
    term_clean(t, TERM_PLAIN, line.buf, (size_t)(t->width - indent));
    str_addc(t->out, '\n');
    str_release(&line);
}

static void put_day(struct term *t, const struct report_answers *a,
                    const struct report_answer_day *d)
{
    char n[FMT_MAX], day[FMT_MAX];
    bool known = answers_tokens_known(&d->sums);
    struct str cost;
    term_cell(t, TERM_PLAIN, 8, fmt_day(day, d->from_us));
    term_right(t, TERM_PLAIN, 7, fmt_count(n, d->sums.runs));
    term_right(t, TERM_PLAIN, 8, fmt_count(n, d->sums.good));
    term_right(t, TERM_PLAIN, 12, known ? fmt_count(n, d->sums.tokens_in) : FMT_NONE);
    term_right(t, TERM_PLAIN, 12, known ? fmt_count(n, d->sums.tokens_out) : FMT_NONE);
    str_init(&cost, 4096);
    answers_day_cost(&cost, a, &d->sums);
    str_add(t->out, "  ");
    term_right(t, TERM_PLAIN, 14, cost.buf);
    str_release(&cost);
    term_right(t, d->sums.held ? TERM_YELLOW : TERM_DIM, 7, fmt_count(n, d->sums.held));
    str_addc(t->out, '\n');
}

static void put_days(struct term *t, const struct report_answers *a, int indent)
{
    char n[FMT_MAX];
    size_t first = a->day_count > DAYS_TERM ? a->day_count - DAYS_TERM : 0;
    if (a->day_count == 0)
        return;
    put_label(t, indent, "By day");
    term_cell(t, TERM_DIM, 8, "");
    term_right(t, TERM_DIM, 7, "runs");
    term_right(t, TERM_DIM, 8, "good");
    term_right(t, TERM_DIM, 12, "tokens in");
    term_right(t, TERM_DIM, 12, "out");
    term_right(t, TERM_DIM, 16, "cost");
    term_right(t, TERM_DIM, 7, "held");
    str_addc(t->out, '\n');
    for (size_t i = first; i < a->day_count; i++) {
        put_label(t, indent, "");
        put_day(t, a, &a->days[i]);
    }
    if (!first)
        return;
    put_label(t, indent, "");
    term_paint(t, TERM_DIM, "%s earlier day%s: --format json has them\n",
               fmt_count(n, (int64_t)first), first == 1 ? "" : "s");
}

/* "as of 'chat-answered'" */
static void put_same(struct str *out, const struct report_slo *told)
{
    str_add(out, "as of '");
    fmt_title(out, told);
    str_addc(out, '\'');
}

static void put_sums(struct term *t, const struct report_answers *a, int indent)
{
    struct str line;
    str_init(&line, 4096);
    answers_tokens_text(&line, &a->sums);
    put_line(t, indent, "Tokens", line.buf);
    put_cost(t, a, indent);
    str_clear(&line);
    answers_held_text(&line, &a->sums);
    put_line(t, indent, "Limits", line.buf);
    str_release(&line);
    put_days(t, a, indent);
}

void answers_put_term(struct term *t, const struct report *r, const struct report_slo *s,
                      int indent)
{
    const struct report_answers *a = s->answers;
    const struct report_slo *told = answers_told_by(r, s);
    struct str line;
    if (answers_empty(a))
        return;
    put_times(t, s, indent);
    if (!told) {
        put_sums(t, a, indent);
        return;
    }
    str_init(&line, 4096);
    put_same(&line, told);
    put_label(t, indent, "Cost");
    term_clean(t, TERM_DIM, line.buf, (size_t)(t->width - indent));
    str_addc(t->out, '\n');
    str_release(&line);
}

/* ---- Markdown ---------------------------------------------------------------- */

static void put_markdown_times(struct str *out, const struct report_slo *s)
{
    char a[FMT_MAX], b[FMT_MAX], c[FMT_MAX], d[FMT_MAX], e[FMT_MAX];
    struct times at[3];
    size_t n = find_times(s, at);
    for (size_t i = 0; i < n; i++) {
        const struct report_latency *l = at[i].of;
        str_addf(out, "- **%c%s** p50 %s, p90 %s, p95 %s, p99 %s, max %s",
                 at[i].name[0] - 'a' + 'A', at[i].name + 1, fmt_latency(a, l->p50_us, l->p50_lower),
                 fmt_latency(b, l->p90_us, l->p90_lower), fmt_latency(c, l->p95_us, l->p95_lower),
                 fmt_latency(d, l->p99_us, l->p99_lower), fmt_latency(e, l->max_us, false));
        str_addf(out, " over %s runs", fmt_count(a, l->count));
        if (l->censored)
            str_addf(out, ", %s of them failed", fmt_count(a, l->censored));
        str_addc(out, '\n');
    }
}

static void put_markdown_days(struct str *out, const struct report_answers *a,
                              void (*text)(struct str *out, const char *s))
{
    char day[FMT_MAX], n[FMT_MAX], m[FMT_MAX];
    size_t first = a->day_count > DAYS_MARKDOWN ? a->day_count - DAYS_MARKDOWN : 0;
    struct str cost;
    if (a->day_count == 0)
        return;
    str_init(&cost, 4096);
    str_add(out, "\n<details><summary>Tokens and cost by day</summary>\n\n"
                 "| Day (UTC) | Runs | Good | Tokens in | Tokens out | Cost | Held back |\n"
                 "|---|--:|--:|--:|--:|--:|--:|\n");
    for (size_t i = first; i < a->day_count; i++) {
        const struct answer_sums *d = &a->days[i].sums;
        bool known = answers_tokens_known(d);
        str_addf(out, "| %s | %s | %s", fmt_date(day, a->days[i].from_us), fmt_count(n, d->runs),
                 fmt_count(m, d->good));
        str_addf(out, " | %s | %s | ", known ? fmt_count(n, d->tokens_in) : FMT_NONE,
                 known ? fmt_count(m, d->tokens_out) : FMT_NONE);
        str_clear(&cost);
        answers_day_cost(&cost, a, d);
        text(out, cost.buf);
        str_addf(out, " | %s |\n", fmt_count(n, d->held));
    }
    if (first)
        str_addf(out, "\n%zu earlier days are not listed.\n", first);
    str_add(out, "\n</details>\n");
    str_release(&cost);
}

static void put_item(struct str *out, const char *name, const char *words,
                     void (*text)(struct str *out, const char *s))
{
    if (!*words)
        return;
    str_addf(out, "- **%s** ", name);
    text(out, words);
    str_addc(out, '\n');
}

void answers_put_markdown(struct str *out, const struct report *r, const struct report_slo *s,
                          void (*text)(struct str *out, const char *s))
{
    const struct report_answers *a = s->answers;
    const struct report_slo *told = answers_told_by(r, s);
    struct str line;
    if (answers_empty(a))
        return;
    put_markdown_times(out, s);
    str_init(&line, 4096);
    if (a->token.count > 0)
        answers_speed_text(&line, a);
    put_item(out, "Speed", line.buf, text);
    str_clear(&line);
    if (told) {
        put_same(&line, told);
        put_item(out, "Tokens and cost", line.buf, text);
        str_release(&line);
        return;
    }
    answers_tokens_text(&line, &a->sums);
    put_item(out, "Tokens", line.buf, text);
    str_clear(&line);
    answers_cost_text(&line, a);
    put_item(out, "Cost", line.buf, text);
    str_clear(&line);
    answers_held_text(&line, &a->sums);
    put_item(out, "Limits", line.buf, text);
    str_release(&line);
    put_markdown_days(out, a, text);
}
