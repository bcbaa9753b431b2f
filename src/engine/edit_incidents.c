/* Incidents, opened, noted and closed by command. */
#include "base/arena.h"
#include "base/str.h"
#include "base/units.h"
#include "base/when.h"
#include "engine/edit.h"
#include "engine/edit_internal.h"
#include "nines/incident.h"
#include "nines/store.h"
#include "nines/store_reader.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#define BACK_MAX_US (366 * USEC_PER_DAY)

/* One line that any terminal may show. */
static int check_line(const char *what, const char *text, size_t max, struct err *reterr)
{
    size_t n = strlen(text);
    if (n == 0 || n > max)
        return err_set(reterr, "%s: must have 1 to %zu bytes", what, max);
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 127)
            return err_set(reterr, "%s: must be one line without control characters", what);
    return 0;
}

/* 0 is "not said". */
static int check_time(const struct editing *e, const char *what, int64_t at_us, struct err *reterr)
{
    char now[WHEN_MAX];
    if (at_us == 0)
        return 0;
    if (at_us < 0 || at_us > e->now_us)
        return err_set(reterr, "%s: is in the future; now is %s", what, when_text(now, e->now_us));
    if (at_us < e->now_us - BACK_MAX_US)
        return err_set(reterr, "%s: is more than a year ago", what);
    return 0;
}

/* ---- opening -------------------------------------------------------------------------- */

static int take_names(struct arena *a, const char *what, json_t *from, struct string_list *to,
                      struct err *reterr)
{
    size_t i;
    json_t *item;
    if (!json_is_array(from) || json_array_size(from) > INCIDENT_NAMES_MAX)
        return err_set(reterr, "%s: expected up to %d names", what, INCIDENT_NAMES_MAX);
    to->at = arena_alloc(a, (json_array_size(from) + 1) * sizeof(*to->at));
    json_array_foreach(from, i, item)
    {
        const char *name = json_string_value(item);
        if (!name)
            return err_set(reterr, "%s: expected names", what);
        if (check_line(what, name, INCIDENT_NAME_MAX, reterr) < 0)
            return -1;
        to->at[to->n++] = name;
    }
    return 0;
}

static int take_severity(const char *text, enum severity *ret, struct err *reterr)
{
    for (int s = SEVERITY_TICKET; s <= SEVERITY_PAGE; s++) {
        *ret = (enum severity)s;
        if (str_eq(text, severity_name(*ret)))
            return 0;
    }
    return err_set(reterr, "severity: is page or ticket; found '%.64s'", text);
}

static int check_open(const struct editing *e, const struct incident *in, struct err *reterr)
{
    if (check_line("title", in->title, INCIDENT_TITLE_MAX, reterr) < 0 ||
        check_line("by", in->opened_by, INCIDENT_NAME_MAX, reterr) < 0 ||
        check_time(e, "began", in->began_us, reterr) < 0 ||
        check_time(e, "detected", in->detected_us, reterr) < 0)
        return -1;
    if (in->detected_us && in->began_us > in->detected_us)
        return err_set(reterr, "detected: is before it began");
    return 0;
}

static int take_incident(struct editing *e, struct arena *a, json_t *request, struct incident *in,
                         struct err *reterr)
{
    const char *what, *severity;
    json_t *slos, *services;
    json_int_t began, detected;
    json_error_t why;
    *in = (struct incident){.opened_us = e->now_us, .closed_by = ""};
    if (json_unpack_ex(request, &why, JSON_STRICT, "{s:s, s:s, s:s, s:s, s:I, s:I, s:o, s:o}", "do",
                       &what, "title", &in->title, "severity", &severity, "by", &in->opened_by,
                       "began_us", &began, "detected_us", &detected, "slos", &slos, "services",
                       &services) < 0)
        return err_set(reterr, "open_incident: %s", why.text);
    in->began_us = began;
    in->detected_us = detected;
    if (take_severity(severity, &in->severity, reterr) < 0 ||
        take_names(a, "slos", slos, &in->slos, reterr) < 0 ||
        take_names(a, "services", services, &in->services, reterr) < 0)
        return -1;
    return check_open(e, in, reterr);
}

