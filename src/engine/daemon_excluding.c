/*
 * Which exclusions are in force: those that the snapshot declares and those that are
 * stored. Read on the worker pool, with the snapshot or on their own when one was added
 * or removed.
 */
#include "engine/daemon_internal.h"

#include "nines/store_reader.h"

int daemon_read_excluding(const struct daemon *d, struct config *cfg, struct excluding **ret,
                          struct err *reterr)
{
    struct store_reader *r;
    if (store_reader_open(d->database, &r, reterr) < 0)
        return -1;
    int rc = excluding_read(cfg, r, ret, reterr);
    store_reader_free(r);
    return rc;
}

void daemon_adopt_excluding(struct daemon *d, struct excluding *x)
{
    excluding_unref(d->excluding);
    d->excluding = x;
}
