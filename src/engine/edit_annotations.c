/* Deploys and notes, written by hand. */
#include "base/json.h"
#include "base/str.h"
#include "base/when.h"
#include "engine/edit.h"
#include "engine/edit_internal.h"
#include "nines/store_reader.h"

#include <inttypes.h>
#include <jansson.h>

/* One line that any terminal may show. */
static int check_text(const char *text, struct err *reterr)
{
    size_t n = strlen(text);
    if (n == 0 || n > EDIT_TEXT_MAX)
        return err_set(reterr, "the text must have 1 to %d bytes", EDIT_TEXT_MAX);
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 127)
            return err_set(reterr, "the text must be one line without control characters");
    return 0;
}

int edit_annotate(struct editing *e, json_t *request, struct err *reterr)
{
    const char *what, *kind, *probe, *text;
    json_int_t at;
    json_error_t why;
    if (json_unpack_ex(request, &why, JSON_STRICT, "{s:s, s:I, s:s, s:s, s:s}", "do", &what,
                       "at_us", &at, "kind", &kind, "probe", &probe, "text", &text) < 0)
        return err_set(reterr, "annotate: %s", why.text);
    if (!str_eq(kind, "deploy") && !str_eq(kind, "note"))
        return err_set(reterr, "the kind is deploy or note; found '%.64s'", kind);
    if (at < 0 || at >= WHEN_END_US)
        return err_set(reterr, "the time is out of range");
    if (check_text(text, reterr) < 0)
        return -1;
    struct annotation a = {
        .at_us = at, .kind = kind, .probe = probe, .text = text, .by_hand = true};
    store_push_annotation(e->store, &a);
    return 0;
}

struct finding {
    int64_t id;
    bool found;
};

static bool find(void *ctx, const struct annotation *a)
{
    struct finding *f = ctx;
    f->found = a->id == f->id;
    return !f->found;
}

int edit_forget_annotation(struct editing *e, json_t *request, struct err *reterr)
{
    const char *what;
    json_int_t id;
    json_error_t why;
    if (json_unpack_ex(request, &why, JSON_STRICT, "{s:s, s:I}", "do", &what, "id", &id) < 0)
        return err_set(reterr, "forget_annotation: %s", why.text);
    struct store_reader *r;
    struct finding f = {.id = id};
    if (store_reader_open(e->database, &r, reterr) < 0)
        return -1;
    int rc = store_reader_annotations(r, 0, WHEN_END_US, find, &f, reterr);
    store_reader_free(r);
    if (rc == 0 && !f.found)
        return err_set(reterr, "there is no annotation %" PRId64, (int64_t)id);
    if (rc == 0)
        store_push_forget_annotation(e->store, id);
    return rc;
}
