#include "report/answers.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/when.h"

#include <inttypes.h>

static void put_int(struct str *out, const char *key, int64_t n)
{
    str_addf(out, "\"%s\": %" PRId64, key, n);
}

static void put_known(struct str *out, const char *key, bool known, int64_t n)
{
    if (known)
        put_int(out, key, n);
    else
        str_addf(out, "\"%s\": null", key);
}

static void put_seconds(struct str *out, const char *key, int64_t us)
{
    char buf[FMT_MAX];
    str_addf(out, ", \"%s\": %s", key, us < 0 ? "null" : fmt_seconds(buf, us));
}

/* Of an object that goes on. */
static void put_runs(struct str *out, const struct report_latency *l)
{
    str_addc(out, '{');
    put_int(out, "count", l->count);
    str_add(out, ", ");
    put_int(out, "censored", l->censored);
}

static void put_times(struct str *out, const struct report_latency *l)
{
    const struct {
        const char *name;
        int64_t us;
        bool lower;
    } q[] = {{"p50", l->p50_us, l->p50_lower},
             {"p90", l->p90_us, l->p90_lower},
             {"p95", l->p95_us, l->p95_lower},
             {"p99", l->p99_us, l->p99_lower}};
    const char *comma = "";
    put_runs(out, l);
    for (size_t i = 0; i < countof(q); i++)
        put_seconds(out, q[i].name, q[i].us);
    put_seconds(out, "max", l->max_us);
    str_add(out, ", \"lower_bound\": [");
    for (size_t i = 0; i < countof(q); i++) {
        if (!q[i].lower || q[i].us < 0)
            continue;
        str_addf(out, "%s\"%s\"", comma, q[i].name);
        comma = ", ";
    }
    str_add(out, "]}");
}

static void put_speed(struct str *out, const struct report_latency *l)
{
    const struct {
        const char *name;
        int64_t ns;
        bool lower;
    } q[] = {{"p50", l->p50_us, l->p50_lower},
             {"p95", l->p95_us, l->p95_lower},
             {"p99", l->p99_us, l->p99_lower}};
    char buf[FMT_MAX];
    double speed;
    if (l->count <= 0) {
        str_add(out, "null");
        return;
    }
    put_runs(out, l);
    for (size_t i = 0; i < countof(q); i++)
        str_addf(out, ", \"%s\": %s", q[i].name,
                 answers_speed(q[i].ns, q[i].lower, &speed) ? fmt_ratio(buf, speed) : "null");
    str_addc(out, '}');
}

static void put_tokens(struct str *out, const struct answer_sums *t)
{
    bool known = answers_tokens_known(t);
    const struct {
        const char *name;
        int64_t n;
    } of[] = {{"in", t->tokens_in},
              {"out", t->tokens_out},
              {"cached", t->tokens_cached},
              {"reasoning", t->tokens_reasoning}};
    str_addc(out, '{');
    for (size_t i = 0; i < countof(of); i++) {
        put_known(out, of[i].name, known, of[i].n);
        str_add(out, ", ");
    }
    put_int(out, "unknown_runs", t->tokens_unknown);
    str_addc(out, '}');
}

static void put_money(struct str *out, const char *key, bool known, int64_t cost)
{
    char buf[FMT_MAX];
    if (known)
        str_addf(out, "\"%s\": \"%s\"", key, fmt_cost(buf, cost));
    else
        str_addf(out, "\"%s\": null", key);
}

static void put_cost(struct str *out, const struct report_answers *a)
{
    bool known = answers_cost_known(&a->sums);
    if (!answers_priced(a)) {
        str_add(out, "null");
        return;
    }
    str_add(out, "{\"currency\": ");
    if (a->currency)
        json_add_string(out, a->currency);
    else
        str_add(out, "null");
    str_add(out, ", ");
    put_money(out, "total", known, a->sums.cost);
    str_add(out, ", ");
    put_money(out, "per_good_answer", known && a->has_per_good, a->per_good);
    str_add(out, ", ");
    put_int(out, "unknown_runs", a->sums.cost_unknown);
    str_addf(out, ", \"lower_bound\": %s}", answers_cost_lower(&a->sums) ? "true" : "false");
}

static void put_day(struct str *out, const struct report_answers *a,
                    const struct report_answer_day *d)
{
    char day[WHEN_MAX];
    bool tokens = answers_tokens_known(&d->sums);
    str_addf(out, "{\"day\": \"%.10s\", ", when_text(day, d->from_us));
    put_int(out, "runs", d->sums.runs);
    str_add(out, ", ");
    put_int(out, "good", d->sums.good);
    str_add(out, ", ");
    put_known(out, "tokens_in", tokens, d->sums.tokens_in);
    str_add(out, ", ");
    put_known(out, "tokens_out", tokens, d->sums.tokens_out);
    str_add(out, ", ");
    put_int(out, "unknown_runs", d->sums.tokens_unknown);
    str_add(out, ", ");
    put_money(out, "cost", answers_priced(a) && answers_cost_known(&d->sums), d->sums.cost);
    str_add(out, ", ");
    put_int(out, "cost_unknown_runs", d->sums.cost_unknown);
    str_add(out, ", ");
    put_int(out, "held_back", d->sums.held);
    str_addc(out, '}');
}

static void put_streamed(struct str *out, const char *key, const struct report_answers *a,
                         const struct report_latency *l)
{
    str_addf(out, ", \"%s\": ", key);
    if (a->streams)
        put_times(out, l);
    else
        str_add(out, "null");
}

void answers_put_json(struct str *out, const struct report_answers *a)
{
    str_addc(out, '{');
    put_int(out, "runs", a->sums.runs);
    str_add(out, ", ");
    put_int(out, "good", a->sums.good);
    put_streamed(out, "ttft", a, &a->ttft);
    put_streamed(out, "gap", a, &a->gap);
    str_add(out, ", \"tokens_per_second\": ");
    put_speed(out, &a->token);
    str_add(out, ", \"tokens\": ");
    put_tokens(out, &a->sums);
    str_add(out, ", \"cost\": ");
    put_cost(out, a);
    str_add(out, ", ");
    put_int(out, "held_back", a->sums.held);
    str_add(out, ", ");
    put_int(out, "limited", a->sums.limited);
    str_add(out, ", \"days\": [");
    for (size_t i = 0; i < a->day_count; i++) {
        str_add(out, i ? ", " : "");
        put_day(out, a, &a->days[i]);
    }
    str_add(out, "]}");
}
