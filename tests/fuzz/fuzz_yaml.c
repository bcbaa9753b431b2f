/* Any bytes as a configuration file: parsed, decoded by every field type, and
 * loaded or refused with a reason. */
#include "fuzz.h"

#include "config/load.h"
#include "fake.h"
#include "nines/diag.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct diag diag = {0};
    struct config *config = NULL;
    int rc = config_load_text("fuzz.yaml", (const char *)data, size, &fake_tables, &config, &diag);
    assert(rc == (diag.errors ? -1 : 0));
    for (size_t i = 0; i < diag.n; i++)
        assert(diag.items[i].pos.line >= 0 && diag.items[i].text[0]);
    config_unref(config);
    diag_release(&diag);
    struct fake_counts n = fake_take_counts();
    assert(n.prepared == n.released && n.zones_opened == n.zones_freed);
    (void)rc, (void)n;
    return 0;
}
