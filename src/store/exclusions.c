/* Exclusions that were added by command: rows that stay for good. */
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "io/sqlite.h"
#include "nines/exclusion.h"
#include "store/internal.h"
#include "store/reader.h"
#include "store/records.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define LIST_MAX (256 << 10) /* bytes of names or labels */

/* ---- writing ------------------------------------------------------------------------ */

static struct string_list copy_list(struct arena *a, const struct string_list *from)
{
    struct string_list to = {.n = from->n};
    to.at = arena_alloc(a, (from->n + 1) * sizeof(*to.at));
    for (size_t i = 0; i < from->n; i++)
        to.at[i] = arena_strdup(a, from->at[i]);
    return to;
}

static struct string_map copy_map(struct arena *a, const struct string_map *from)
{
    struct string_map to = {.n = from->n};
    to.at = arena_alloc(a, (from->n + 1) * sizeof(*to.at));
    for (size_t i = 0; i < from->n; i++)
        to.at[i] = (struct pair){.key = arena_strdup(a, from->at[i].key),
                                 .value = arena_strdup(a, from->at[i].value)};
    return to;
}

void store_push_exclusion(struct store *s, const struct exclusion *x)
{
    struct record_exclusion *r = record_new(RECORD_EXCLUSION, sizeof(*r), 0);
    struct arena *a = &r->head.arena;
    r->x = *x;
    r->x.rrule = arena_strdup(a, x->rrule);
    r->x.timezone = arena_strdup(a, x->timezone);
    r->x.slos = copy_list(a, &x->slos);
    r->x.service = arena_strdup(a, x->service);
    r->x.labels = copy_map(a, &x->labels);
    r->x.reason = arena_strdup(a, x->reason);
    r->x.author = arena_strdup(a, x->author);
    queue_push(&s->q, &r->head, false);
}

void store_push_remove_exclusion(struct store *s, int64_t id, int64_t at_us, const char *by)
{
    struct record_exclusion *r = record_new(RECORD_REMOVE_EXCLUSION, sizeof(*r), 0);
    r->x.id = id;
    r->x.removed_us = at_us;
    r->x.removed_by = arena_strdup(&r->head.arena, by);
    queue_push(&s->q, &r->head, false);
}

/* Names, and keys and values, are of one line each. */
static void join_list(struct str *out, const struct string_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        str_addf(out, "%s%s", i ? "\n" : "", list->at[i]);
}

static void join_map(struct str *out, const struct string_map *map)
{
    for (size_t i = 0; i < map->n; i++)
        str_addf(out, "%s%s=%s", i ? "\n" : "", map->at[i].key, map->at[i].value);
}

static int insert(struct store *s, const struct exclusion *x, const char *slos, const char *labels,
                  struct err *reterr)
{
    return sqlite_run(
        s->db,
        "INSERT INTO exclusion(mode, start, until, rrule, timezone, slos, service, labels,"
        " reason, author, created) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        BIND(v_int(x->mode), v_int(x->from_us), v_int(x->to_us), v_text(x->rrule),
             v_text(x->timezone), v_text(slos), v_text(x->service), v_text(labels),
             v_text(x->reason), v_text(x->author), v_int(x->created_us)),
        reterr);
}

int record_exclusion(struct store *s, const struct record_exclusion *r, struct err *reterr)
{
    struct str slos, labels;
    str_init(&slos, LIST_MAX);
    str_init(&labels, LIST_MAX);
    join_list(&slos, &r->x.slos);
    join_map(&labels, &r->x.labels);
    assert(!slos.overflow && !labels.overflow);
    int rc = insert(s, &r->x, slos.buf, labels.buf, reterr);
    str_release(&slos);
    str_release(&labels);
    return rc;
}

/* What is removed stays so: the first one who did it is told. */
int record_remove_exclusion(struct store *s, const struct record_exclusion *r, struct err *reterr)
{
    return sqlite_run(
        s->db, "UPDATE exclusion SET removed = ?2, removed_by = ?3 WHERE id = ?1 AND removed = 0",
        BIND(v_int(r->x.id), v_int(r->x.removed_us), v_text(r->x.removed_by)), reterr);
}

/* ---- reading ------------------------------------------------------------------------- */

static size_t count_lines(const char *text)
{
    size_t n = *text != '\0';
    for (; *text; text++)
        n += *text == '\n';
    return n;
}

/* Cut up in place. */
static struct string_list split_list(struct arena *a, char *text)
{
    struct string_list list = {.n = count_lines(text)};
    list.at = arena_alloc(a, (list.n + 1) * sizeof(*list.at));
    for (size_t i = 0; i < list.n; i++)
        list.at[i] = strsep(&text, "\n");
    return list;
}

static struct string_map split_map(struct arena *a, char *text)
{
    struct string_map map = {.n = count_lines(text)};
    map.at = arena_alloc(a, (map.n + 1) * sizeof(*map.at));
    for (size_t i = 0; i < map.n; i++) {
        char *value = strsep(&text, "\n");
        map.at[i].key = strsep(&value, "=");
        map.at[i].value = value ? value : "";
    }
    return map;
}

static const char *text_or_null(struct arena *a, struct sqlite_rows *q, int column)
{
    return sqlite_null(q, column) ? NULL : arena_strdup(a, sqlite_text(q, column));
}

static struct exclusion read_row(struct sqlite_rows *q, struct arena *a)
{
    return (struct exclusion){
        .id = sqlite_int(q, 0),
        .name = "",
        .mode = (enum exclusion_mode)sqlite_int(q, 1),
        .from_us = sqlite_int(q, 2),
        .to_us = sqlite_int(q, 3),
        .rrule = text_or_null(a, q, 4),
        .timezone = arena_strdup(a, sqlite_text(q, 5)),
        .slos = split_list(a, arena_strdup(a, sqlite_text(q, 6))),
        .service = text_or_null(a, q, 7),
        .labels = split_map(a, arena_strdup(a, sqlite_text(q, 8))),
        .reason = arena_strdup(a, sqlite_text(q, 9)),
        .author = arena_strdup(a, sqlite_text(q, 10)),
        .created_us = sqlite_int(q, 11),
        .removed_us = sqlite_int(q, 12),
        .removed_by = arena_strdup(a, sqlite_text(q, 13)),
    };
}

int store_reader_exclusions(struct store_reader *r, struct arena *arena, struct exclusion **ret,
                            size_t *ret_n, struct err *reterr)
{
    VEC(struct exclusion) rows = {0};
    if (reader_begin(r, reterr) < 0)
        return -1;
    struct sqlite_rows *q =
        sqlite_query(r->db,
                     "SELECT id, mode, start, until, rrule, timezone, slos, service, labels,"
                     " reason, author, created, removed, removed_by FROM exclusion ORDER BY id",
                     NULL, reterr);
    int rc = q ? 0 : -1;
    while (q && (rc = sqlite_next(q, reterr)) > 0)
        vec_push(&rows, read_row(q, arena));
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
