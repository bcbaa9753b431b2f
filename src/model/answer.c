#include "nines/answer.h"

#include "base/wide.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

const char *answer_measure_name(enum answer_measure m)
{
    static const char *const names[MEASURE_COUNT] = {
        "none", "ttft_faster_than", "gap_below", "tokens_per_second_at_least", "cost_at_most",
    };
    assert(m < MEASURE_COUNT);
    return names[m];
}

char *answer_bound_text(char buf[static UNITS_MAX], enum answer_measure m, int64_t bound)
{
    struct decimal d = {bound, m == MEASURE_SPEED ? 3 : 12};
    if (m == MEASURE_TTFT || m == MEASURE_GAP)
        return units_duration(buf, bound);
    return decimal_text(buf, decimal_lowest(d));
}

void answer_promise(enum answer_measure m, int64_t bound, const char *currency, struct str *out)
{
    char text[UNITS_MAX];
    assert(m < MEASURE_COUNT);
    answer_bound_text(text, m, bound);
    switch (m) {
    case MEASURE_TTFT:
        str_addf(out, "first token within %s", text);
        break;
    case MEASURE_GAP:
        str_addf(out, "no gap over %s", text);
        break;
    case MEASURE_SPEED:
        str_addf(out, "at least %s token%s a second", text, strcmp(text, "1") == 0 ? "" : "s");
        break;
    case MEASURE_COST:
        str_addf(out, "at a cost of at most %s%s%s", text, currency ? " " : "",
                 currency ? currency : "");
        break;
    case MEASURE_NONE:
    case MEASURE_COUNT:
        break;
    }
}

bool answer_speed(const struct answer *a, int64_t *ret_tokens, int64_t *ret_us)
{
    bool mixed = a->flags & ANSWER_REASONED && a->tokens_reasoning < 0;
    if (a->tokens_out < 0 || mixed || !a->last_token_us)
        return false;
    int64_t reasoning = a->tokens_reasoning > 0 ? a->tokens_reasoning : 0;
    bool pieces = a->last_token_us > a->first_token_us;
    *ret_tokens = a->tokens_out > reasoning ? a->tokens_out - reasoning : 0;
    *ret_us = pieces ? (int64_t)a->last_token_us - a->first_token_us : a->last_token_us;
    return true;
}

int answer_keeps(const struct answer *a, enum answer_measure m, int64_t bound)
{
    int64_t tokens, us;
    switch (m) {
    case MEASURE_TTFT:
        return a->first_token_us ? a->first_token_us <= bound : -1;
    case MEASURE_GAP:
        return a->last_event_us ? a->gap_us <= bound : -1;
    case MEASURE_SPEED: /* tokens / us >= bound / 10^9; both sides fit */
        if (!answer_speed(a, &tokens, &us))
            return -1;
        return (int128)tokens * 1000000000 >= (int128)bound * us;
    case MEASURE_COST:
        return a->cost >= 0 ? a->cost <= bound : -1;
    case MEASURE_NONE:
    case MEASURE_COUNT:
        break;
    }
    assert(m == MEASURE_NONE);
    return 1;
}
