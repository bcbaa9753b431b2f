/* Any bytes as an SLO file of another tool: what is written is YAML of the short
 * form, without errors of its own, or nothing is. */
#include "fuzz.h"

#include "config/import_slo.h"
#include "config/tree.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define OUT_MAX ((size_t)8 << 20)

static void read_back(const struct str *out)
{
    struct arena arena = {0};
    struct diag diag = {0};
    struct yaml_documents docs = {0};
    int rc = out->len > YAML_FILE_MAX
                 ? 0
                 : yaml_parse(&arena, &arena, "out", out->buf, out->len, &diag, &docs);
    assert(rc == 0 && diag.errors == 0);
    for (size_t i = 0; i < docs.n; i++)
        assert(node_get(docs.at[i], "kind"));
    (void)rc;
    diag_release(&diag);
    arena_release(&arena);
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
    struct import_slo_options page = {0}, server = {.prometheus = "http://prom:9090"};
    import((const char *)data, size, &page);
    import((const char *)data, size, &server);
    return 0;
}