static int read_all(const struct editing *e, struct arena *a, struct incident **ret, size_t *ret_n,
                    struct err *reterr)
{
    struct store_reader *r;
    if (store_reader_open(e->database, &r, reterr) < 0)
        return -1;
    int rc = store_reader_incidents(r, 0, a, ret, ret_n, reterr);
    store_reader_free(r);
    return rc;
}

int edit_open_incident(struct editing *e, json_t *request, struct err *reterr)
{
    struct arena arena = {0};
    struct incident in;
    int rc = take_incident(e, &arena, request, &in, reterr);
    if (rc == 0)
        store_push_incident(e->store, &in);
    arena_release(&arena);
    return rc;
}

/* Alerts open incidents, too: only what is stored says which number it got. */
int edit_incident_made(struct editing *e, json_t *request, struct err *reterr)
{
    struct arena arena = {0};
    const char *title = json_string_value(json_object_get(request, "title"));
    struct incident *list;
    size_t n;
    int rc = read_all(e, &arena, &list, &n, reterr);
    for (size_t i = 0; rc == 0 && i < n; i++)
        if (list[i].opened_us == e->now_us && *list[i].opened_by && str_eq(list[i].title, title))
            e->id = list[i].id;
    arena_release(&arena);
    return rc;
}

/* ---- what is there -------------------------------------------------------------------- */

static int find(const struct editing *e, struct arena *a, int64_t id, struct incident *ret,
                struct err *reterr)
{
    struct incident *list;
    size_t n;
    if (read_all(e, a, &list, &n, reterr) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        *ret = list[i];
        if (ret->id == id)
            return 0;
    }
    return err_set(reterr, "there is no incident %" PRId64, id);
}

int edit_note_incident(struct editing *e, json_t *request, struct err *reterr)
{
    const char *what;
    json_int_t id, at;
    json_error_t why;
    struct arena arena = {0};
    struct incident in;
    struct incident_note note;
    if (json_unpack_ex(request, &why, JSON_STRICT, "{s:s, s:I, s:I, s:s, s:s}", "do", &what, "id",
                       &id, "at_us", &at, "by", &note.author, "text", &note.text) < 0)
        return err_set(reterr, "note_incident: %s", why.text);
    note.at_us = at ? at : e->now_us;
    if (check_line("text", note.text, INCIDENT_TEXT_MAX, reterr) < 0 ||
        check_line("by", note.author, INCIDENT_NAME_MAX, reterr) < 0 ||
        check_time(e, "at", note.at_us, reterr) < 0)
        return -1;
    int rc = find(e, &arena, id, &in, reterr);
    if (rc == 0)
        store_push_incident_note(e->store, id, &note);
    arena_release(&arena);
    return rc;
}

static int check_close(const struct editing *e, const struct incident *in, int64_t restored_us,
                       struct err *reterr)
{
    char at[WHEN_MAX];
    if (in->closed_us && *in->closed_by)
        return err_set(reterr, "incident %" PRId64 " was closed at %s by %s", in->id,
                       when_text(at, in->closed_us), in->closed_by);
    if (check_time(e, "restored", restored_us, reterr) < 0)
        return -1;
    if (restored_us && in->began_us && restored_us <= in->began_us)
        return err_set(reterr, "restored: it began at %s", when_text(at, in->began_us));
    return 0;
}

int edit_close_incident(struct editing *e, json_t *request, struct err *reterr)
{
    const char *what, *by;
    json_int_t id, restored;
    json_error_t why;
    struct arena arena = {0};
    struct incident in;
    if (json_unpack_ex(request, &why, JSON_STRICT, "{s:s, s:I, s:s, s:I}", "do", &what, "id", &id,
                       "by", &by, "restored_us", &restored) < 0)
        return err_set(reterr, "close_incident: %s", why.text);
    if (check_line("by", by, INCIDENT_NAME_MAX, reterr) < 0)
        return -1;
    int rc = find(e, &arena, id, &in, reterr);
    if (rc == 0)
        rc = check_close(e, &in, restored, reterr);
    if (rc == 0)
        store_push_close_incident(e->store, id, e->now_us, by, restored);
    arena_release(&arena);
    return rc;
}
