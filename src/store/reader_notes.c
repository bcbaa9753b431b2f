/* Annotations: deploys and notes. */
#include "base/mem.h"
#include "base/str.h"
#include "io/sqlite.h"
#include "store/reader.h"

#include <string.h>

#define ARROW " -> "

int store_reader_annotations(struct store_reader *r, int64_t from_us, int64_t to_us,
                             store_annotation_fn fn, void *ctx, struct err *reterr)
{
    if (reader_begin(r, reterr) < 0)
        return -1;
    struct sqlite_rows *q = sqlite_query(r->db,
                                         "SELECT at, kind, probe, text, id, by_hand FROM annotation"
                                         " WHERE at >= ?1 AND at < ?2 ORDER BY at, id",
                                         BIND(v_int(from_us), v_int(to_us)), reterr);
    int rc = q ? 0 : -1;
    while (q && (rc = sqlite_next(q, reterr)) > 0) {
        struct annotation a = {
            .at_us = sqlite_int(q, 0),
            .kind = sqlite_text(q, 1),
            .probe = sqlite_text(q, 2),
            .text = sqlite_text(q, 3),
            .id = sqlite_int(q, 4),
            .by_hand = sqlite_int(q, 5) != 0,
        };
        if (!fn(ctx, &a)) {
            rc = 0;
            break;
        }
    }
    if (rc == 0)
        sqlite_end(q);
    return reader_end(r, rc);
}

/* What the newest deploy led to: behind its arrow, or all of its text. */
int store_reader_version(struct store_reader *r, const char *probe, char **ret, struct err *reterr)
{
    struct sqlite_rows *q =
        sqlite_query(r->db,
                     "SELECT text FROM annotation WHERE probe = ?1 AND kind = 'deploy'"
                     " AND by_hand = 0"
                     " ORDER BY at DESC, id DESC LIMIT 1",
                     BIND(v_text(probe)), reterr);
    int rc = q ? sqlite_next(q, reterr) : -1;
    if (rc < 0)
        return -1;
    const char *text = rc > 0 ? sqlite_text(q, 0) : "";
    for (const char *arrow; (arrow = strstr(text, ARROW));)
        text = arrow + strlen(ARROW);
    *ret = mem_strdup(text);
    sqlite_end(q);
    return 0;
}
