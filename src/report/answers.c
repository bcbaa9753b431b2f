#include "report/answers.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define COST_DECIMALS 12
#define NSEC_PER_SEC 1e9

/* ---- numbers ------------------------------------------------------------- */

char *fmt_cost(char buf[static FMT_MAX], int64_t cost)
{
    size_t n = (size_t)snprintf(buf, FMT_MAX, "%lld.%012lld", cost / COST_ONE, cost % COST_ONE);
    while (buf[n - 1] == '0')
        buf[--n] = '\0';
    if (buf[n - 1] == '.')
        buf[n - 1] = '\0';
    return buf;
}

/* Two, or of an amount below 1 as many as three digits take. */
static int money_decimals(int64_t cost)
{
    int decimals = 2;
    for (int64_t least = COST_ONE; cost < least && decimals < COST_DECIMALS; least /= 10)
        decimals++;
    return decimals;
}

char *fmt_money(char buf[static FMT_MAX], int64_t cost, bool lower)
{
    char whole[FMT_MAX];
    const char *sign = lower ? "\xe2\x89\xa5" : "";
    if (cost == 0) {
        snprintf(buf, FMT_MAX, "%s0", sign);
        return buf;
    }
    int decimals = money_decimals(cost);
    uint64_t one = 1, quantum = 1, n = (uint64_t)cost;
    for (int i = 0; i < COST_DECIMALS; i++) {
        one *= i < decimals ? 10 : 1;
        quantum *= i < decimals ? 1 : 10;
    }
    n = (n + (lower ? 0 : quantum / 2)) / quantum;
    snprintf(buf, FMT_MAX, "%s%.30s.%0*" PRIu64, sign, fmt_count(whole, (int64_t)(n / one)),
             decimals, n % one);
    return buf;
}

bool answers_empty(const struct report_answers *a)
{
    return a->sums.runs == 0 && a->sums.held == 0 && a->sums.limited == 0;
}

bool answers_priced(const struct report_answers *a)
{
    return a->currency || a->sums.cost > 0;
}

bool answers_cost_known(const struct answer_sums *sums)
{
    return sums->cost > 0 || sums->cost_unknown == 0;
}

bool answers_cost_lower(const struct answer_sums *sums)
{
    return sums->cost_unknown > 0 || sums->cost == INT64_MAX;
}

bool answers_tokens_known(const struct answer_sums *sums)
{
    return sums->tokens_unknown == 0 || sums->tokens_in > 0 || sums->tokens_out > 0;
}

bool answers_speed(int64_t token_ns, bool lower, double *ret)
{
    if (token_ns <= 0 || lower)
        return false;
    *ret = NSEC_PER_SEC / (double)token_ns;
    return true;
}

bool answers_any(const struct report *r)
{
    for (size_t i = 0; i < r->slo_count; i++)
        if (r->slos[i].answers)
            return true;
    return false;
}

const struct report_slo *answers_told_by(const struct report *r, const struct report_slo *s)
{
    for (const struct report_slo *p = r->slos; p < s; p++)
        if (p->answers && str_eq(p->def->sli.probe, s->def->sli.probe) &&
            p->start_us == s->start_us && p->upto_us == s->upto_us)
            return p;
    return NULL;
}

/* ---- words ---------------------------------------------------------------- */

static const char *plural(int64_t n)
{
    return n == 1 ? "" : "s";
}

void answers_tokens_text(struct str *out, const struct answer_sums *sums)
{
    char n[FMT_MAX];
    if (!answers_tokens_known(sums)) {
        str_add(out, "not known: no run told them");
        return;
    }
    str_addf(out, "%s%s in", sums->tokens_unknown ? "at least " : "",
             fmt_count(n, sums->tokens_in));
    if (sums->tokens_cached)
        str_addf(out, " (%s of them cached)", fmt_count(n, sums->tokens_cached));
    str_addf(out, ", %s out", fmt_count(n, sums->tokens_out));
    if (sums->tokens_reasoning)
        str_addf(out, " (%s of them reasoning)", fmt_count(n, sums->tokens_reasoning));
    if (sums->tokens_unknown)
        str_addf(out, "; %s run%s did not tell", fmt_count(n, sums->tokens_unknown),
                 plural(sums->tokens_unknown));
}

static void put_money(struct str *out, const struct report_answers *a, int64_t cost, bool lower)
{
    char n[FMT_MAX];
    str_add(out, fmt_money(n, cost, lower));
    if (a->currency)
        str_addf(out, " %s", a->currency);
}

void answers_cost_text(struct str *out, const struct report_answers *a)
{
    char n[FMT_MAX];
    bool lower = answers_cost_lower(&a->sums);
    if (!answers_priced(a)) {
        str_add(out, "not known: there are no prices");
        return;
    }
    if (!answers_cost_known(&a->sums)) {
        str_addf(out, "not known of any of %s runs", fmt_count(n, a->sums.cost_unknown));
        return;
    }
    put_money(out, a, a->sums.cost, lower);
    if (a->has_per_good) {
        str_add(out, ", ");
        put_money(out, a, a->per_good, lower);
        str_add(out, " a good answer");
    }
    if (a->sums.cost_unknown)
        str_addf(out, "; not known of %s run%s", fmt_count(n, a->sums.cost_unknown),
                 plural(a->sums.cost_unknown));
}

void answers_held_text(struct str *out, const struct answer_sums *sums)
{
    char n[FMT_MAX];
    if (sums->held)
        str_addf(out, "%s run%s not sent because of spend caps", fmt_count(n, sums->held),
                 plural(sums->held));
    if (sums->limited)
        str_addf(out, "%s%s met a rate limit or an overloaded target", sums->held ? "; " : "",
                 fmt_count(n, sums->limited));
}

void answers_speed_text(struct str *out, const struct report_answers *a)
{
    const struct report_latency *l = &a->token;
    const struct {
        int64_t ns;
        bool lower;
        const char *share;
    } q[] = {{l->p50_us, l->p50_lower, "half of the runs"},
             {l->p95_us, l->p95_lower, "95%"},
             {l->p99_us, l->p99_lower, "99%"}};
    char n[FMT_MAX];
    double speed;
    const char *comma = "";
    for (size_t i = 0; i < countof(q); i++) {
        if (!answers_speed(q[i].ns, q[i].lower, &speed))
            continue;
        str_addf(out, "%s%s%s in %s", comma, fmt_events(n, speed), *comma ? "" : " tokens/s",
                 q[i].share);
        comma = ", ";
    }
    if (!*comma)
        str_add(out, "not known of half of the runs");
}

void answers_day_cost(struct str *out, const struct report_answers *a, const struct answer_sums *s)
{
    if (answers_priced(a) && answers_cost_known(s))
        put_money(out, a, s->cost, answers_cost_lower(s));
    else
        str_add(out, FMT_NONE);
}
