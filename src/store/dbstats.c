#include "store/dbstats.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "io/sqlite.h"
#include "store/reader.h"

#include <stdlib.h>
#include <sys/stat.h>

/* ---- pages ---------------------------------------------------------------------- */

static int read_pages(struct sqlite *db, struct dbstats *s, struct err *reterr)
{
    int64_t mode;
    if (sqlite_lookup(db, "PRAGMA user_version", NULL, &s->schema, reterr) < 0 ||
        sqlite_lookup(db, "PRAGMA page_size", NULL, &s->page_size, reterr) < 0 ||
        sqlite_lookup(db, "PRAGMA page_count", NULL, &s->pages, reterr) < 0 ||
        sqlite_lookup(db, "PRAGMA freelist_count", NULL, &s->free_pages, reterr) < 0 ||
        sqlite_lookup(db, "PRAGMA auto_vacuum", NULL, &mode, reterr) < 0)
        return -1;
    s->auto_vacuum = (int)mode;
    return 0;
}

static int64_t size_of(const char *path, const char *suffix)
{
    struct stat st;
    mem_auto char *name = mem_printf("%s%s", path, suffix);
    return stat(name, &st) == 0 ? st.st_size : 0;
}

static int add_table(struct dbstats *s, struct sqlite_rows *q, struct err *reterr)
{
    if (s->table_count == DBSTATS_TABLES_MAX)
        return err_set(reterr, "there are more than %d tables", DBSTATS_TABLES_MAX);
    struct dbstats_table *t = &s->tables[s->table_count++];
    snprintf(t->name, sizeof(t->name), "%s", sqlite_text(q, 0));
    t->index = str_eq(sqlite_text(q, 1), "index");
    t->bytes = sqlite_int(q, 2);
    t->rows = -1;
    return 0;
}

static int by_bytes(const void *a, const void *b)
{
    const struct dbstats_table *x = a, *y = b;
    return x->bytes > y->bytes ? -1 : x->bytes < y->bytes ? 1 : strcmp(x->name, y->name);
}

/* dbstat may be left out of a SQLite; then there are names only. */
static int read_tables(struct sqlite *db, struct dbstats *s, struct err *reterr)
{
    int64_t known;
    if (sqlite_lookup(db, "SELECT count(*) FROM pragma_module_list WHERE name = 'dbstat'", NULL,
                      &known, reterr) < 0)
        return -1;
    s->sized = known > 0;
    struct sqlite_rows *q =
        s->sized
            ? sqlite_query(db,
                           "SELECT d.name, coalesce(s.type, 'table'), d.pgsize FROM dbstat AS d"
                           " LEFT JOIN sqlite_schema AS s ON s.name = d.name WHERE d.aggregate = 1",
                           NULL, reterr)
            : sqlite_query(db,
                           "SELECT name, type, 0 FROM sqlite_schema WHERE rootpage > 0"
                           " UNION ALL SELECT 'sqlite_schema', 'table', 0",
                           NULL, reterr);
    int rc = q ? 0 : -1;
    while (q && (rc = sqlite_next(q, reterr)) > 0)
        if (add_table(s, q, reterr) < 0) {
            sqlite_end(q);
            return -1;
        }
    s->map_bytes = (s->pages - s->free_pages) * s->page_size;
    for (size_t i = 0; i < s->table_count; i++)
        s->map_bytes -= s->tables[i].bytes;
    qsort(s->tables, s->table_count, sizeof(*s->tables), by_bytes);
    return rc;
}

static struct dbstats_table *find_table(struct dbstats *s, const char *name)
{
    for (size_t i = 0; i < s->table_count; i++)
        if (str_eq(s->tables[i].name, name))
            return &s->tables[i];
    return NULL;
}

static int64_t bytes_of(struct dbstats *s, const char *name)
{
    const struct dbstats_table *t = find_table(s, name);
    return t ? t->bytes : 0;
}

/* ---- rows ------------------------------------------------------------------------ */

