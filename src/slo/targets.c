#include "slo/targets.h"

#include "slo/slices.h"

#include <assert.h>

bool targets_in_force(const struct slo_def *slo, const struct slo_target *known, size_t n)
{
    return n > 0 && decimal_cmp(known[n - 1].target, slo->target) == 0;
}

int64_t targets_border(const struct slo_def *slo, int64_t since_us)
{
    if (slo->method == METHOD_OCCURRENCES)
        return since_us;
    struct slice_grid grid = slices_grid(slo);
    int64_t border = slices_floor(&grid, since_us);
    return border < since_us ? slices_next(&grid, border) : border;
}

size_t targets_cut(const struct slo_def *slo, const struct slo_target *targets, size_t n,
                   int64_t from_us, int64_t to_us, struct target_part *ret)
{
    size_t parts = 0;
    assert(n > 0);
    ret[0] = (struct target_part){from_us, to_us, targets[0].target};
    for (size_t i = 1; i < n; i++) {
        int64_t border = targets_border(slo, targets[i].since_us);
        if (border >= to_us && border > from_us)
            break;
        if (border > ret[parts].from_us) {
            ret[parts].to_us = border;
            ret[++parts].from_us = border;
        }
        if (parts > 0 && decimal_cmp(targets[i].target, ret[parts - 1].target) == 0)
            parts--; /* no slice began under the one between */
        ret[parts].to_us = to_us;
        ret[parts].target = targets[i].target;
    }
    return parts + 1;
}
