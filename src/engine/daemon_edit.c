/* Edits while the daemon runs: one after another, and what they change is in force. */
#include "engine/daemon.h"
#include "engine/daemon_internal.h"
#include "engine/edit.h"

static void on_edited(uv_async_t *a)
{
    daemon_excluding_changed(a->data);
}

void daemon_edit_init(struct daemon *d)
{
    uv_async_init(&d->loop, &d->edited, on_edited);
    d->edited.data = d;
}

int daemon_edit(struct daemon *d, const char *request, size_t n, struct str *answer,
                struct err *reterr)
{
    struct edit_place place = {.store = d->store, .database = d->database};
    pthread_mutex_lock(&d->edit_mutex);
    place.now_us = d->published_us;
    int rc = edit_run(&place, request, n, answer, reterr);
    bool late = place.silencing && (rc < 0 || daemon_tell_silences(d, NULL) < 0);
    if (late)
        d->silences_late = true;
    pthread_mutex_unlock(&d->edit_mutex);
    if (place.excluding || late)
        uv_async_send(&d->edited);
    return rc;
}