static int count_rows(struct sqlite *db, struct dbstats *s, struct err *reterr)
{
    static const char *const counts[][2] = {
        {"alert", "SELECT count(*) FROM alert"},
        {"alert_event", "SELECT count(*) FROM alert_event"},
        {"answer", "SELECT count(*) FROM answer"},
        {"annotation", "SELECT count(*) FROM annotation"},
        {"chunk", "SELECT count(*) FROM chunk"},
        {"event", "SELECT count(*) FROM event"},
        {"evidence", "SELECT count(*) FROM evidence"},
        {"exclusion", "SELECT count(*) FROM exclusion"},
        {"heartbeat", "SELECT count(*) FROM heartbeat"},
        {"import_span", "SELECT count(*) FROM import_span"},
        {"incident", "SELECT count(*) FROM incident"},
        {"incident_about", "SELECT count(*) FROM incident_about"},
        {"incident_alert", "SELECT count(*) FROM incident_alert"},
        {"incident_note", "SELECT count(*) FROM incident_note"},
        {"notify_alert", "SELECT count(*) FROM notify_alert"},
        {"notify_group", "SELECT count(*) FROM notify_group"},
        {"notify_log", "SELECT count(*) FROM notify_log"},
        {"outbox", "SELECT count(*) FROM outbox"},
        {"probe", "SELECT count(*) FROM probe"},
        {"probe_revision", "SELECT count(*) FROM probe_revision"},
        {"result", "SELECT count(*) FROM result"},
        {"roll_stream", "SELECT count(*) FROM roll_stream"},
        {"rollup", "SELECT count(*) FROM rollup"},
        {"rollup_day", "SELECT count(*) FROM rollup_day"},
        {"sample", "SELECT count(*) FROM sample"},
        {"series", "SELECT count(*) FROM series"},
        {"silence", "SELECT count(*) FROM silence"},
        {"slo_revision", "SELECT count(*) FROM slo_revision"},
    };
    for (size_t i = 0; i < countof(counts); i++) {
        struct dbstats_table *t = find_table(s, counts[i][0]);
        if (t && sqlite_lookup(db, counts[i][1], NULL, &t->rows, reterr) < 0)
            return -1;
    }
    return 0;
}

static int sum_samples(struct sqlite *db, struct dbstats *s, struct err *reterr)
{
    const struct dbstats_table *events = find_table(s, "event");
    s->events = events ? events->rows : 0;
    s->event_bytes = bytes_of(s, "event");
    s->sample_bytes = bytes_of(s, "sample") + bytes_of(s, "sample_gone") + bytes_of(s, "series") +
                      bytes_of(s, "sqlite_autoindex_series_1");
    return sqlite_lookup(db, "SELECT count(*) FROM sample WHERE series <> 0", NULL, &s->samples,
                         reterr) < 0
               ? -1
               : 0;
}

static int sum_results(struct sqlite *db, struct dbstats *s, struct err *reterr)
{
    const struct dbstats_table *rows = find_table(s, "result"), *chunks = find_table(s, "chunk");
    if (!rows || !chunks)
        return err_set(reterr, "the database lacks tables");
    s->rows = rows->rows;
    s->chunks = chunks->rows;
    s->row_bytes = rows->bytes + bytes_of(s, "result_bad");
    s->sealed_bytes = chunks->bytes + bytes_of(s, "chunk_span");
    s->rollup_bytes = bytes_of(s, "rollup") + bytes_of(s, "rollup_day");
    return sqlite_lookup(db, "SELECT coalesce(sum(n), 0) FROM chunk", NULL, &s->sealed, reterr) < 0
               ? -1
               : 0;
}

/* ---- classes --------------------------------------------------------------------- */

typedef VEC(struct dbstats_class) class_vec;

static int by_interval(const void *a, const void *b)
{
    const struct dbstats_class *x = a, *y = b;
    return x->interval_us < y->interval_us ? -1 : x->interval_us > y->interval_us;
}

