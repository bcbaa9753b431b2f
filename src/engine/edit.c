#include "engine/edit.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/units.h"
#include "engine/edit_internal.h"
#include "engine/remote.h"

#include <inttypes.h>
#include <jansson.h>
#include <unistd.h>

#define PATIENCE_US (30 * USEC_PER_SEC)

static const struct edit {
    const char *name;
    edit_fn *run;
    edit_fn *committed; /* what can be said only then; or NULL */
} edits[] = {
    {"annotate", edit_annotate, NULL},
    {"forget_annotation", edit_forget_annotation, NULL},
    {"exclude", edit_exclude, NULL},
    {"forget_exclusion", edit_forget_exclusion, NULL},
    {"silence", edit_silence, edit_silence_made},
    {"expire_silences", edit_expire_silences, NULL},
    {"open_incident", edit_open_incident, edit_incident_made},
    {"note_incident", edit_note_incident, NULL},
    {"close_incident", edit_close_incident, NULL},
    {"retry_message", edit_retry_message, NULL},
};

static const struct edit *find_edit(const char *name)
{
    for (size_t i = 0; name && i < countof(edits); i++)
        if (str_eq(edits[i].name, name))
            return &edits[i];
    return NULL;
}

static int run_edit(struct editing *e, json_t *request, struct err *reterr)
{
    const struct edit *edit = find_edit(json_string_value(json_object_get(request, "do")));
    if (!edit)
        return err_set(reterr, "\"do\": no such edit");
    if (edit->run(e, request, reterr) < 0 || store_flush(e->store, PATIENCE_US, reterr) < 0)
        return -1;
    return edit->committed ? edit->committed(e, request, reterr) : 0;
}

int edit_run(struct edit_place *p, const char *request, size_t n, struct str *answer,
             struct err *reterr)
{
    json_error_t why;
    if (n > EDIT_REQUEST_MAX)
        return err_set(reterr, "a request has %d bytes at most", EDIT_REQUEST_MAX);
    json_t *doc = json_loadb(request, n, JSON_REJECT_DUPLICATES, &why);
    struct editing e = {.store = p->store, .database = p->database, .now_us = p->now_us};
    if (!doc)
        return err_set(reterr, "not JSON: %s", why.text);
    int rc = run_edit(&e, doc, reterr);
    json_decref(doc);
    p->excluding = e.excluding;
    p->silencing = e.silencing;
    if (rc < 0)
        return -1;
    if (*e.answer)
        str_addf(answer, "%s\n", e.answer);
    else if (e.id)
        str_addf(answer, "{\"id\":%" PRId64 "}\n", e.id);
    else
        str_add(answer, "{}\n");
    return 0;
}

/* ---- asking ------------------------------------------------------------------- */

static int ask_here(const char *database, const char *request, struct str *answer,
                    struct err *reterr)
{
    struct store_options o = {.path = database};
    struct edit_place here = {.database = database, .now_us = clock_wall_us()};
    if (store_open(&o, &here.store, reterr) < 0)
        return -1;
    int rc = edit_run(&here, request, strlen(request), answer, reterr);
    if (store_close(here.store, PATIENCE_US, rc == 0 ? reterr : NULL) < 0)
        rc = -1;
    return rc;
}

static int ask_there(const char *socket_path, const char *request, json_t **ret, struct err *reterr)
{
    struct remote *r;
    json_t *reply = NULL;
    struct err err;
    int status;
    if (remote_open(socket_path, &r, reterr) < 0)
        return -1;
    int rc = remote_post(r, "/v1/edit", request, strlen(request), &status, &reply, &err);
    remote_close(r);
    if (rc < 0) /* who was killed may have committed before */
        return err_set(reterr, "%s; if it was done, 'list' shows it", err.msg);
    const char *error = json_string_value(json_object_get(reply, "error"));
    if (status != 200 && error)
        rc = err_set(reterr, "%s", error);
    else if (status != 200 || !reply)
        rc = err_set(reterr, "the process that holds the database answered with status %d", status);
    if (rc == 0)
        *ret = reply;
    else
        json_decref(reply);
    return rc;
}

int edit_ask(const char *database, const json_t *request, json_t **ret, struct err *reterr)
{
    mem_auto char *text = json_dumps(request, JSON_COMPACT);
    mem_auto char *socket_path = mem_printf("%s.sock", database);
    long holder = store_lock_holder(database);
    if (holder != 0 && access(socket_path, F_OK) < 0)
        return err_set(reterr, "%s is in use by process %ld, which takes no requests", database,
                       holder);
    if (holder != 0)
        return ask_there(socket_path, text, ret, reterr);
    struct str answer;
    str_init(&answer, EDIT_REQUEST_MAX);
    int rc = ask_here(database, text, &answer, reterr);
    if (rc == 0)
        *ret = json_loadb(answer.buf, answer.len, 0, NULL);
    str_release(&answer);
    return rc;
}
