/* Any bytes as an SLO file of another tool: what is written loads, or nothing is
 * written. */
#include "fuzz.h"

#include "config/import_slo.h"
#include "config/load.h"
#include "config/tree.h"
#include "engine/kinds.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define OUT_MAX ((size_t)8 << 20)

static void read_back(const struct str *out)
{
    struct diag diag = {0};
    struct config *config = NULL;
    int rc = out->len > YAML_FILE_MAX ? 0
                                      : config_load_text("out.yaml", out->buf, out->len,
                                                         engine_config_tables(), &config, &diag);
    for (size_t i = 0; i < diag.n; i++)
        if (!diag.items[i].warning)
            fprintf(stderr, "%d:%d: %s\n", diag.items[i].pos.line, diag.items[i].pos.column,
                    diag.items[i].text);
    assert(rc == 0);
    config_unref(config);
    diag_release(&diag);
}

static void import(const char *text, size_t len, const struct import_slo_options *o)
{
    struct import_slo_file file = {"fuzz.yaml", text, len};
    struct import_slo_counts n;
    struct diag diag = {0};
    struct str out;
    str_init(&out, OUT_MAX);
    int rc = import_slos(&file, 1, o, &out, &diag, &n);
    assert(rc == (diag.errors ? -1 : 0));
    assert(rc == 0 || out.len == 0);
    read_back(&out);
    (void)rc;
    str_release(&out);
    diag_release(&diag);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct import_slo_options page = {.tables = engine_config_tables()},
                              server = {.prometheus = "http://prom:9090",
                                        .tables = engine_config_tables()};
    import((const char *)data, size, &page);
    import((const char *)data, size, &server);
    return 0;
}
