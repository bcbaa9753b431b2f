#include "slo/seen.h"

#include "base/units.h"
#include "base/wide.h"

#include <stdio.h>

#define MILLI 1000

/* A decimal of n / one, without zeros at its end. */
static void put_decimal(struct str *out, int64_t n, int64_t one)
{
    str_addf(out, "%lld", (long long)(n / one));
    n %= one;
    str_add(out, n ? "." : "");
    for (; n; n %= one) {
        one /= 10;
        str_addf(out, "%lld", (long long)(n / one));
    }
}

/* Three digits, or all of them when these are those of the bound. */
static void put_time(struct str *out, const char *what, int64_t us, int64_t bound_us)
{
    char seen[UNITS_MAX], human[UNITS_MAX], bound[UNITS_MAX];
    units_human_us(seen, us);
    units_human_us(human, bound_us);
    str_add(out, what);
    if (str_eq(seen, human)) {
        put_decimal(out, us, MILLI);
        str_add(out, "ms");
    } else {
        str_add(out, seen);
    }
    str_addf(out, ", %s allowed", units_duration(bound, bound_us));
}

/* In thousandths, rounded down: less than the bound, or it were kept. */
static void put_speed(struct str *out, const struct answer *a, int64_t bound)
{
    int64_t tokens, us;
    if (!answer_speed(a, &tokens, &us))
        return;
    put_decimal(out, (int64_t)((int128)tokens * 1000000000 / us), MILLI);
    str_add(out, " tokens a second, at least ");
    put_decimal(out, bound, MILLI);
    str_add(out, " expected");
}

static void put_cost(struct str *out, int64_t cost, int64_t bound, const char *currency)
{
    str_add(out, "a cost of ");
    put_decimal(out, cost, COST_ONE);
    str_addf(out, "%s%s, at most ", currency ? " " : "", currency ? currency : "");
    put_decimal(out, bound, COST_ONE);
    str_add(out, " allowed");
}

void sli_seen(const struct sli_def *sli, const struct answer *a, const char *currency,
              struct str *out)
{
    switch (sli->measure) {
    case MEASURE_TTFT:
        put_time(out, "first token after ", a->first_token_us, sli->bound);
        break;
    case MEASURE_GAP:
        put_time(out, "a gap of ", a->gap_us, sli->bound);
        break;
    case MEASURE_SPEED:
        put_speed(out, a, sli->bound);
        break;
    case MEASURE_COST:
        put_cost(out, a->cost, sli->bound, currency);
        break;
    case MEASURE_NONE:
    case MEASURE_COUNT:
        break;
    }
}
