#include "web/metrics_answers.h"

#include "base/mem.h"

/* Of a probe whose runs give answers: what it counted, zeroes before the first. */
static struct answer_sums sums_of(const struct status_probe *p)
{
    return p->counters.answers ? p->counters.answers->sums : (struct answer_sums){0};
}

static int64_t tokens_in(const struct status_probe *p)
{
    return sums_of(p).tokens_in;
}

static int64_t tokens_out(const struct status_probe *p)
{
    return sums_of(p).tokens_out;
}

static int64_t tokens_cached(const struct status_probe *p)
{
    return sums_of(p).tokens_cached;
}

static int64_t tokens_reasoning(const struct status_probe *p)
{
    return sums_of(p).tokens_reasoning;
}

static int64_t tokens_unknown(const struct status_probe *p)
{
    return sums_of(p).tokens_unknown;
}

static int64_t cost_unknown(const struct status_probe *p)
{
    return sums_of(p).cost_unknown;
}

static const struct answer_counter {
    const char *name, *help;
    int64_t (*value)(const struct status_probe *p);
} answer_counters[] = {
    {"nines_probe_input_tokens_total", "Tokens that agents were asked with, as they tell.",
     tokens_in},
    {"nines_probe_output_tokens_total", "Tokens that agents answered with, as they tell.",
     tokens_out},
    {"nines_probe_cached_tokens_total", "Those of the input that came from a cache.",
     tokens_cached},
    {"nines_probe_reasoning_tokens_total", "Those of the output that were reasoning.",
     tokens_reasoning},
    {"nines_probe_tokens_unknown_runs_total", "Runs that did not tell their tokens.",
     tokens_unknown},
    {"nines_probe_cost_unknown_runs_total", "Runs of which nobody knows what they cost.",
     cost_unknown},
};

static double money(int64_t cost)
{
    return (double)cost / (double)COST_ONE;
}

static void put_counters(struct exposition *e, const struct status *s)
{
    for (size_t k = 0; k < countof(answer_counters); k++) {
        exposition_family(e, answer_counters[k].name, EXPOSITION_COUNTER, answer_counters[k].help);
        for (size_t i = 0; i < s->probe_count; i++) {
            const struct label l[] = {{"probe", s->probes[i].def->id}};
            if (s->probes[i].spending)
                exposition_int(e, l, countof(l), answer_counters[k].value(&s->probes[i]));
        }
    }
}

static void put_cost(struct exposition *e, const struct status *s, const char *currency)
{
    exposition_family(e, "nines_probe_cost_total", EXPOSITION_COUNTER,
                      "What runs cost, as far as it is known.");
    for (size_t i = 0; i < s->probe_count; i++) {
        const struct status_probe *p = &s->probes[i];
        const struct label l[] = {{"probe", p->def->id}, {"currency", currency}};
        if (p->spending && (p->spending->priced || sums_of(p).cost > 0))
            exposition_double(e, l, countof(l), money(sums_of(p).cost));
    }
}

static void put_held(struct exposition *e, const struct status *s)
{
    exposition_family(e, "nines_probe_held_slots_total", EXPOSITION_COUNTER,
                      "Slots that were not sent: because of a spend cap, or as the target asked.");
    for (size_t i = 0; i < s->probe_count; i++) {
        const struct status_probe *p = &s->probes[i];
        const struct label cap[] = {{"probe", p->def->id}, {"reason", "spend_cap"}};
        const struct label wait[] = {{"probe", p->def->id}, {"reason", "retry_after"}};
        if (!p->spending)
            continue;
        exposition_int(e, cap, countof(cap), sums_of(p).held);
        exposition_int(e, wait, countof(wait),
                       p->counters.answers ? p->counters.answers->waited : 0);
    }
    exposition_family(e, "nines_probe_held", EXPOSITION_GAUGE,
                      "1 while the newest slot is one of those, by the reason of its result.");
    for (size_t i = 0; i < s->probe_count; i++) {
        const struct status_probe *p = &s->probes[i];
        const struct label l[] = {{"probe", p->def->id}, {"reason", reason_name(p->held_reason)}};
        if (p->held)
            exposition_int(e, l, countof(l), 1);
    }
}

