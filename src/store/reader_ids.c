#include "base/arena.h"
#include "base/vec.h"
#include "io/sqlite.h"
#include "store/reader.h"

#include <string.h>

int store_reader_probe_ids(struct store_reader *r, struct arena *a, const char *const **ret,
                           size_t *ret_n, struct err *reterr)
{
    VEC(const char *) ids = {0};
    struct sqlite_rows *q = sqlite_query(r->db, "SELECT id FROM probe ORDER BY id", NULL, reterr);
    int rc = q ? 0 : -1;
    while (q && (rc = sqlite_next(q, reterr)) > 0)
        vec_push(&ids, arena_strdup(a, sqlite_text(q, 0)));
    if (rc == 0) {
        const char **copy = arena_alloc(a, ids.len * sizeof(*copy));
        if (ids.len)
            memcpy(copy, ids.at, ids.len * sizeof(*copy));
        *ret = copy;
        *ret_n = ids.len;
    }
    vec_release(&ids);
    return rc;
}
