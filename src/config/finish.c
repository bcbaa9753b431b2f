/* Checks between documents, and the hand-over to the snapshot. */
#include "config/build.h"
#include "config/composite.h"
#include "config/sli.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"

#include <stdlib.h>
#include <string.h>

/* ---- names that must differ ------------------------------------------------------- */

static int compare_named(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    int c = strcmp(x->name, y->name);
    if (c == 0)
        c = strcmp(x->pos.file, y->pos.file);
    if (c == 0)
        c = (x->pos.line > y->pos.line) - (x->pos.line < y->pos.line);
    if (c == 0)
        c = (x->pos.column > y->pos.column) - (x->pos.column < y->pos.column);
    return c;
}

/* Sorts the list by name and reports names that come again; `what` says what
 * they are: "two probes have the id". */
static void check_distinct(struct build *b, struct named *list, size_t n, const char *what)
{
    if (n < 2)
        return;
    qsort(list, n, sizeof(*list), compare_named);
    const struct named *first = &list[0];
    for (size_t i = 1; i < n; i++) {
        if (!str_eq(list[i].name, first->name)) {
            first = &list[i];
            continue;
        }
        decode_error(&b->decode, list[i].pos, "%s '%s'; the other one is at %s:%d:%d", what,
                     list[i].name, first->pos.file, first->pos.line, first->pos.column);
    }
}

/* In a list that check_distinct() sorted. */
static const struct named *find_named(const struct named *list, size_t n, const char *name)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (strcmp(list[mid].name, name) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low < n && str_eq(list[low].name, name) ? &list[low] : NULL;
}

static void check_renames(struct build *b)
{
    check_distinct(b, b->renames.at, b->renames.len, "two probes are renamed_from");
    for (size_t i = 0; i < b->renames.len; i++) {
        const struct named *r = &b->renames.at[i];
        const struct named *id = find_named(b->probe_ids.at, b->probe_ids.len, r->name);
        if (id)
            decode_error(&b->decode, r->pos,
                         "renamed_from: a probe still has the id '%s', at %s:%d:%d", r->name,
                         id->pos.file, id->pos.line, id->pos.column);
    }
}

static bool same_place(struct pos a, struct pos b)
{
    return a.file == b.file && a.line == b.line && a.column == b.column;
}

static void check_slo_names(struct build *b)
{
    struct named *names = mem_array(b->slos.len + 1, sizeof(*names));
    size_t n = 0;
    for (size_t i = 0; i < b->slos.len; i++) {
        const struct slo_def *def = b->slos.at[i].def;
        if (n > 0 && same_place(names[n - 1].pos, def->pos))
            continue; /* another objective of it */
        names[n++] = (struct named){def->name, def->pos};
    }
    check_distinct(b, names, n, "two SLOs have the name");
    mem_free(&names);
}

static void check_receiver_names(struct build *b)
{
    struct named *names = mem_array(b->receivers.len + 1, sizeof(*names));
    for (size_t i = 0; i < b->receivers.len; i++)
        names[i] = (struct named){b->receivers.at[i]->name, b->receivers.at[i]->pos};
    check_distinct(b, names, b->receivers.len, "two receivers have the name");
    mem_free(&names);
}

static void check_exclusion_names(struct build *b)
{
    struct named *names = mem_array(b->exclusions.len + 1, sizeof(*names));
    for (size_t i = 0; i < b->exclusions.len; i++)
        names[i] = (struct named){b->exclusions.at[i].x.name, b->exclusions.at[i].x.pos};
    check_distinct(b, names, b->exclusions.len, "two exclusions have the name");
    mem_free(&names);
}

/* ---- hashes that must differ --------------------------------------------------------- */

struct hashed {
    uint64_t hash;
    struct named named;
};

static int compare_hashed(const void *a, const void *b)
{
    const struct hashed *x = a, *y = b;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return compare_named(&x->named, &y->named);
}

/* Where a hash stands for a name, two names must not share one. */
static void check_hashes(struct build *b, struct hashed *list, size_t n)
{
    if (n > 1)
        qsort(list, n, sizeof(*list), compare_hashed);
    for (size_t i = 1; i < n; i++)
        if (list[i].hash == list[i - 1].hash && !str_eq(list[i].named.name, list[i - 1].named.name))
            decode_error(&b->decode, list[i].named.pos,
                         "'%s' and '%s' have the same hash, by bad luck: choose another id",
                         list[i].named.name, list[i - 1].named.name);
}

static void check_collisions(struct build *b)
{
    struct hashed *list = mem_array(b->probe_ids.len + b->slos.len + 1, sizeof(*list));
    size_t n = 0;
    for (size_t i = 0; i < b->probe_ids.len; i++) {
        const struct named *id = &b->probe_ids.at[i];
        list[n++] = (struct hashed){str_hash(id->name, strlen(id->name)), *id};
    }
    check_hashes(b, list, n);
    n = 0;
    for (size_t i = 0; i < b->slos.len; i++) {
        const struct slo_def *s = b->slos.at[i].def;
        if (s->sli.key)
            list[n++] =
                (struct hashed){str_hash(s->sli.key, strlen(s->sli.key)), {s->sli.key, s->pos}};
    }
    check_hashes(b, list, n);
    mem_free(&list);
}

/* ---- SLOs and their probes --------------------------------------------------------------- */

