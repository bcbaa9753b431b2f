#include "nines/answer.h"

#include "base/wide.h"

#include <assert.h>
#include <stddef.h>

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

void answer_promise(enum answer_measure m, int64_t bound, struct str *out)
{
    static const struct {
        const char *before, *after;
    } words[MEASURE_COUNT] = {
        [MEASURE_TTFT] = {"first token within ", ""},
        [MEASURE_GAP] = {"no gap over ", ""},
        [MEASURE_SPEED] = {"at least ", " tokens a second"},
        [MEASURE_COST] = {"at a cost of at most ", ""},
    };
    char text[UNITS_MAX];
    assert(m < MEASURE_COUNT);
    if (m != MEASURE_NONE)
        str_addf(out, "%s%s%s", words[m].before, answer_bound_text(text, m, bound), words[m].after);
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
