/* Deploys and notes of an objective's window. */
#include "engine/query_internal.h"

#include "base/mem.h"
#include "nines/store_reader.h"

struct kept {
    int64_t at_us;
    char *kind, *probe, *text;
};

/* The newest ones, in a ring: a target may change its version with every answer. */
struct annotations {
    const struct slo_query *q;
    struct kept ring[QUERY_ANNOTATIONS_MAX];
    size_t seen;
};

static bool is_of_service(const struct slo_def *def, const char *service)
{
    bool of = str_eq(def->service, service);
    for (size_t i = 0; !of && i < def->member_count; i++)
        of = str_eq(def->members[i].slo->service, service);
    return of;
}

bool query_is_foreign(const struct config *cfg, const struct slo_def *def, const char *probe)
{
    bool watched = false;
    for (size_t i = 0; i < cfg->slo_count; i++) {
        const struct slo_def *slo = cfg->slos[i];
        if (slo->member_count || !str_eq(slo->sli.probe, probe))
            continue;
        if (is_of_service(def, slo->service))
            return false;
        watched = true;
    }
    return watched;
}

static void forget(struct kept *a)
{
    mem_free(&a->kind);
    mem_free(&a->probe);
    mem_free(&a->text);
}

static bool keep(void *ctx, const struct annotation *a)
{
    struct annotations *list = ctx;
    if (query_is_foreign(list->q->config, list->q->def, a->probe))
        return true;
    struct kept *at = &list->ring[list->seen++ % QUERY_ANNOTATIONS_MAX];
    forget(at);
    *at = (struct kept){a->at_us, mem_strdup(a->kind), mem_strdup(a->probe), mem_strdup(a->text)};
    return true;
}

static void hand_over(struct slo_query *q, const struct annotations *list)
{
    struct report_slo *s = q->out;
    size_t n = list->seen < QUERY_ANNOTATIONS_MAX ? list->seen : QUERY_ANNOTATIONS_MAX;
    s->annotations = arena_alloc(q->arena, (n + 1) * sizeof(*s->annotations));
    s->annotation_count = n;
    for (size_t i = 0; i < n; i++) {
        const struct kept *a = &list->ring[(list->seen - n + i) % QUERY_ANNOTATIONS_MAX];
        s->annotations[i] = (struct report_annotation){a->at_us, arena_strdup(q->arena, a->kind),
                                                       arena_strdup(q->arena, a->probe),
                                                       arena_strdup(q->arena, a->text)};
    }
}

int query_step_annotations(struct slo_query *q, struct err *reterr)
{
    struct annotations list = {.q = q};
    int rc =
        store_reader_annotations(q->reader, q->out->start_us, q->out->upto_us, keep, &list, reterr);
    if (rc == 0)
        hand_over(q, &list);
    for (size_t i = 0; i < QUERY_ANNOTATIONS_MAX; i++)
        forget(&list.ring[i]);
    return rc;
}
