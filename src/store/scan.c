#include "store/scan.h"

#include "base/mem.h"
#include "store/rows.h"

struct scan {
    struct sqlite_rows *q;
    enum scan_columns columns;
    struct result row;
};

void scanner_init(struct scanner *s, struct sqlite *db)
{
    *s = (struct scanner){.db = db};
}

void scanner_release(struct scanner *s)
{
    free(s->scan);
    free(s->rows);
    *s = (struct scanner){0};
}

struct scan *scan_begin(struct scanner *s, int64_t probe, int64_t from_us, int64_t to_us,
                        enum scan_columns columns, struct err *reterr)
{
    if (!s->scan)
        s->scan = mem_alloc(sizeof(*s->scan));
    const char *sql = columns == SCAN_EVENTS
                          ? "SELECT " EVENT_COLUMNS " FROM result"
                            " WHERE probe = ?1 AND slot >= ?2 AND slot < ?3 ORDER BY slot"
                          : "SELECT " RESULT_COLUMNS " FROM result"
                            " WHERE probe = ?1 AND slot >= ?2 AND slot < ?3 ORDER BY slot";
    s->scan->columns = columns;
    s->scan->row = (struct result){0};
    s->scan->q = sqlite_query(s->db, sql, BIND(v_int(probe), v_int(from_us), v_int(to_us)), reterr);
    return s->scan->q ? s->scan : NULL;
}

int scan_next(struct scan *sc, const struct result **ret, struct err *reterr)
{
    int rc = sqlite_next(sc->q, reterr);
    if (rc > 0) {
        if (sc->columns == SCAN_EVENTS)
            event_read(sc->q, &sc->row);
        else
            result_read(sc->q, &sc->row);
        *ret = &sc->row;
    }
    return rc;
}

void scan_end(struct scan *sc)
{
    if (sc)
        sqlite_end(sc->q);
}

int scan_first_slot(struct scanner *s, int64_t probe, int64_t from_us, int64_t to_us,
                    int64_t *ret_slot, struct err *reterr)
{
    return sqlite_lookup(s->db,
                         "SELECT min(slot) FROM result"
                         " WHERE probe = ?1 AND slot >= ?2 AND slot < ?3",
                         BIND(v_int(probe), v_int(from_us), v_int(to_us)), ret_slot, reterr);
}

int scan_last_slot(struct scanner *s, int64_t probe, int64_t *ret_slot, struct err *reterr)
{
    return sqlite_lookup(s->db, "SELECT max(slot) FROM result WHERE probe = ?1", BIND(v_int(probe)),
                         ret_slot, reterr);
}
