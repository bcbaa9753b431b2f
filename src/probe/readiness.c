#include "probe/health.h"

const struct probe_kind probe_readiness = {
    .name = "readiness",
    .help = "a page that says whether the target is ready to serve",
    .fields = health_fields,
    .spec_size = sizeof(struct health_probe),
    .samples = true,
    .components = true,
    .given = health_given,
    .prepare = health_prepare,
    .release = health_release,
    .start = health_start,
    .cancel = http_run_cancel,
};
