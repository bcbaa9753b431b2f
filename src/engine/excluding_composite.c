/* What is excluded of a composite is excluded of all that it is made of. */
#include "engine/excluding.h"

#include "base/mem.h"
#include "nines/exclusion.h"

#include <assert.h>
#include <stdlib.h>

bool excluding_concerns(const struct exclusion *x, const struct slo_def *slo)
{
    bool fits = exclusion_fits(x, slo);
    /* While errors are being collected a member may have been found nowhere. */
    for (size_t i = 0; !fits && i < slo->member_count; i++)
        fits = slo->members[i].slo && exclusion_fits(x, slo->members[i].slo);
    return fits;
}

const struct exclusions *excluding_of_part(const struct excluding *x, const struct slo_def *slo,
                                           size_t part)
{
    struct exclusions *set = NULL;
    struct err err;
    size_t n = 0, count = excluding_count(x);
    if (count == 0)
        return NULL;
    if (slo->member_count == 0)
        return exclusions_ref(excluding_of(x, slo));
    const struct exclusion **list = mem_array(count, sizeof(*list));
    for (size_t i = 0; i < count; i++) {
        const struct exclusion *one = excluding_at(x, i);
        if (exclusion_fits(one, slo) || exclusion_fits(one, slo->members[part].slo))
            list[n++] = one;
    }
    /* The set of the whole composite has been made, and that is larger. */
    int rc = exclusions_make(list, n, &set, &err);
    assert(rc == 0);
    (void)rc;
    free(list);
    return set;
}
