#include "engine/retention.h"

#include "base/units.h"
#include "nines/slo.h"
#include "slo/window.h"

#define LONGEST_BURN_US (3 * USEC_PER_DAY) /* of a tier and of the rates in a report */
#define MARGIN_US USEC_PER_DAY

/* No period of a calendar is longer: a month counts 30 days and may have 31,
 * one of them with 25 hours. */
static int64_t longest_us(const struct window_def *w)
{
    int64_t nominal = window_nominal_us(w);
    if (w->type == WINDOW_ROLLING)
        return nominal;
    return nominal + nominal / 30 + USEC_PER_DAY;
}

static const struct slo_def *longest_window(const struct config *cfg)
{
    const struct slo_def *longest = NULL;
    for (size_t i = 0; i < cfg->slo_count; i++) {
        const struct slo_def *s = cfg->slos[i];
        if (!longest || longest_us(&s->window) > longest_us(&longest->window))
            longest = s;
    }
    return longest;
}

int64_t retention_keep_us(const struct config *cfg)
{
    const struct slo_def *slo = longest_window(cfg);
    int64_t keep = cfg->daemon.raw_retention_us, least;
    if (!keep || !slo)
        return keep;
    least = longest_us(&slo->window);
    least = (least > LONGEST_BURN_US ? least : LONGEST_BURN_US) + MARGIN_US;
    return keep > least ? keep : least;
}

void retention_finish(const struct config *cfg, const struct node *daemon, struct decode *c)
{
    const struct node *group = daemon ? node_get(daemon, "retention") : NULL;
    const struct node *raw = group && group->kind == NODE_MAP ? node_get(group, "raw") : NULL;
    const struct slo_def *slo = longest_window(cfg);
    int64_t asked = cfg->daemon.raw_retention_us;
    char asked_text[UNITS_MAX], kept[UNITS_MAX];
    if (!raw || !asked || !slo || asked >= longest_us(&slo->window))
        return;
    diag_warning(c->diag, raw->pos,
                 "raw: %s is shorter than the window of the SLO '%s' (%s): results are kept for %s",
                 units_duration(asked_text, asked), slo->name, slo->window.text,
                 units_duration(kept, retention_keep_us(cfg)));
}
