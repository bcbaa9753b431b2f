#include "config/openslo_group.h"

#include "config/openslo_write.h"

#include "base/str.h"

#include <assert.h>
#include <string.h>

size_t openslo_objectives(struct slo_def *const *slos, size_t n)
{
    size_t same = 1;
    while (same < n && str_eq(slos[same]->name, slos[0]->name))
        same++;
    return same;
}

static bool has_window(const struct openslo_group *g, const struct slo_def *slo)
{
    for (size_t i = 0; i < g->window_count; i++)
        if (str_eq(g->windows[i]->window.text, slo->window.text))
            return true;
    return false;
}

void openslo_group(struct slo_def *const *slos, size_t n, struct openslo_group *ret)
{
    *ret = (struct openslo_group){0};
    /* Only those of the first window alert, if any do. */
    for (size_t pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < n; i++) {
            if (slos[i]->alerting != (pass == 0) || has_window(ret, slos[i]))
                continue;
            assert(ret->window_count < OPENSLO_WINDOWS_MAX);
            ret->windows[ret->window_count++] = slos[i];
        }
    }
}

const char *openslo_group_name(const struct openslo_group *g, const struct slo_def *slo,
                               char buf[static OPENSLO_NAME_SIZE])
{
    size_t len = strlen(slo->objective_name), window = strlen(slo->window.text);
    if (g->window_count > 1)
        len = len > window ? len - window - 1 : 0;
    assert(len < OPENSLO_NAME_SIZE);
    memcpy(buf, slo->objective_name, len);
    buf[len] = '\0';
    return buf;
}
