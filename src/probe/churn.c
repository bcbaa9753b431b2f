#include "probe/churn.h"

#include "base/units.h"

bool churn_note(struct churn *c, int64_t at_us, const struct sample *at, size_t n)
{
    if (!c->since_us || at_us - c->since_us >= USEC_PER_DAY) {
        churn_release(c);
        c->since_us = at_us;
    }
    for (size_t i = 0; i < n; i++) {
        if (table_get(&c->series, at[i].series))
            continue;
        if (table_count(&c->series) == CHURN_SERIES_MAX)
            return false;
        table_set(&c->series, arena_strdup(&c->arena, at[i].series), c);
    }
    return true;
}

void churn_release(struct churn *c)
{
    table_release(&c->series);
    arena_release(&c->arena);
}