/* One for each probe, at [num - 1]: the probes are numbered from 1. */
static int read_probes(struct sqlite *db, class_vec *probes, struct err *reterr)
{
    struct sqlite_rows *q =
        sqlite_query(db,
                     "SELECT (SELECT interval FROM probe_revision WHERE probe = num"
                     " ORDER BY since DESC LIMIT 1) FROM probe ORDER BY num",
                     NULL, reterr);
    int rc = q ? 0 : -1;
    while (q && (rc = sqlite_next(q, reterr)) > 0) {
        struct dbstats_class c = {.interval_us = sqlite_int(q, 0),
                                  .probes = 1,
                                  .oldest_us = INT64_MAX,
                                  .newest_us = INT64_MIN};
        vec_push(probes, c);
    }
    return rc;
}

static void add_span(struct dbstats_class *c, int64_t oldest_us, int64_t newest_us)
{
    if (oldest_us < c->oldest_us)
        c->oldest_us = oldest_us;
    if (newest_us > c->newest_us)
        c->newest_us = newest_us;
}

/* Columns: probe, rows, sealed results, oldest, newest. */
static int add_results(struct sqlite_rows *q, class_vec *probes, struct err *reterr)
{
    int rc = q ? 0 : -1;
    while (q && (rc = sqlite_next(q, reterr)) > 0) {
        int64_t num = sqlite_int(q, 0);
        if (num < 1 || num > (int64_t)probes->len)
            continue; /* `nines db check` tells */
        struct dbstats_class *c = &probes->at[num - 1];
        c->rows += sqlite_int(q, 1);
        c->sealed += sqlite_int(q, 2);
        add_span(c, sqlite_int(q, 3), sqlite_int(q, 4));
    }
    return rc;
}

/* Merges what has one interval. */
static void merge_classes(struct dbstats *s, class_vec *probes)
{
    if (probes->len > 1)
        qsort(probes->at, probes->len, sizeof(*probes->at), by_interval);
    s->classes = mem_array(probes->len + 1, sizeof(*s->classes));
    for (size_t i = 0; i < probes->len; i++) {
        const struct dbstats_class *p = &probes->at[i];
        struct dbstats_class *c = s->class_count ? &s->classes[s->class_count - 1] : NULL;
        if (!c || c->interval_us != p->interval_us) {
            s->classes[s->class_count++] = *p;
            continue;
        }
        c->probes++;
        c->rows += p->rows;
        c->sealed += p->sealed;
        add_span(c, p->oldest_us, p->newest_us);
    }
}

static int read_classes(struct sqlite *db, struct dbstats *s, struct err *reterr)
{
    class_vec probes = {0};
    int rc = read_probes(db, &probes, reterr);
    if (rc == 0)
        rc = add_results(sqlite_query(db,
                                      "SELECT probe, count(*), 0, min(slot), max(slot) FROM result"
                                      " GROUP BY probe",
                                      NULL, reterr),
                         &probes, reterr);
    if (rc == 0)
        rc = add_results(sqlite_query(db,
                                      "SELECT probe, 0, sum(n), min(first), max(last) FROM chunk"
                                      " GROUP BY probe",
                                      NULL, reterr),
                         &probes, reterr);
    if (rc == 0)
        merge_classes(s, &probes);
    vec_release(&probes);
    return rc;
}

/* ---- all of it ------------------------------------------------------------------- */

int dbstats_read(const char *path, struct dbstats *ret, struct err *reterr)
{
    struct store_reader *r;
    *ret = (struct dbstats){0};
    if (store_reader_open(path, &r, reterr) < 0)
        return -1;
    int rc = reader_begin(r, reterr);
    if (rc == 0) {
        rc = read_pages(r->db, ret, reterr);
        if (rc == 0)
            rc = read_tables(r->db, ret, reterr);
        if (rc == 0)
            rc = count_rows(r->db, ret, reterr);
        if (rc == 0)
            rc = sum_results(r->db, ret, reterr);
        if (rc == 0)
            rc = sum_samples(r->db, ret, reterr);
        if (rc == 0)
            rc = read_classes(r->db, ret, reterr);
        ret->file_bytes = size_of(path, "");
        ret->wal_bytes = size_of(path, "-wal");
        reader_end(r, rc);
    }
    store_reader_free(r);
    if (rc < 0)
        dbstats_release(ret);
    return rc;
}

void dbstats_release(struct dbstats *s)
{
    free(s->classes);
    *s = (struct dbstats){0};
}
