/*
 * Slices while the daemon runs. What the slices of an SLI are worth is kept like
 * events are, in windows that move, one for each way to cut and judge them: a slice
 * is told when it has ended, as an event of the last instant in it, and once more
 * by what changed when events come late.
 */
#include "engine/evaluate_internal.h"

#include "base/mem.h"
#include "base/str.h"
#include "slo/live.h"

/* The minutes of events, which slices are judged by, are not kept for longer. */
#define CORRECT_US (3 * USEC_PER_DAY)

static struct eval_line *find_line(const struct eval_sli *sli, const char *key)
{
    for (size_t i = 0; i < sli->lines.len; i++)
        if (str_eq(sli->lines.at[i]->key, key))
            return sli->lines.at[i];
    return NULL;
}

static void restart(const struct eval_sli *sli, struct eval_line *line)
{
    live_free(line->live);
    line->live = live_new(sli->longest_us, sli->attached_us);
    line->until_us = slices_floor(&line->grid, sli->attached_us);
}

bool eval_need_line(struct eval_sli *sli, const struct slo_def *def)
{
    char key[SLICES_KEY_MAX];
    if (def->method == METHOD_OCCURRENCES)
        return false;
    slices_key(def, key);
    struct eval_line *line = find_line(sli, key);
    bool known = line != NULL;
    if (!known) {
        line = mem_alloc(sizeof(*line));
        line->key = mem_strdup(key);
        vec_push(&sli->lines, line);
    }
    if (!line->used && line->live)
        live_unwatch(line->live); /* of the snapshot before */
    line->grid = slices_grid(def);
    line->used = true;
    return !known;
}

struct eval_line *eval_line_of(const struct eval_sli *sli, const struct slo_def *def)
{
    char key[SLICES_KEY_MAX];
    if (def->method == METHOD_OCCURRENCES)
        return NULL;
    slices_key(def, key);
    return find_line(sli, key);
}

void eval_restart_lines(struct eval_sli *sli)
{
    sli->changed_us = INT64_MAX;
    for (size_t i = 0; i < sli->lines.len; i++)
        restart(sli, sli->lines.at[i]);
}

static void line_free(struct eval_line *line)
{
    live_free(line->live);
    free(line->key);
    free(line);
}

void eval_drop_lines(struct eval_sli *sli, bool all)
{
    size_t kept = 0;
    for (size_t i = 0; i < sli->lines.len; i++) {
        struct eval_line *line = sli->lines.at[i];
        if (line->used && !all)
            sli->lines.at[kept++] = line;
        else
            line_free(line);
    }
    sli->lines.len = kept;
    if (all)
        vec_release(&sli->lines);
}

void eval_merge_line(struct eval_sli *sli, const struct past_line *past)
{
    struct eval_line *line = find_line(sli, past->key);
    if (!line || !past->live)
        return;
    live_merge(line->live, past->live);
    line->until_us = past->until_us;
}

/* What the slice is worth now, and what it was told to be. */
static void judge(struct eval_sli *sli, struct eval_line *line, int64_t begin_us, int64_t end_us)
{
    struct counts events = live_minutes(sli->live, begin_us, end_us);
    struct counts was = live_minutes(line->live, end_us - USEC_PER_MIN, end_us);
    struct counts is =
        slices_judge(line->grid.slo, events, eval_slots(sli, &sli->sieve, begin_us, end_us));
    struct counts more = counts_minus(is, was);
    if (!counts_empty(more))
        live_add_event(line->live, end_us - 1, more);
}

static void tick_line(struct eval_sli *sli, struct eval_line *line, int64_t t_us)
{
    int64_t from = sli->changed_us < line->until_us ? sli->changed_us : line->until_us;
    int64_t oldest = t_us - CORRECT_US, end;
    int64_t begin = slices_floor(&line->grid, from > oldest ? from : oldest);
    if (begin < oldest)
        begin = slices_next(&line->grid, begin);
    line->judged_us = begin;
    for (; (end = slices_next(&line->grid, begin)) <= t_us; begin = end)
        judge(sli, line, begin, end);
    if (begin > line->until_us)
        line->until_us = begin;
}

void eval_tick_lines(struct eval_sli *sli, int64_t t_us)
{
    for (size_t i = 0; i < sli->lines.len; i++) {
        struct eval_line *line = sli->lines.at[i];
        if (sli->merged)
            tick_line(sli, line, t_us);
        live_tick(line->live, t_us);
    }
    if (sli->merged)
        sli->changed_us = INT64_MAX;
}

struct counts eval_line_counts(const struct eval_line *line, size_t window)
{
    size_t n;
    return live_windows(line->live, &n)[window].counts;
}
