#include "engine/retention.h"

#include "base/log.h"
#include "base/units.h"
#include "nines/slo.h"
#include "slo/window.h"

#define LONGEST_BURN_US (3 * USEC_PER_DAY) /* of a tier and of the rates in a report */
#define MARGIN_US USEC_PER_DAY

static const struct slo_def *longest_window(const struct config *cfg)
{
    const struct slo_def *longest = NULL;
    for (size_t i = 0; i < cfg->slo_count; i++) {
        const struct slo_def *s = cfg->slos[i];
        if (!longest || window_longest_us(&s->window) > window_longest_us(&longest->window))
            longest = s;
    }
    return longest;
}

static int64_t needed_us(const struct slo_def *longest)
{
    int64_t us = longest ? window_longest_us(&longest->window) : 0;
    if (longest && us < LONGEST_BURN_US)
        us = LONGEST_BURN_US;
    return us + MARGIN_US;
}

/* 0 stays what it means: for ever. Without SLOs nothing is needed. */
static int64_t at_least(int64_t asked, const struct slo_def *longest)
{
    return asked && longest && asked < needed_us(longest) ? needed_us(longest) : asked;
}

struct store_retention retention_plan(const struct config *cfg)
{
    const struct retention_config *r = &cfg->daemon.retention;
    const struct slo_def *longest = longest_window(cfg);
    return (struct store_retention){
        .results_us = at_least(r->raw_us, longest),
        .rollups_us = at_least(r->rollups_us, longest),
        .evidence_us = r->evidence_us,
        .alerts_us = at_least(r->alerts_us, longest),
        .max_bytes = r->max_bytes,
        .needed_us = needed_us(longest),
    };
}

/* ---- warnings ------------------------------------------------------------------- */

static void warn_shorter(const struct config *cfg, const struct node *group, const char *key,
                         int64_t asked, const char *what, struct decode *c)
{
    const struct node *n = node_get(group, key);
    const struct slo_def *slo = longest_window(cfg);
    char asked_text[UNITS_MAX], kept[UNITS_MAX];
    if (!n || !asked || !slo || asked >= window_longest_us(&slo->window))
        return;
    diag_warning(c->diag, n->pos,
                 "%s: %s is shorter than the window of the SLO '%s' (%s): %s are kept for %s", key,
                 units_duration(asked_text, asked), slo->name, slo->window.text, what,
                 units_duration(kept, at_least(asked, slo)));
}

void retention_finish(const struct config *cfg, const struct node *daemon, struct decode *c)
{
    const struct retention_config *r = &cfg->daemon.retention;
    const struct node *group = daemon ? node_get(daemon, "retention") : NULL;
    if (!group || group->kind != NODE_MAP)
        return;
    warn_shorter(cfg, group, "raw", r->raw_us, "results", c);
    warn_shorter(cfg, group, "rollups", r->rollups_us, "rollups", c);
    warn_shorter(cfg, group, "alerts", r->alerts_us, "alerts", c);
    if (r->rollups_us && !r->raw_us && !r->max_bytes)
        diag_warning(c->diag, node_get(group, "rollups")->pos,
                     "rollups: has no effect while results are kept for ever; set raw as well");
}

/* ---- what it does ------------------------------------------------------------------- */

static void watch_deleted(const struct store_stats *st, struct retention_told *told)
{
    char results[24], total[24];
    bool moving = st->deleted_results != told->seen;
    told->seen = st->deleted_results;
    if (moving || told->deleted == told->seen)
        return;
    snprintf(results, sizeof(results), "%lld", (long long)(told->seen - told->deleted));
    snprintf(total, sizeof(total), "%lld", (long long)told->seen);
    told->deleted = told->seen;
    log_info("old results were deleted (retention)", "results#", results, "since_start#", total,
             NULL);
}

static void watch_size(const struct store_stats *st, struct retention_told *told)
{
    char used[24], max[24];
    if (st->oversize == told->oversize)
        return;
    told->oversize = st->oversize;
    snprintf(used, sizeof(used), "%lld", (long long)st->used_bytes);
    snprintf(max, sizeof(max), "%lld", (long long)st->max_bytes);
    if (st->oversize)
        log_error("the database is over retention.max_size, and all results that are left are"
                  " needed; it goes on growing",
                  "bytes#", used, "max_bytes#", max, NULL);
    else
        log_info("the database is within retention.max_size again", "bytes#", used, "max_bytes#",
                 max, NULL);
}

void retention_watch(const struct store_stats *st, struct retention_told *told)
{
    watch_deleted(st, told);
    watch_size(st, told);
}
