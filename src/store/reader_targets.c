/* The targets of objectives over time. */
#include "base/mem.h"
#include "base/vec.h"
#include "io/sqlite.h"
#include "store/reader.h"

struct targets {
    VEC(struct slo_target) list;
};

static void add(struct targets *t, int64_t since_us, struct decimal target)
{
    struct slo_target next = {since_us - since_us % USEC_PER_MIN, target};
    if (t->list.len && t->list.at[t->list.len - 1].since_us == next.since_us)
        t->list.len--; /* in force for less than its minute */
    if (t->list.len && decimal_cmp(t->list.at[t->list.len - 1].target, target) == 0)
        return;
    vec_push(&t->list, next);
}

static int read_rows(struct sqlite_rows *q, struct targets *t, struct err *reterr)
{
    int rc;
    while ((rc = sqlite_next(q, reterr)) > 0) {
        struct decimal target;
        const char *text = sqlite_text(q, 1);
        if (decimal_parse(text, &target, NULL) < 0 ||
            decimal_cmp(target, (struct decimal){1, 0}) >= 0)
            return err_set(reterr, "the database has a target that is none: '%s'", text);
        if (t->list.len == SLO_TARGETS_MAX)
            return err_set(reterr, "the target was changed more than %d times", SLO_TARGETS_MAX);
        add(t, sqlite_int(q, 0), target);
    }
    return rc;
}

int store_reader_slo_targets(struct store_reader *r, const char *slo, const char *objective_name,
                             struct slo_target **ret, size_t *ret_n, struct err *reterr)
{
    struct targets t = {0};
    struct sqlite_rows *q =
        sqlite_query(r->db,
                     "SELECT since, target FROM slo_revision WHERE slo = ?1 AND objective = ?2"
                     " ORDER BY since",
                     BIND(v_text(slo), v_text(objective_name)), reterr);
    int rc = q ? read_rows(q, &t, reterr) : -1;
    sqlite_end(q);
    if (rc < 0) {
        vec_release(&t.list);
        return -1;
    }
    *ret = t.list.at;
    *ret_n = t.list.len;
    return 0;
}
