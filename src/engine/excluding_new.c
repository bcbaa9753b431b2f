/* Whether an exclusion may be added to those that there are. */
#include "engine/excluding.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "base/when.h"

#include <inttypes.h>

#define FREE_SHOWN 4

/* ---- of what it is ---------------------------------------------------------------------- */

static bool is_slo(const struct config *cfg, const char *name)
{
    for (size_t i = 0; i < cfg->slo_count; i++)
        if (str_eq(cfg->slos[i]->name, name))
            return true;
    return false;
}

static int unknown_slo(const struct config *cfg, const char *name, struct err *reterr)
{
    const char **names = mem_array(cfg->slo_count + 1, sizeof(*names));
    for (size_t i = 0; i < cfg->slo_count; i++)
        names[i] = cfg->slos[i]->name;
    const char *near = str_nearest(name, names, cfg->slo_count);
    mem_free(&names);
    return err_set(reterr, "no SLO has the name '%.128s'%s%s%s", name,
                   near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static int check_names(const struct config *cfg, const struct exclusion *x, struct err *reterr)
{
    for (size_t i = 0; i < x->slos.n; i++)
        if (!is_slo(cfg, x->slos.at[i]))
            return unknown_slo(cfg, x->slos.at[i], reterr);
    for (size_t i = 0; i < cfg->slo_count; i++)
        if (exclusion_fits(x, cfg->slos[i]))
            return 0;
    return err_set(reterr, "it is of no SLO: none is of all its names, service and labels");
}

/* ---- the others ----------------------------------------------------------------------------- */

static int check_counts(const struct excluding *x, const struct exclusion *added,
                        struct err *reterr)
{
    const struct config *cfg = excluding_config(x);
    size_t n = excluding_count(x);
    struct err err;
    int rc = 0;
    const struct exclusion **list = mem_array(n + 1, sizeof(*list));
    for (size_t i = 0; i < cfg->slo_count && rc == 0; i++) {
        size_t found = 0;
        if (!excluding_concerns(added, cfg->slos[i]))
            continue;
        list[found++] = added;
        for (size_t k = 0; k < n; k++)
            if (excluding_concerns(excluding_at(x, k), cfg->slos[i]))
                list[found++] = excluding_at(x, k);
        if (exclusions_count(list, found, &err) < 0)
            rc = err_set(reterr, "the SLO '%s': %s", cfg->slos[i]->name, err.msg);
    }
    mem_free(&list);
    return rc;
}

/* "2026-10-22T08:00:00Z to 2026-10-22T09:00:00Z and ..." */
static void add_free(struct str *out, const struct exclusions *taken, const struct exclusion *added)
{
    char from[WHEN_MAX], to[WHEN_MAX];
    struct exclusion_span s;
    int shown = 0;
    for (int64_t t = added->from_us; t < added->to_us; t = s.end_us) {
        if (!exclusions_next(taken, t, &s) || s.start_us > added->to_us)
            s = (struct exclusion_span){.start_us = added->to_us, .end_us = added->to_us};
        if (s.start_us <= t)
            continue;
        if (shown++ == FREE_SHOWN) {
            str_add(out, " and more");
            return;
        }
        str_addf(out, "%s%s to %s", shown > 1 ? ", " : "; free are ", when_text(from, t),
                 when_text(to, s.start_us));
    }
    if (shown == 0)
        str_add(out, "; nothing of its time is free");
}

static void add_name(struct str *out, const struct exclusion *x)
{
    char from[WHEN_MAX], to[WHEN_MAX];
    if (x->id)
        str_addf(out, "exclusion %" PRId64, x->id);
    else
        str_addf(out, "the exclusion '%s' of %s:%d", x->name, x->pos.file, x->pos.line);
    str_addf(out, ", %s to %s", when_text(from, x->from_us), when_text(to, x->to_us));
    if (x->rrule)
        str_addf(out, " and again by %s", x->rrule);
}

struct conflict {
    const struct slo_def *slo; /* of the first one */
    int64_t at_us;
    VEC(const struct exclusion *) with;
};

static void find_conflicts(const struct excluding *x, const struct exclusion *added,
                           struct conflict *c)
{
    for (size_t i = 0; i < excluding_count(x); i++) {
        const struct exclusion *other = excluding_at(x, i);
        const struct slo_def *slo = excluding_common_slo(excluding_config(x), added, other);
        int64_t at_us;
        if (!slo || !exclusion_overlap(added, other, &at_us))
            continue;
        if (c->with.len == 0) {
            c->slo = slo;
            c->at_us = at_us;
        }
        vec_push(&c->with, other);
    }
}

static int tell(const struct conflict *c, const struct exclusion *added, struct err *reterr)
{
    char at[WHEN_MAX];
    struct exclusions *taken = NULL;
    struct str text;
    str_init(&text, sizeof(reterr->msg));
    str_add(&text, "it overlaps ");
    add_name(&text, c->with.at[0]);
    str_addf(&text, " at %s: both are of the SLO '%s'", when_text(at, c->at_us), c->slo->name);
    if (!added->rrule && exclusions_make(c->with.at, c->with.len, &taken, NULL) == 0)
        add_free(&text, taken, added);
    exclusions_unref(taken);
    err_set(reterr, "%s", text.buf);
    str_release(&text);
    return -1;
}

int excluding_check_new(const struct excluding *x, const struct exclusion *added,
                        struct err *reterr)
{
    struct conflict c = {0};
    if (check_names(excluding_config(x), added, reterr) < 0 || check_counts(x, added, reterr) < 0)
        return -1;
    find_conflicts(x, added, &c);
    int rc = c.with.len ? tell(&c, added, reterr) : 0;
    vec_release(&c.with);
    return rc;
}
