#include "nines/store_reader.h"

static void add(int64_t *into, int64_t n)
{
    if (__builtin_add_overflow(*into, n, into))
        *into = INT64_MAX; /* neither is below 0 */
}

void answer_sums_add(struct answer_sums *into, const struct answer_sums *from)
{
#define XX(field) add(&into->field, from->field);
    ANSWER_SUMS_MAP(XX)
#undef XX
}

static int64_t known(int64_t n)
{
    return n > 0 ? n : 0;
}

void answer_sums_result(struct answer_sums *into, const struct result *r)
{
    const struct answer *a = &r->answer;
    bool ran = r->flags & RESULT_ANSWER, good = r->outcome == OUTCOME_GOOD;
    struct answer_sums s = {
        .held = !ran && !good && r->reason == REASON_SPEND_CAP,
        .limited = !good && (r->reason == REASON_RATE_LIMITED || r->reason == REASON_OVERLOADED),
    };
    if (ran) {
        s.good = good;
        s.runs = good || r->outcome == OUTCOME_BAD;
        s.tokens_in = known(a->tokens_in);
        s.tokens_out = known(a->tokens_out);
        s.tokens_cached = known(a->tokens_cached);
        s.tokens_reasoning = known(a->tokens_reasoning);
        s.tokens_unknown = a->tokens_in < 0 || a->tokens_out < 0;
        s.cost = known(a->cost);
        s.cost_unknown = a->cost < 0;
    }
    answer_sums_add(into, &s);
}
