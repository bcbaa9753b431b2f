/* Messages that were given up, to be tried again by command. */
#include "base/str.h"
#include "engine/edit.h"
#include "engine/edit_internal.h"
#include "nines/store.h"
#include "nines/store_reader.h"

#include <inttypes.h>
#include <jansson.h>

/* What is known of the one that is asked for. */
struct found {
    int64_t id;
    bool there, sendable;
    enum outbox_state state;
};

static bool find(void *ctx, const struct outbox_row *row)
{
    struct found *f = ctx;
    if (row->id != f->id)
        return true;
    f->there = true;
    f->state = row->state;
    f->sendable = *row->integration != '\0';
    return false;
}

static int check_found(const struct found *f, struct err *reterr)
{
    if (!f->there)
        return err_set(reterr, "there is no message %" PRId64, f->id);
    if (f->state == OUTBOX_DELIVERED)
        return err_set(reterr, "message %" PRId64 " was delivered", f->id);
    if (f->state == OUTBOX_PENDING)
        return err_set(reterr, "message %" PRId64 " is being tried: nobody has given it up", f->id);
    if (!f->sendable)
        return err_set(reterr,
                       "message %" PRId64 " is of an older nines, in a form that is not sent any"
                       " more; what still fires is told anew",
                       f->id);
    return 0;
}

static int check_dead(const struct editing *e, int64_t id, struct err *reterr)
{
    struct found f = {.id = id};
    struct store_reader *r;
    if (store_reader_open(e->database, &r, reterr) < 0)
        return -1;
    int rc = store_reader_outbox(r, INT64_MIN, INT64_MAX, find, &f, reterr);
    store_reader_free(r);
    return rc < 0 ? rc : check_found(&f, reterr);
}

int edit_retry_message(struct editing *e, json_t *request, struct err *reterr)
{
    const char *what;
    json_int_t id;
    json_error_t why;
    if (json_unpack_ex(request, &why, JSON_STRICT, "{s:s, s:I}", "do", &what, "id", &id) < 0)
        return err_set(reterr, "retry_message: %s", why.text);
    if (id < 0)
        return err_set(reterr, "retry_message: the number of a message is above 0");
    if (id > 0 && check_dead(e, id, reterr) < 0)
        return -1;
    store_push_outbox_retry(e->store, id);
    return 0;
}
