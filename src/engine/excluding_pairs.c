#include "engine/excluding_pairs.h"

#include "base/mem.h"
#include "base/vec.h"
#include "base/when.h"
#include "slo/exclusions.h"

/* What is known of an exclusion. */
struct declared {
    const struct exclusion *x;
    VEC(size_t) slos;         /* which it is of, ascending */
    struct exclusions *alone; /* the set of this one; NULL: not needed as yet */
};

/* There is one: the two are of one that is looked at. */
static size_t first_common(const struct declared *a, const struct declared *b)
{
    size_t i = 0, j = 0;
    while (a->slos.at[i] != b->slos.at[j])
        if (a->slos.at[i] < b->slos.at[j])
            i++;
        else
            j++;
    return a->slos.at[i];
}

static const struct exclusions *alone(struct declared *d)
{
    if (!d->alone && exclusions_make(&d->x, 1, &d->alone, NULL) < 0)
        return NULL;
    return d->alone;
}

/* Of two without rules one comparison says it, and mostly that they do not; of others it is
 * cheaper to know whether it has been said at an earlier objective. */
static bool overlap(struct declared *a, struct declared *b, size_t slo, int64_t *ret_us)
{
    if (!a->x->rrule && !b->x->rrule)
        return exclusion_overlap(a->x, b->x, ret_us) && first_common(a, b) == slo;
    return first_common(a, b) == slo &&
           exclusion_sets_overlap(a->x, alone(a), b->x, alone(b), ret_us);
}

/* `b` is the later one of the two in their files. */
static void check_pair(const struct config *cfg, struct decode *c, struct declared *a,
                       struct declared *b, size_t slo)
{
    char at[WHEN_MAX];
    int64_t at_us;
    if (!overlap(a, b, slo, &at_us))
        return;
    diag_error(c->diag, b->x->pos,
               "the exclusion '%s' overlaps '%s' at %s:%d:%d: both are of the SLO '%s' at %s",
               b->x->name, a->x->name, a->x->pos.file, a->x->pos.line, a->x->pos.column,
               cfg->slos[slo]->name, when_text(at, at_us));
}

void excluding_check_pairs(const struct config *cfg, struct decode *c)
{
    struct declared *all = mem_array(cfg->exclusion_count + 1, sizeof(*all));
    VEC(struct declared *) of = {0};
    for (size_t i = 0; i < cfg->exclusion_count; i++) {
        all[i].x = &cfg->exclusions[i];
        for (size_t s = 0; s < cfg->slo_count; s++)
            if (exclusion_fits(all[i].x, cfg->slos[s]))
                vec_push(&all[i].slos, s);
    }
    for (size_t s = 0; s < cfg->slo_count; s++) {
        of.len = 0;
        for (size_t i = 0; i < cfg->exclusion_count; i++)
            if (exclusion_fits(all[i].x, cfg->slos[s]))
                vec_push(&of, &all[i]);
        for (size_t i = 0; i < of.len; i++)
            for (size_t j = 0; j < i; j++)
                check_pair(cfg, c, of.at[j], of.at[i], s);
    }
    for (size_t i = 0; i < cfg->exclusion_count; i++) {
        exclusions_unref(all[i].alone);
        vec_release(&all[i].slos);
    }
    vec_release(&of);
    mem_free(&all);
}