static void put_times(struct exposition *e, const struct status *s, bool gap)
{
    exposition_family(e, gap ? "nines_probe_gap_seconds" : "nines_probe_first_token_seconds",
                      EXPOSITION_HISTOGRAM,
                      gap ? "The longest time without a piece, of streamed answers."
                          : "Time to the first token of streamed answers.");
    for (size_t i = 0; i < s->probe_count; i++) {
        const struct answer_counters *a = s->probes[i].counters.answers;
        const struct label l[] = {{"probe", s->probes[i].def->id}};
        const struct histogram *h = !a ? NULL : gap ? &a->gap : &a->ttft;
        if (h)
            exposition_histogram(e, l, countof(l), h->bounds_us, h->counts, h->n, h->sum_us);
    }
}

/* ---- caps ------------------------------------------------------------------------------ */

struct amount {
    const char *span;
    int64_t tokens, cost;
};

/* Of one probe, or of all (`probe` NULL). */
static void put_amounts(struct exposition *e, const char *probe, const char *currency,
                        const struct spend_caps *c, bool cap, bool cost)
{
    const struct amount spans[] = {{"hour", c->tokens_hour, c->cost_hour},
                                   {"day", c->tokens_day, c->cost_day}};
    for (size_t i = 0; i < countof(spans); i++) {
        const struct label all[] = {
            {"probe", probe}, {"span", spans[i].span}, {"currency", currency}};
        const struct label *l = probe ? all : all + 1;
        size_t n = countof(all) - !probe - !cost;
        int64_t value = cost ? spans[i].cost : spans[i].tokens;
        if (cap && !value)
            continue; /* none */
        if (cost)
            exposition_double(e, l, n, money(value));
        else
            exposition_int(e, l, n, value);
    }
}

static const struct spend_family {
    const char *of_probe, *of_all, *help;
    bool cap, cost;
} spend_families[] = {
    {"nines_probe_spent_tokens", "nines_spent_tokens",
     "Tokens of this clock hour and day (UTC), runs in flight at what they may come to.", false,
     false},
    {"nines_probe_spent_cost", "nines_spent_cost", "The same in money.", false, true},
    {"nines_probe_spend_cap_tokens", "nines_spend_cap_tokens", "How many of them are allowed.",
     true, false},
    {"nines_probe_spend_cap_cost", "nines_spend_cap_cost", "How much of it is allowed.", true,
     true},
};

static void put_spending(struct exposition *e, const struct status *s, const char *currency)
{
    for (size_t k = 0; k < countof(spend_families); k++) {
        const struct spend_family *f = &spend_families[k];
        exposition_family(e, f->of_probe, EXPOSITION_GAUGE, f->help);
        for (size_t i = 0; i < s->probe_count; i++) {
            const struct status_spending *p = s->probes[i].spending;
            if (p && !(f->cost && !f->cap && !p->priced))
                put_amounts(e, s->probes[i].def->id, currency, f->cap ? &p->caps : &p->spent,
                            f->cap, f->cost);
        }
        exposition_family(e, f->of_all, EXPOSITION_GAUGE, f->help);
        if (!f->cost || *currency)
            put_amounts(e, NULL, currency, f->cap ? &s->spending->caps : &s->spending->spent,
                        f->cap, f->cost);
    }
}

void metrics_answers(struct exposition *e, const struct status *s)
{
    if (!s->spending)
        return;
    const char *currency = s->config->daemon.prices.currency;
    currency = currency ? currency : "";
    put_counters(e, s);
    put_cost(e, s, currency);
    put_held(e, s);
    put_times(e, s, false);
    put_times(e, s, true);
    put_spending(e, s, currency);
}
