#include "config/openslo_group.h"

#include "config/openslo_write.h"

#include "base/str.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define DISPLAY_NAME_MAX 63

size_t openslo_objectives(struct slo_def *const *slos, size_t n)
{
    size_t same = 1;
    while (same < n && str_eq(slos[same]->name, slos[0]->name))
        same++;
    return same;
}

/* ---- windows ------------------------------------------------------------------------- */

static bool has_window(const struct openslo_group *g, const struct slo_def *slo)
{
    for (size_t i = 0; i < g->window_count; i++)
        if (str_eq(g->windows[i]->window.text, slo->window.text))
            return true;
    return false;
}

/* Beside a composite the others are its members: its windows are the SLO's. */
static void find_windows(struct slo_def *const *slos, size_t n, struct openslo_group *g)
{
    /* Only those of the first window alert, if any do. */
    for (size_t pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < n; i++) {
            if (slos[i]->alerting != (pass == 0) || has_window(g, slos[i]) ||
                (slos[i]->member_count > 0) != g->composite)
                continue;
            assert(g->window_count < OPENSLO_WINDOWS_MAX);
            g->windows[g->window_count++] = slos[i];
        }
    }
}

/* Its objectives have but the document's own window. */
static void put_first(struct openslo_group *g, const char *window)
{
    const struct slo_def *first = g->windows[0];
    for (size_t i = 1; i < g->window_count; i++) {
        if (!str_eq(g->windows[i]->window.text, window))
            continue;
        g->windows[0] = g->windows[i];
        g->windows[i] = first;
        return;
    }
}

/* ---- objectives ---------------------------------------------------------------------- */

static struct openslo_part *add_part(struct openslo_group *g, const struct slo_def *slo)
{
    assert(g->part_count < OPENSLO_PARTS_MAX);
    struct openslo_part *p = &g->parts[g->part_count++];
    p->slo = slo;
    p->weight = (struct decimal){1, 0};
    p->name[0] = '\0';
    return p;
}

/* The objective's name without that of its window. */
static void name_part(const struct openslo_group *g, struct openslo_part *p)
{
    size_t len = strlen(p->slo->objective_name), window = strlen(p->slo->window.text);
    if (g->window_count > 1)
        len = len > window ? len - window - 1 : 0;
    assert(len < sizeof(p->name));
    memcpy(p->name, p->slo->objective_name, len);
    p->name[len] = '\0';
}

static void add_objectives(struct slo_def *const *slos, size_t n, struct openslo_group *g)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(slos[i]->window.text, g->windows[0]->window.text))
            name_part(g, add_part(g, slos[i]));
}

static void add_members(struct openslo_group *g)
{
    const struct slo_def *s = g->windows[0];
    for (size_t i = 0; i < s->member_count; i++)
        add_part(g, s->members[i].as)->weight = s->members[i].weight;
}

/* ---- composites ------------------------------------------------------------------------ */

static size_t characters(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

static bool is_window(const struct openslo_group *g, const char *name)
{
    for (size_t i = 0; i < g->window_count; i++)
        if (str_eq(g->windows[i]->objective_name, name))
            return true;
    return false;
}

/* Members are told apart by the SLOs that they are there: all, or else by numbers. */
static void name_after_slos(struct openslo_group *g)
{
    bool fit = true;
    for (size_t i = 0; i < g->part_count; i++) {
        struct openslo_part *p = &g->parts[i];
        const char *objective = p->slo->objective_name;
        int len = snprintf(p->name, sizeof(p->name), "%s%s%s", p->slo->name,
                           objective[0] ? "/" : "", objective);
        fit = fit && len < (int)sizeof(p->name) && characters(p->name) <= DISPLAY_NAME_MAX &&
              !is_window(g, p->name);
    }
    for (size_t i = 0; !fit && i < g->part_count; i++)
        g->parts[i].name[0] = '\0';
}

static int check_sayable(const struct openslo_group *g, size_t n, struct err *reterr)
{
    static const char *const no_data[] = {"exclude", "good", "bad"};
    const struct slo_def *first = g->parts[0].slo;
    if (n > g->window_count)
        return err_set(reterr,
                       "SLO '%s' is a composite of several objectives; one of OpenSLO has one "
                       "target",
                       g->windows[0]->name);
    for (size_t i = 1; i < g->part_count; i++) {
        const struct slo_def *other = g->parts[i].slo;
        if (other->no_data != first->no_data)
            return err_set(reterr,
                           "SLO '%s' is a composite, and its members differ in no_data: '%s' has "
                           "%s and '%s' %s; an annotation says it for all of them in OpenSLO",
                           g->windows[0]->name, first->name, no_data[first->no_data], other->name,
                           no_data[other->no_data]);
    }
    return 0;
}

static int group_composite(size_t n, struct openslo_group *g, struct err *reterr)
{
    const struct slo_def *member = g->windows[0]->members[0].slo;
    if (str_eq(member->name, g->windows[0]->name)) {
        put_first(g, member->window.text);
        add_members(g);
        for (size_t i = 0; i < g->part_count; i++)
            snprintf(g->parts[i].name, sizeof(g->parts[i].name), "%s",
                     g->parts[i].slo->objective_name);
        return 0;
    }
    add_members(g);
    name_after_slos(g);
    return check_sayable(g, n, reterr);
}

int openslo_group(struct slo_def *const *slos, size_t n, struct openslo_group *ret,
                  struct err *reterr)
{
    ret->window_count = ret->part_count = 0;
    ret->composite = false;
    for (size_t i = 0; i < n; i++)
        ret->composite |= slos[i]->member_count > 0;
    find_windows(slos, n, ret);
    if (ret->composite)
        return group_composite(n, ret, reterr);
    add_objectives(slos, n, ret);
    return 0;
}
