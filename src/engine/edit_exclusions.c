/* Exclusions, added and removed by command. */
#include "base/arena.h"
#include "base/str.h"
#include "base/when.h"
#include "engine/edit.h"
#include "engine/edit_internal.h"
#include "nines/exclusion.h"
#include "nines/store.h"
#include "nines/store_reader.h"
#include "slo/exclusions.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#define NAMES_MAX 1000
#define NAME_LEN_MAX 512

/* What was stored when it is looked at. */
struct stored {
    struct arena arena;
    struct exclusion *at;
    size_t n;
};

static int read_stored(const struct editing *e, struct stored *ret, struct err *reterr)
{
    struct store_reader *r;
    if (store_reader_open(e->database, &r, reterr) < 0)
        return -1;
    int rc = store_reader_exclusions(r, &ret->arena, &ret->at, &ret->n, reterr);
    store_reader_free(r);
    return rc;
}

/* ---- adding --------------------------------------------------------------------------- */

static int check_line(const char *what, const char *text, size_t max, struct err *reterr)
{
    size_t n = strlen(text);
    if (n > max)
        return err_set(reterr, "%s: has %zu bytes at most", what, max);
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 127)
            return err_set(reterr, "%s: must be one line without control characters", what);
    return 0;
}

static int take_slos(struct arena *a, json_t *from, struct string_list *to, struct err *reterr)
{
    size_t i;
    json_t *item;
    if (!json_is_array(from) || json_array_size(from) > NAMES_MAX)
        return err_set(reterr, "slos: expected up to %d names", NAMES_MAX);
    to->at = arena_alloc(a, (json_array_size(from) + 1) * sizeof(*to->at));
    json_array_foreach(from, i, item)
    {
        const char *name = json_string_value(item);
        if (!name || !*name)
            return err_set(reterr, "slos: expected names");
        if (check_line("slos", name, NAME_LEN_MAX, reterr) < 0)
            return -1;
        to->at[to->n++] = name;
    }
    return 0;
}

static int take_labels(struct arena *a, json_t *from, struct string_map *to, struct err *reterr)
{
    const char *key;
    json_t *value;
    if (!json_is_object(from) || json_object_size(from) > NAMES_MAX)
        return err_set(reterr, "labels: expected up to %d of them", NAMES_MAX);
    to->at = arena_alloc(a, (json_object_size(from) + 1) * sizeof(*to->at));
    json_object_foreach(from, key, value)
    {
        const char *text = json_string_value(value);
        if (!*key || strchr(key, '=') || !text)
            return err_set(reterr, "labels: expected names with their values");
        if (check_line("labels", key, NAME_LEN_MAX, reterr) < 0 ||
            check_line("labels", text, NAME_LEN_MAX, reterr) < 0)
            return -1;
        to->at[to->n++] = (struct pair){.key = key, .value = text};
    }
    return 0;
}

static int take_mode(const char *text, enum exclusion_mode *ret, struct err *reterr)
{
    for (int m = EXCLUSION_DROP; m <= EXCLUSION_COUNT_GOOD; m++) {
        *ret = (enum exclusion_mode)m;
        if (str_eq(text, exclusion_mode_name(*ret)))
            return 0;
    }
    return err_set(reterr, "the mode is drop or count_good; found '%.64s'", text);
}

/* Texts are those of the request. */
static int take_exclusion(struct arena *a, json_t *request, struct exclusion *x, int64_t *ret_seen,
                          struct err *reterr)
{
    const char *what, *mode, *rrule, *service, *key;
    json_t *slos, *labels;
    json_int_t seen, from, to, created;
    json_error_t why;
    *x = (struct exclusion){.name = "", .removed_by = ""};
    if (json_unpack_ex(request, &why, JSON_STRICT,
                       "{s:s, s:I, s:s, s:I, s:I, s:s, s:s, s:o, s:s, s:o, s:s, s:s, s:I}", "do",
                       &what, "seen", &seen, "mode", &mode, "from_us", &from, "to_us", &to, "rrule",
                       &rrule, "timezone", &x->timezone, "slos", &slos, "service", &service,
                       "labels", &labels, "reason", &x->reason, "author", &x->author, "created_us",
                       &created) < 0)
        return err_set(reterr, "exclude: %s", why.text);
    x->from_us = from;
    x->to_us = to;
    x->created_us = created;
    x->rrule = *rrule ? rrule : NULL;
    x->service = *service ? service : NULL;
    *ret_seen = seen;
    if (created < 0 || created >= WHEN_END_US)
        return err_set(reterr, "the time of making is out of range");
    if (take_mode(mode, &x->mode, reterr) < 0 || take_slos(a, slos, &x->slos, reterr) < 0 ||
        take_labels(a, labels, &x->labels, reterr) < 0 ||
        check_line("service", service, NAME_LEN_MAX, reterr) < 0 ||
        check_line("reason", x->reason, EXCLUSION_TEXT_MAX, reterr) < 0 ||
        check_line("author", x->author, NAME_LEN_MAX, reterr) < 0)
        return -1;
    return exclusion_check(x, &key, reterr);
}

/* What it may not overlap was looked up before: nothing may have come since. */
static int check_seen(const struct editing *e, int64_t seen, struct err *reterr)
{
    struct stored stored = {0};
    int rc = read_stored(e, &stored, reterr);
    int64_t newest = rc == 0 && stored.n > 0 ? stored.at[stored.n - 1].id : 0;
    arena_release(&stored.arena);
    if (rc == 0 && newest != seen)
        rc = err_set(reterr, "another exclusion was added at the same time; try again");
    return rc;
}

int edit_exclude(struct editing *e, json_t *request, struct err *reterr)
{
    struct arena arena = {0};
    struct exclusion x;
    int64_t seen = 0;
    int rc = take_exclusion(&arena, request, &x, &seen, reterr);
    if (rc == 0)
        rc = check_seen(e, seen, reterr);
    if (rc == 0) {
        store_push_exclusion(e->store, &x);
        e->id = seen + 1; /* rows are never deleted */
        e->excluding = true;
    }
    arena_release(&arena);
    return rc;
}

/* ---- removing --------------------------------------------------------------------------- */

static int find_stored(const struct stored *stored, int64_t id, struct err *reterr)
{
    char at[WHEN_MAX];
    for (size_t i = 0; i < stored->n; i++) {
        const struct exclusion *x = &stored->at[i];
        if (x->id != id)
            continue;
        if (x->removed_us)
            return err_set(reterr, "exclusion %" PRId64 " was removed at %s by %s", id,
                           when_text(at, x->removed_us), x->removed_by);
        return 0;
    }
    return err_set(reterr, "there is no exclusion %" PRId64, id);
}

int edit_forget_exclusion(struct editing *e, json_t *request, struct err *reterr)
{
    const char *what, *by;
    json_int_t id, at;
    json_error_t why;
    struct stored stored = {0};
    if (json_unpack_ex(request, &why, JSON_STRICT, "{s:s, s:I, s:I, s:s}", "do", &what, "id", &id,
                       "at_us", &at, "by", &by) < 0)
        return err_set(reterr, "forget_exclusion: %s", why.text);
    if (at <= 0 || at >= WHEN_END_US)
        return err_set(reterr, "the time is out of range");
    if (check_line("author", by, NAME_LEN_MAX, reterr) < 0)
        return -1;
    int rc = read_stored(e, &stored, reterr);
    if (rc == 0)
        rc = find_stored(&stored, id, reterr);
    arena_release(&stored.arena);
    if (rc == 0) {
        store_push_remove_exclusion(e->store, id, at, by);
        e->excluding = true;
    }
    return rc;
}
