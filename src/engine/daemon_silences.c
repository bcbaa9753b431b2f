/*
 * Silences of the running daemon: the notify thread asks them by time, so they are told
 * to it when they change and nothing happens when one begins or ends.
 */
#include "engine/daemon_internal.h"

#include "base/mem.h"
#include "base/units.h"
#include "engine/silencing.h"

/* What is due late is judged by the time that it was due. */
#define KEEP_US USEC_PER_DAY

int daemon_tell_silences(struct daemon *d, struct err *reterr)
{
    struct store_reader *r;
    struct silencing known;
    if (store_reader_open(d->database, &r, reterr) < 0)
        return -1;
    int rc = silencing_read_silences(r, &known, reterr);
    store_reader_free(r);
    if (rc < 0)
        return -1;
    int64_t since = d->published_us - KEEP_US;
    size_t n = 0;
    mem_auto const struct silence **list = mem_array(known.silence_count + 1, sizeof(*list));
    for (size_t i = 0; i < known.silence_count; i++)
        if (known.silences[i].silence->ends_us > since)
            list[n++] = known.silences[i].silence;
    notify_set_silences(d->notify, list, n);
    silencing_release(&known);
    return 0;
}

int daemon_tell_late_silences(struct daemon *d, struct err *reterr)
{
    if (!d->silences_late)
        return 0;
    /* An edit tells of silences, too: what is told last must be what was read last. */
    pthread_mutex_lock(&d->edit_mutex);
    int rc = daemon_tell_silences(d, reterr);
    d->silences_late = rc < 0;
    pthread_mutex_unlock(&d->edit_mutex);
    return rc;
}

void daemon_silences_again(struct daemon *d)
{
    if (d->silences_late && d->job == JOB_NONE && d->store_failing_since_us == 0)
        daemon_excluding_changed(d);
}
