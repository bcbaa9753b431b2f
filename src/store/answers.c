#include "store/answers.h"

#include "io/sqlite.h"

#define COLUMNS                                                                                    \
    "slot, headers, first_event, first_token, last_token, last_event, gap, events, flags,"         \
    " tokens_in, tokens_out, tokens_cached, tokens_reasoning, cost"

static struct sqlite_bound v_time(uint32_t us)
{
    return us ? v_int(us) : v_text(NULL);
}

static struct sqlite_bound v_known(int64_t n)
{
    return n >= 0 ? v_int(n) : v_text(NULL);
}

int answers_insert(struct sqlite *db, int64_t probe, const struct result *r, struct err *reterr)
{
    const struct answer *a = &r->answer;
    if (!(r->flags & RESULT_ANSWER))
        return 0;
    return sqlite_run(
        db,
        "INSERT OR REPLACE INTO answer(probe, " COLUMNS ")"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
        BIND(v_int(probe), v_int(r->slot_us), v_time(a->headers_us), v_time(a->first_event_us),
             v_time(a->first_token_us), v_time(a->last_token_us), v_time(a->last_event_us),
             a->last_event_us ? v_int(a->gap_us) : v_time(a->gap_us), v_int(a->events),
             v_int(a->flags), v_known(a->tokens_in), v_known(a->tokens_out),
             v_known(a->tokens_cached), v_known(a->tokens_reasoning), v_known(a->cost)),
        reterr);
}

int answers_delete(struct sqlite *db, int64_t probe, int64_t from_us, int64_t to_us,
                   struct err *reterr)
{
    return sqlite_run(db, "DELETE FROM answer WHERE probe = ?1 AND slot >= ?2 AND slot < ?3",
                      BIND(v_int(probe), v_int(from_us), v_int(to_us)), reterr);
}

/* ---- reading ------------------------------------------------------------------ */

static int64_t known(struct sqlite_rows *q, int column)
{
    return sqlite_null(q, column) ? -1 : sqlite_int(q, column);
}

static void read_answer(struct sqlite_rows *q, struct answer *ret)
{
    *ret = (struct answer){
        .headers_us = (uint32_t)sqlite_int(q, 1), /* a null is 0 */
        .first_event_us = (uint32_t)sqlite_int(q, 2),
        .first_token_us = (uint32_t)sqlite_int(q, 3),
        .last_token_us = (uint32_t)sqlite_int(q, 4),
        .last_event_us = (uint32_t)sqlite_int(q, 5),
        .gap_us = (uint32_t)sqlite_int(q, 6),
        .events = (uint32_t)sqlite_int(q, 7),
        .flags = (uint32_t)sqlite_int(q, 8),
        .tokens_in = (int32_t)known(q, 9),
        .tokens_out = (int32_t)known(q, 10),
        .tokens_cached = (int32_t)known(q, 11),
        .tokens_reasoning = (int32_t)known(q, 12),
        .cost = known(q, 13),
    };
}

static int advance(struct answers *a, struct err *reterr)
{
    int rc = sqlite_next(a->rows, reterr);
    a->live = rc > 0;
    if (rc > 0) {
        a->slot_us = sqlite_int(a->rows, 0);
        read_answer(a->rows, &a->at);
    }
    return rc;
}

int answers_begin(struct answers *a, struct sqlite *db, int64_t probe, int64_t from_us,
                  int64_t to_us, struct err *reterr)
{
    *a = (struct answers){0};
    a->rows = sqlite_query(db,
                           "SELECT " COLUMNS " FROM answer"
                           " WHERE probe = ?1 AND slot >= ?2 AND slot < ?3 ORDER BY slot",
                           BIND(v_int(probe), v_int(from_us), v_int(to_us)), reterr);
    return a->rows ? advance(a, reterr) : -1;
}

int answers_take(struct answers *a, struct result *r, struct err *reterr)
{
    if (!(r->flags & RESULT_ANSWER))
        return 0;
    while (a->live && a->slot_us < r->slot_us)
        if (advance(a, reterr) < 0)
            return -1;
    if (!a->live || a->slot_us != r->slot_us)
        return err_set(reterr, "the answer table is damaged, what a run measured is not there:"
                               " `nines db check` tells more");
    r->answer = a->at;
    return 0;
}

void answers_end(struct answers *a)
{
    if (a->live)
        sqlite_end(a->rows);
    a->live = false;
}

static size_t first_with(const struct result *rows, size_t n)
{
    size_t i = 0;
    while (i < n && !(rows[i].flags & RESULT_ANSWER))
        i++;
    return i;
}

int answers_fill(struct sqlite *db, int64_t probe, struct result *rows, size_t n,
                 struct err *reterr)
{
    struct answers a;
    size_t i = first_with(rows, n);
    if (i == n)
        return 0;
    int rc = answers_begin(&a, db, probe, rows[i].slot_us, rows[n - 1].slot_us + 1, reterr);
    for (; rc >= 0 && i < n; i++)
        rc = answers_take(&a, &rows[i], reterr);
    answers_end(&a);
    return rc < 0 ? -1 : 0;
}
