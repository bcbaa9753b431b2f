/* Silences, added and expired by command. */
#include "base/str.h"
#include "base/units.h"
#include "base/when.h"
#include "engine/edit.h"
#include "engine/edit_internal.h"
#include "engine/silencing.h"
#include "model/matcher.h"
#include "nines/store.h"
#include "nines/store_reader.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#define PATIENCE_US (30 * USEC_PER_SEC)

/* What is stored, and nothing on its way there that is not. */
static int read_stored(struct editing *e, struct silencing *ret, struct err *reterr)
{
    struct store_reader *r;
    if (store_flush(e->store, PATIENCE_US, reterr) < 0 ||
        store_reader_open(e->database, &r, reterr) < 0)
        return -1;
    int rc = silencing_read_silences(r, ret, reterr);
    store_reader_free(r);
    return rc;
}

static int check_line(const char *what, const char *text, struct err *reterr)
{
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 127)
            return err_set(reterr, "%s must be one line without control characters", what);
    return 0;
}

/* What people can read. */
static int64_t whole(int64_t us)
{
    return us - us % USEC_PER_SEC;
}

/* ---- adding --------------------------------------------------------------------------- */

struct adding {
    struct arena arena;
    struct silence silence;
    int64_t replaces;
};

static int take_span(struct silence *s, int64_t from, int64_t to, int64_t length, int64_t now_us,
                     struct err *reterr)
{
    char when[WHEN_MAX];
    if (from < 0 || from >= WHEN_END_US || to < 0 || to >= WHEN_END_US || length < 0 ||
        length >= WHEN_END_US)
        return err_set(reterr, "the time is out of range");
    if (to && to <= now_us)
        return err_set(reterr, "it would have ended already, at %s", when_text(when, to));
    s->starts_us = from ? from : whole(now_us);
    s->ends_us = to ? to : s->starts_us + length;
    return s->ends_us < WHEN_END_US ? 0 : err_set(reterr, "the time is out of range");
}

static int take_silence(struct adding *a, json_t *request, int64_t now_us, struct err *reterr)
{
    const char *what, *text;
    json_int_t from, to, length, replaces = 0;
    json_error_t why;
    struct err err;
    size_t at;
    if (json_unpack_ex(request, &why, JSON_STRICT, "{s:s, s:s, s:I, s:I, s:I, s:s, s:s, s?I}", "do",
                       &what, "matchers", &text, "from_us", &from, "to_us", &to, "for_us", &length,
                       "author", &a->silence.author, "comment", &a->silence.comment, "replaces",
                       &replaces) < 0)
        return err_set(reterr, "silence: %s", why.text);
    a->replaces = replaces;
    if (matchers_parse(text, &a->arena, &a->silence.matchers, &at, &err) < 0)
        return err_set(reterr, "the matchers, at byte %zu: %s", at + 1, err.msg);
    if (take_span(&a->silence, from, to, length, now_us, reterr) < 0 ||
        check_line("the author", a->silence.author, reterr) < 0 ||
        check_line("the comment", a->silence.comment, reterr) < 0 ||
        silence_check(&a->silence, now_us, reterr) < 0)
        return -1;
    if (from && a->silence.starts_us < now_us) /* it mutes nothing of the past */
        a->silence.starts_us = whole(now_us);
    return 0;
}

static int check_over(const struct silencing *stored, int64_t id, int64_t now_us,
                      struct err *reterr)
{
    char at[WHEN_MAX];
    const struct stored_silence *s = silencing_get(stored, id);
    if (!s)
        return err_set(reterr, "there is no silence %" PRId64, id);
    if (s->expired_us)
        return err_set(reterr, "silence %" PRId64 " was expired at %s by %s", id,
                       when_text(at, s->expired_us), s->expired_by);
    if (silence_state(s->silence, now_us) == SILENCE_EXPIRED)
        return err_set(reterr, "silence %" PRId64 " ended at %s", id,
                       when_text(at, s->silence->ends_us));
    return 0;
}

