/* RFC 4180: CRLF, quotes doubled, a header row; a missing number is an empty
 * field. One row per objective. Numbers are those of the JSON form. */
#include "report/answers.h"
#include "report/fmt.h"
#include "report/formats.h"

#include "base/mem.h"
#include "base/units.h"
#include "base/when.h"

#include <inttypes.h>
#include <math.h>

/* Every column of burn, in header order; an SLO without it leaves it empty. */
static const int64_t burn_windows[] = {
    5 * USEC_PER_MIN,  30 * USEC_PER_MIN, 1 * USEC_PER_HOUR, 2 * USEC_PER_HOUR,
    6 * USEC_PER_HOUR, 1 * USEC_PER_DAY,  3 * USEC_PER_DAY,
};

static const char header[] =
    "at,slo,service,objective_name,target,budgeting_method,window_type,window,start,end,state,"
    "sli,good,bad,total,excluded,expected,observed,coverage,prober_down,target_silent,not_started,"
    "confidence_low,confidence_high,budget_unit,allowed,projected,consumed,remaining,"
    "consumed_ratio,remaining_ratio,exhausts_at,"
    "burn_5m,burn_30m,burn_1h,burn_2h,burn_6h,burn_1d,burn_3d,firing,"
    "latency_count,latency_censored,p50,p90,p95,p99,max,lower_bound,reasons,"
    "probe,source,expression,members,"
    "previous_sli,previous_bad,previous_total,previous_consumed_ratio,"
    "exclusion_count,unexcluded_state,unexcluded_sli,unexcluded_bad,unexcluded_total,"
    "unexcluded_consumed_ratio,event_parts";
/* Only of a report with an agent's objective. */
static const char answers_header[] =
    ",answer_runs,answer_good,ttft_count,ttft_censored,ttft_p50,ttft_p90,ttft_p95,ttft_p99,"
    "ttft_max,ttft_lower_bound,gap_count,gap_censored,gap_p50,gap_p90,gap_p95,gap_p99,gap_max,"
    "gap_lower_bound,tokens_per_second_p50,tokens_per_second_p95,tokens_per_second_p99,"
    "tokens_in,tokens_out,tokens_cached,tokens_reasoning,tokens_unknown_runs,currency,cost,"
    "cost_per_good_answer,cost_unknown_runs,held_back,limited";
#define ANSWERS_COLUMNS 32

struct row {
    struct str *out;
    bool started;
};

static void put(struct row *r, const char *text)
{
    if (r->started)
        str_addc(r->out, ',');
    r->started = true;
    bool quote = strpbrk(text, ",\"\r\n") != NULL;
    if (quote)
        str_addc(r->out, '"');
    size_t len;
    for (size_t n = strlen(text); n > 0; text += len, n -= len) {
        uint32_t cp = fmt_code_point(text, n, &len);
        if (cp == '"')
            str_addc(r->out, '"');
        fmt_add_code_point(r->out, cp);
    }
    if (quote)
        str_addc(r->out, '"');
}

static void put_int(struct row *r, int64_t v)
{
    char buf[FMT_MAX];
    snprintf(buf, sizeof buf, "%" PRId64, v);
    put(r, buf);
}

typedef char *number_text(char buf[static FMT_MAX], double v);

static void put_number(struct row *r, bool has, double v, number_text *text)
{
    char buf[FMT_MAX];
    put(r, has && isfinite(v) ? text(buf, v) : "");
}

static char *amount(char buf[static FMT_MAX], double v)
{
    return fmt_real(buf, v, 6);
}

static void put_time(struct row *r, int64_t us)
{
    char buf[WHEN_MAX];
    put(r, us ? when_text(buf, us) : "");
}

static void put_seconds(struct row *r, int64_t us)
{
    char buf[FMT_MAX];
    put(r, us < 0 ? "" : fmt_seconds(buf, us));
}

static void put_identity(struct row *r, const struct report *rep, const struct report_slo *s)
{
    char text[UNITS_MAX];
    const struct window_def *w = &s->def->window;
    put_time(r, rep->at_us);
    put(r, s->def->name);
    put(r, s->def->service ? s->def->service : "");
    put(r, s->def->objective_name ? s->def->objective_name : "");
    put(r, decimal_text(text, s->def->target));
    put(r, s->budgeting_method);
    put(r, w->type == WINDOW_ROLLING ? "rolling" : "calendar");
    put(r, w->text);
    put_time(r, s->start_us);
    put_time(r, s->end_us);
    put(r, slo_state_name(s->state));
}

