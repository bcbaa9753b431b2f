#include "cli/replay.h"

#include "cli/incident.h"
#include "nines/config.h"
#include "nines/store_reader.h"

/* What still goes on at the end of the replay goes on until there. */
static bool take(const struct incident_case *c, int64_t to_us, struct score_incident *ret)
{
    int64_t end = c->times.restored_us;
    *ret = (struct score_incident){
        .name = c->incident.title,
        .from_us = c->times.began_us ? c->times.began_us : c->incident.opened_us,
        .to_us = end && end < to_us ? end : to_us,
    };
    return ret->from_us < ret->to_us;
}

int incidents_stored(struct config *cfg, int64_t from_us, int64_t to_us, struct arena *arena,
                     struct score_incident **ret, size_t *ret_n, struct err *reterr)
{
    const struct incident_choice choice = {.from_us = from_us, .to_us = to_us};
    struct store_reader *r;
    struct incident_case *list;
    size_t n;
    if (store_reader_open(cfg->daemon.database, &r, reterr) < 0)
        return -1;
    int rc = incident_choose(cfg, r, &choice, arena, &list, &n, reterr);
    store_reader_free(r);
    if (rc < 0)
        return -1;
    *ret = arena_alloc(arena, (n + 1) * sizeof(**ret));
    *ret_n = 0;
    for (size_t i = 0; i < n; i++)
        if (take(&list[i], to_us, &(*ret)[*ret_n]))
            ++*ret_n;
    return 0;
}