static int check_room(const struct silencing *stored, int64_t now_us, struct err *reterr)
{
    size_t n = 0;
    for (size_t i = 0; i < stored->silence_count; i++)
        n += silence_state(stored->silences[i].silence, now_us) != SILENCE_EXPIRED;
    return n < SILENCES_MAX ? 0 : err_set(reterr, "there are %d silences already", SILENCES_MAX);
}

int edit_silence(struct editing *e, json_t *request, struct err *reterr)
{
    struct adding a = {0};
    struct silencing stored = {0};
    int rc = take_silence(&a, request, e->now_us, reterr);
    if (rc == 0)
        rc = read_stored(e, &stored, reterr);
    if (rc == 0)
        rc = check_room(&stored, e->now_us, reterr);
    if (rc == 0 && a.replaces)
        rc = check_over(&stored, a.replaces, e->now_us, reterr);
    if (rc == 0) {
        store_push_silence(e->store, &a.silence, e->now_us);
        if (a.replaces)
            store_push_expire_silence(e->store, a.replaces, whole(e->now_us), a.silence.author);
        e->silencing = true;
    }
    silencing_release(&stored);
    matchers_release(&a.silence.matchers);
    arena_release(&a.arena);
    return rc;
}

/* It is the newest one: nobody else makes them, and one edit comes after another. */
int edit_silence_made(struct editing *e, json_t *request, struct err *reterr)
{
    struct silencing stored = {0};
    (void)request;
    if (read_stored(e, &stored, reterr) < 0)
        return -1;
    const struct stored_silence *s =
        stored.silence_count ? &stored.silences[stored.silence_count - 1] : NULL;
    if (s)
        snprintf(e->answer, sizeof(e->answer),
                 "{\"id\":%" PRId64 ",\"starts_us\":%" PRId64 ",\"ends_us\":%" PRId64 "}", s->id,
                 s->silence->starts_us, s->silence->ends_us);
    silencing_release(&stored);
    return s ? 0 : err_set(reterr, "the silence is not there");
}

/* ---- expiring --------------------------------------------------------------------------- */

/* What is wrong with any of them, all of it; nothing is changed then. */
static int check_ids(const struct silencing *stored, json_t *ids, int64_t now_us,
                     struct err *reterr)
{
    struct str all;
    struct err err;
    size_t i;
    json_t *item;
    str_init(&all, sizeof(err.msg) - 1);
    json_array_foreach(ids, i, item)
    {
        if (!json_is_integer(item))
            err_set(&err, "expected numbers of silences");
        else if (check_over(stored, json_integer_value(item), now_us, &err) == 0)
            continue;
        str_addf(&all, "%s%s", all.len ? "; " : "", err.msg);
    }
    int rc = all.len || all.overflow ? err_set(reterr, "%s", all.buf) : 0;
    str_release(&all);
    return rc;
}

int edit_expire_silences(struct editing *e, json_t *request, struct err *reterr)
{
    const char *what, *by;
    json_t *ids;
    json_error_t why;
    struct silencing stored = {0};
    size_t i;
    json_t *item;
    if (json_unpack_ex(request, &why, JSON_STRICT, "{s:s, s:o, s:s}", "do", &what, "ids", &ids,
                       "by", &by) < 0)
        return err_set(reterr, "expire_silences: %s", why.text);
    if (!json_is_array(ids) || json_array_size(ids) == 0)
        return err_set(reterr, "expected numbers of silences");
    if (check_line("the author", by, reterr) < 0 || read_stored(e, &stored, reterr) < 0)
        return -1;
    int rc = check_ids(&stored, ids, e->now_us, reterr);
    silencing_release(&stored);
    if (rc < 0)
        return -1;
    json_array_foreach(ids, i, item)
    {
        store_push_expire_silence(e->store, json_integer_value(item), whole(e->now_us), by);
    }
    e->silencing = true;
    return 0;
}