static void put_counts(struct row *r, const struct report_slo *s)
{
    double coverage = 0;
    bool has = fmt_coverage(s, &coverage);
    put_number(r, s->has_sli, s->sli, fmt_near_one);
    put_int(r, s->counts.good);
    put_int(r, s->counts.bad);
    put_int(r, counts_total(s->counts));
    put_int(r, s->counts.excluded);
    put_int(r, s->expected);
    put_int(r, s->observed);
    put_number(r, has, coverage, fmt_ratio);
    put_int(r, s->prober_down);
    put_int(r, s->target_silent);
    put_int(r, s->not_started);
    put_number(r, s->has_confidence, s->confidence_low, fmt_near_one);
    put_number(r, s->has_confidence, s->confidence_high, fmt_near_one);
}

static void put_budget(struct row *r, const struct report_slo *s)
{
    put(r, fmt_unit(s));
    put_number(r, true, s->allowed, amount);
    put_number(r, true, s->projected, amount);
    put_number(r, true, s->consumed, amount);
    put_number(r, true, s->remaining, amount);
    put_number(r, s->has_budget, s->consumed_ratio, fmt_ratio);
    put_number(r, s->has_budget, s->remaining_ratio, fmt_ratio);
    put_time(r, s->exhausts_at_us);
}

static void put_burn(struct row *r, const struct report_slo *s)
{
    enum severity firing = SEVERITY_NONE;
    for (size_t i = 0; i < countof(burn_windows); i++) {
        const struct report_burn *b = fmt_find_burn(s, burn_windows[i]);
        put_number(r, b != NULL, b ? b->rate : 0, fmt_ratio);
    }
    for (size_t i = 0; i < s->tier_count; i++) {
        if (s->tiers[i].firing && s->tiers[i].def.severity > firing)
            firing = s->tiers[i].def.severity;
    }
    put(r, firing == SEVERITY_NONE ? "" : severity_name(firing));
}

static void put_latency(struct row *r, const struct report_latency *l)
{
    struct str names;
    put_int(r, l->count);
    put_int(r, l->censored);
    put_seconds(r, l->p50_us);
    put_seconds(r, l->p90_us);
    put_seconds(r, l->p95_us);
    put_seconds(r, l->p99_us);
    put_seconds(r, l->max_us);
    str_init(&names, 64);
    str_addf(&names, "%s%s%s%s", l->p50_lower ? " p50" : "", l->p90_lower ? " p90" : "",
             l->p95_lower ? " p95" : "", l->p99_lower ? " p99" : "");
    put(r, names.len ? names.buf + 1 : "");
    str_release(&names);
}

static void put_reasons(struct row *r, const struct report_slo *s)
{
    struct str text;
    str_init(&text, 4096);
    for (size_t i = 0; i < s->reason_count; i++)
        str_addf(&text, "%s%s=%" PRId64, i ? " " : "", reason_name(s->reasons[i].reason),
                 s->reasons[i].count);
    put(r, text.buf);
    str_release(&text);
}

static void put_source(struct row *r, const struct report_slo *s)
{
    put(r, s->def->sli.probe ? s->def->sli.probe : "");
    put(r, sli_source_name(s->source));
    put(r, s->expression ? s->expression : "");
}

/* Of a composite: of what is spent, whose share is how large. */
static void put_members(struct row *r, const struct report_slo *s)
{
    char share[FMT_MAX];
    struct str text;
    str_init(&text, 65536);
    for (size_t i = 0; i < s->member_count; i++) {
        const struct report_member *m = &s->members[i];
        const char *objective = m->def->objective_name;
        str_addf(&text, "%s%s%s%s=%s", i ? "; " : "", m->def->name, objective[0] ? "/" : "",
                 objective, m->has_share ? fmt_ratio(share, m->share) : "");
    }
    put(r, text.buf);
    str_release(&text);
}

