/* Any bytes as an alertmanager.yml: refused with a reason, or routes that every alert
 * takes, with keys that can be written. */
#include "fuzz.h"

#include "alert/inhibit.h"
#include "alert/route.h"
#include "base/mem.h"
#include "config/load.h"
#include "fake.h"
#include "nines/diag.h"

#include <assert.h>
#include <stdlib.h>

struct taken {
    struct arena arena;
    struct string_map labels;
    struct str text;
};

static void take(void *ctx, const struct route_taken *taken)
{
    struct taken *t = ctx;
    const struct route_def *r = taken->path[taken->depth];
    struct string_map group = route_group_labels(r, &t->labels, &t->arena);
    assert(r->receiver && r->group_interval_us > 0 && r->repeat_interval_us > 0);
    route_group_key(taken, &group, &t->text);
}

static void walk(const struct routing_def *r)
{
    struct pair pairs[] = {{.key = "alertname", .value = "x"},
                           {.key = "severity", .value = "page"}};
    struct taken t = {.labels = {pairs, countof(pairs)}};
    const struct string_map *firing[] = {&t.labels};
    str_init(&t.text, 16 << 20);
    size_t n = route_walk(r, &t.labels, take, &t);
    assert(n > 0);
    (void)n;
    inhibit_find(r, &t.labels, firing, 1, NULL);
    str_release(&t.text);
    arena_release(&t.arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct diag diag = {0};
    struct config *config = NULL;
    int rc = config_load_alertmanager_text("fuzz.yml", (const char *)data, size, &fake_tables,
                                           &config, &diag);
    assert(rc == (diag.errors ? -1 : 0));
    if (config && config->routing)
        walk(config->routing);
    config_unref(config);
    diag_release(&diag);
    struct fake_counts n = fake_take_counts();
    assert(n.zones_opened == n.zones_freed);
    (void)rc, (void)n;
    return 0;
}
