/* Silences: rows that stay when they are over, for those who ask what was silenced. */
#include "alert/silence.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "io/sqlite.h"
#include "model/matcher.h"
#include "store/internal.h"
#include "store/reader.h"
#include "store/records.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

/* ---- writing ------------------------------------------------------------------------ */

/* Everything that needs quotes is at most doubled, hexadecimal escapes aside. */
#define MATCHERS_WRITTEN_MAX ((size_t)8 * MATCHERS_TEXT_MAX)

void store_push_silence(struct store *s, const struct silence *silence, int64_t at_us)
{
    struct record_silence *r = record_new(RECORD_SILENCE, sizeof(*r), 0);
    struct arena *a = &r->head.arena;
    struct str text;
    str_init(&text, MATCHERS_WRITTEN_MAX);
    matchers_text(&silence->matchers, &text);
    assert(!text.overflow);
    r->matchers = arena_strdup(a, text.buf);
    r->starts_us = silence->starts_us;
    r->ends_us = silence->ends_us;
    r->author = arena_strdup(a, silence->author);
    r->comment = arena_strdup(a, silence->comment);
    r->at_us = at_us;
    str_release(&text);
    queue_push(&s->q, &r->head, false);
}

void store_push_expire_silence(struct store *s, int64_t id, int64_t at_us, const char *by)
{
    struct record_silence *r = record_new(RECORD_EXPIRE_SILENCE, sizeof(*r), 0);
    r->id = id;
    r->at_us = at_us;
    r->author = arena_strdup(&r->head.arena, by);
    queue_push(&s->q, &r->head, false);
}

int record_silence(struct store *s, const struct record_silence *r, struct err *reterr)
{
    return sqlite_run(s->db,
                      "INSERT INTO silence(matchers, starts, ends, author, comment, created)"
                      " VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
                      BIND(v_text(r->matchers), v_int(r->starts_us), v_int(r->ends_us),
                           v_text(r->author), v_text(r->comment), v_int(r->at_us)),
                      reterr);
}

/* What has ended stays as it ended. */
int record_expire_silence(struct store *s, const struct record_silence *r, struct err *reterr)
{
    return sqlite_run(s->db,
                      "UPDATE silence SET expired = ?2, expired_by = ?3"
                      " WHERE id = ?1 AND expired = 0 AND ends > ?2",
                      BIND(v_int(r->id), v_int(r->at_us), v_text(r->author)), reterr);
}

/* ---- reading ------------------------------------------------------------------------- */

static void release_matchers(void *ptr)
{
    matchers_release(ptr);
}

/* False: its matchers cannot be read. */
static bool read_row(struct sqlite_rows *q, struct arena *a, struct stored_silence *ret)
{
    struct silence *x = arena_alloc(a, sizeof(*x));
    size_t at;
    *ret = (struct stored_silence){
        .id = sqlite_int(q, 0),
        .matchers = arena_strdup(a, sqlite_text(q, 1)),
        .silence = x,
        .ends_us = sqlite_int(q, 3),
        .created_us = sqlite_int(q, 6),
        .expired_us = sqlite_int(q, 7),
        .expired_by = arena_strdup(a, sqlite_text(q, 8)),
    };
    x->id = arena_printf(a, "%" PRId64, ret->id);
    x->starts_us = sqlite_int(q, 2);
    x->ends_us = ret->expired_us ? ret->expired_us : ret->ends_us;
    x->author = arena_strdup(a, sqlite_text(q, 4));
    x->comment = arena_strdup(a, sqlite_text(q, 5));
    arena_on_release(a, release_matchers, &x->matchers);
    return matchers_parse(ret->matchers, a, &x->matchers, &at, NULL) == 0;
}

int store_reader_silences(struct store_reader *r, struct arena *arena, struct stored_silence **ret,
                          size_t *ret_n, struct err *reterr)
{
    VEC(struct stored_silence) rows = {0};
    if (reader_begin(r, reterr) < 0)
        return -1;
    struct sqlite_rows *q = sqlite_query(r->db,
                                         "SELECT id, matchers, starts, ends, author, comment,"
                                         " created, expired, expired_by FROM silence ORDER BY id",
                                         NULL, reterr);
    int rc = q ? 0 : -1;
    while (q && (rc = sqlite_next(q, reterr)) > 0) {
        struct stored_silence row;
        if (read_row(q, arena, &row))
            vec_push(&rows, row);
    }
    rc = reader_end(r, rc);
    if (rc == 0) {
        *ret = arena_alloc(arena, (rows.len + 1) * sizeof(**ret));
        if (rows.len)
            memcpy(*ret, rows.at, rows.len * sizeof(**ret));
        *ret_n = rows.len;
    }
    vec_release(&rows);
    return rc;
}