static void put_count(struct row *r, bool has, int64_t n)
{
    if (has)
        put_int(r, n);
    else
        put(r, "");
}

static void put_previous(struct row *r, const struct report_slo *p)
{
    put_number(r, p && p->has_sli, p ? p->sli : 0, fmt_near_one);
    put_count(r, p != NULL, p ? p->counts.bad : 0);
    put_count(r, p != NULL, p ? counts_total(p->counts) : 0);
    put_number(r, p && p->has_budget, p ? p->consumed_ratio : 0, fmt_ratio);
}

static void put_excluded(struct row *r, const struct report_slo *s)
{
    const struct report_slo *u = s->unexcluded;
    put_int(r, (int64_t)s->excluded_spans);
    put(r, u ? slo_state_name(u->state) : "");
    put_number(r, u && u->has_sli, u ? u->sli : 0, fmt_near_one);
    put_count(r, u != NULL, u ? u->counts.bad : 0);
    put_count(r, u != NULL, u ? counts_total(u->counts) : 0);
    put_number(r, u && u->has_budget, u ? u->consumed_ratio : 0, fmt_ratio);
    put_int(r, sli_event(&s->def->sli));
}

static void put_speed(struct row *r, int64_t token_ns, bool lower)
{
    double speed = 0;
    bool has = answers_speed(token_ns, lower, &speed);
    put_number(r, has, speed, fmt_ratio);
}

static void put_cost(struct row *r, const struct report_answers *a, bool has, int64_t cost)
{
    char buf[FMT_MAX];
    has = has && answers_priced(a) && answers_cost_known(&a->sums);
    put(r, has ? fmt_cost(buf, cost) : "");
}

static void put_empty(struct row *r, size_t columns)
{
    for (size_t i = 0; i < columns; i++)
        put(r, "");
}

static void put_answer_sums(struct row *r, const struct report_answers *a)
{
    const struct answer_sums *sums = &a->sums;
    bool known = answers_tokens_known(sums);
    put_count(r, known, sums->tokens_in);
    put_count(r, known, sums->tokens_out);
    put_count(r, known, sums->tokens_cached);
    put_count(r, known, sums->tokens_reasoning);
    put_int(r, sums->tokens_unknown);
    put(r, a->currency ? a->currency : "");
    put_cost(r, a, true, sums->cost);
    put_cost(r, a, a->has_per_good, a->per_good);
    put_count(r, answers_priced(a), sums->cost_unknown);
    put_int(r, sums->held);
    put_int(r, sums->limited);
}

static void put_answers(struct row *r, const struct report_answers *a)
{
    if (!a) {
        put_empty(r, ANSWERS_COLUMNS);
        return;
    }
    put_int(r, a->sums.runs);
    put_int(r, a->sums.good);
    if (a->streams) {
        put_latency(r, &a->ttft);
        put_latency(r, &a->gap);
    } else {
        put_empty(r, 16);
    }
    put_speed(r, a->token.p50_us, a->token.p50_lower);
    put_speed(r, a->token.p95_us, a->token.p95_lower);
    put_speed(r, a->token.p99_us, a->token.p99_lower);
    put_answer_sums(r, a);
}

static int write_csv(const struct report *r, const struct report_style *style, struct str *out)
{
    (void)style;
    bool answers = answers_any(r);
    str_add(out, header);
    str_add(out, answers ? answers_header : "");
    str_add(out, "\r\n");
    for (size_t i = 0; i < r->slo_count; i++) {
        struct row row = {.out = out};
        put_identity(&row, r, &r->slos[i]);
        put_counts(&row, &r->slos[i]);
        put_budget(&row, &r->slos[i]);
        put_burn(&row, &r->slos[i]);
        put_latency(&row, &r->slos[i].latency);
        put_reasons(&row, &r->slos[i]);
        put_source(&row, &r->slos[i]);
        put_members(&row, &r->slos[i]);
        put_previous(&row, r->slos[i].previous);
        put_excluded(&row, &r->slos[i]);
        if (answers)
            put_answers(&row, r->slos[i].answers);
        str_add(out, "\r\n");
    }
    return out->overflow ? -1 : 0;
}

const struct report_format report_csv = {
    .name = "csv",
    .help = "one row per objective, for spreadsheets",
    .write = write_csv,
};