static void unknown_probe(struct build *b, const struct built_slo *s)
{
    const char *wanted = s->def->sli.probe;
    if (b->unread || find_named(b->probe_ids.at, b->probe_ids.len, wanted))
        return; /* its own errors say what is wrong */
    const char **ids = mem_array(b->probe_ids.len + 1, sizeof(*ids));
    for (size_t i = 0; i < b->probe_ids.len; i++)
        ids[i] = b->probe_ids.at[i].name;
    const char *near = build_nearest(b, wanted, ids, b->probe_ids.len);
    mem_free(&ids);
    if (near)
        decode_error(&b->decode, s->probe->pos,
                     "probe: no probe has the id '%.128s'; did you mean '%s'?", wanted, near);
    else
        decode_error(&b->decode, s->probe->pos, "probe: no probe has the id '%.128s'", wanted);
}

/* The kinds whose runs give samples, or those of components: "health and readiness". */
static void add_kinds(struct str *out, const struct config_tables *t, bool components)
{
    const char *names[KINDS_MAX];
    size_t n = 0;
    for (size_t i = 0; t->probe_kinds[i]; i++)
        if (components ? t->probe_kinds[i]->components : t->probe_kinds[i]->samples)
            names[n++] = t->probe_kinds[i]->name;
    for (size_t i = 0; i < n; i++)
        str_addf(out, "%s%s", i == 0 ? "" : i + 1 == n ? " and " : ", ", names[i]);
}

/* Samples come from some kinds only, and components from fewer. */
static bool check_samples(struct build *b, const struct built_slo *s)
{
    const struct probe_kind *kind = s->def->probe->kind;
    bool components = s->component != NULL;
    struct str kinds;
    if (!s->def->sli.metric || !kind || (components ? kind->components : kind->samples))
        return true;
    str_init(&kinds, 512);
    add_kinds(&kinds, b->tables, components);
    decode_error(&b->decode, s->probe->pos,
                 "probe: '%s' is of the kind %s, whose runs have no %s; those of %s have",
                 s->def->probe->id, kind->name, components ? "components" : "samples", kinds.buf);
    str_release(&kinds);
    return false;
}

static void link_slo(struct build *b, struct built_slo *s)
{
    struct slo_def *def = s->def;
    char threshold[UNITS_MAX], timeout[UNITS_MAX];
    if (!def->sli.probe)
        return;
    def->probe = config_probe(b->config, def->sli.probe);
    if (!def->probe) {
        unknown_probe(b, s);
        return;
    }
    if (!check_samples(b, s) ||
        !sli_check_measure(&b->decode, b->tables->probe_kinds, def, s->probe->pos))
        return;
    if (def->sli.faster_than_us > def->probe->timeout_us)
        diag_warning(b->decode.diag, s->faster_than->pos,
                     "faster_than: %s is more than the probe's timeout of %s: every answer that "
                     "arrives is fast enough",
                     units_duration(threshold, def->sli.faster_than_us),
                     units_duration(timeout, def->probe->timeout_us));
    if (def->sli.key && b->tables->finish_slo && def->probe->spec)
        b->tables->finish_slo(def, &b->decode);
}

/* ---- hand-over -------------------------------------------------------------------------- */

static int by_id(const void *a, const void *b)
{
    return strcmp((*(struct probe_def *const *)a)->id, (*(struct probe_def *const *)b)->id);
}

static int by_slo_name(const void *a, const void *b)
{
    const struct slo_def *x = *(struct slo_def *const *)a, *y = *(struct slo_def *const *)b;
    int c = strcmp(x->name, y->name);
    return c ? c : strcmp(x->objective_name, y->objective_name);
}

static void fill_snapshot(struct build *b)
{
    struct config *c = b->config;
    c->probes = arena_alloc(&c->arena, (b->probes.len + 1) * sizeof(*c->probes));
    c->slos = arena_alloc(&c->arena, (b->slos.len + 1) * sizeof(*c->slos));
    c->receivers = arena_alloc(&c->arena, (b->receivers.len + 1) * sizeof(*c->receivers));
    for (; c->probe_count < b->probes.len; c->probe_count++)
        c->probes[c->probe_count] = b->probes.at[c->probe_count];
    for (; c->slo_count < b->slos.len; c->slo_count++)
        c->slos[c->slo_count] = b->slos.at[c->slo_count].def;
    for (; c->receiver_count < b->receivers.len; c->receiver_count++)
        c->receivers[c->receiver_count] = b->receivers.at[c->receiver_count];
    qsort(c->probes, c->probe_count, sizeof(*c->probes), by_id);
    qsort(c->slos, c->slo_count, sizeof(*c->slos), by_slo_name);
}

void build_finish(struct build *b)
{
    check_distinct(b, b->probe_ids.at, b->probe_ids.len, "two probes have the id");
    check_renames(b);
    check_slo_names(b);
    check_receiver_names(b);
    build_routing(b);
    check_collisions(b);
    fill_snapshot(b);
    build_depends(b);
    for (size_t i = 0; i < b->slos.len; i++)
        link_slo(b, &b->slos.at[i]);
    build_composites(b);
    build_promises(b);
    build_samples(b);
    check_exclusion_names(b);
    build_finish_exclusions(b);
    if (b->tables->finish)
        b->tables->finish(b->config, b->daemon, &b->decode);
}
