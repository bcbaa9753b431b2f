#include "io/trust.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "io/cert.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <uv.h>

#define NS_PER_S 1000000000LL
#define REFRESH_NS (600 * NS_PER_S)
#define RETRY_NS (5 * NS_PER_S)

struct bundle {
    SLIST_ENTRY(bundle) link;
    struct trust *trust;
    uv_work_t work;
    char *path; /* NULL: OpenSSL's defaults */
    bool loading;
    int64_t tried_ns;
    struct cert_store *store; /* NULL until the first success */
    struct err error;
    struct cert_store *loaded; /* the worker's, until it is done */
    struct err load_error;
};

struct trust {
    uv_loop_t *loop;
    const char *system;
    SLIST_HEAD(, bundle) bundles;
    size_t n;
    void (*changed)(void *ctx);
    void *changed_ctx;
    bool closing;
    int open; /* itself, and each load under way */
    void (*closed)(void *ctx);
    void *closed_ctx;
};

struct trust *trust_new(struct uv_loop_s *loop, void (*changed)(void *ctx), void *ctx)
{
    struct trust *t = mem_alloc(sizeof(*t));

    *t = (struct trust){.loop = loop,
                        .changed = changed,
                        .changed_ctx = ctx,
                        .open = 1,
                        .system = cert_system_bundle()};
    SLIST_INIT(&t->bundles);
    return t;
}

static void drop(struct trust *t)
{
    if (--t->open > 0)
        return;
    void (*closed)(void *) = t->closed;
    void *ctx = t->closed_ctx;
    struct bundle *b;

    while ((b = SLIST_FIRST(&t->bundles))) {
        SLIST_REMOVE_HEAD(&t->bundles, link);
        cert_store_unref(b->store);
        free(b->path);
        free(b);
    }
    free(t);
    if (closed)
        closed(ctx);
}

void trust_close(struct trust *t, void (*closed)(void *ctx), void *ctx)
{
    assert(!t->closing);
    t->closing = true;
    t->closed = closed;
    t->closed_ctx = ctx;
    drop(t);
}

static void run_load(uv_work_t *work)
{
    struct bundle *b = container_of(work, struct bundle, work);

    b->loaded = NULL;
    if (cert_store_load(b->path, &b->loaded, &b->load_error) < 0)
        b->loaded = NULL;
}

static void on_loaded(uv_work_t *work, int status)
{
    struct bundle *b = container_of(work, struct bundle, work);
    struct trust *t = b->trust;

    (void)status; /* never cancelled */
    b->loading = false;
    if (b->loaded) {
        cert_store_unref(b->store);
        b->store = b->loaded;
    } else {
        b->error = b->load_error; /* an older store stays in use */
    }
    if (!t->closing)
        t->changed(t->changed_ctx);
    drop(t);
}

static void load(struct bundle *b)
{
    b->loading = true;
    b->tried_ns = clock_mono_ns();
    b->trust->open++;
    uv_queue_work(b->trust->loop, &b->work, run_load, on_loaded);
}

static struct bundle *find(struct trust *t, const char *path)
{
    struct bundle *b;

    SLIST_FOREACH(b, &t->bundles, link)
    if (str_eq(b->path, path))
        return b;
    if (t->n >= TRUST_MAX)
        return NULL;
    b = mem_alloc(sizeof(*b));
    b->trust = t;
    b->path = mem_strdup(path);
    SLIST_INSERT_HEAD(&t->bundles, b, link);
    t->n++;
    load(b);
    return b;
}

enum trust_state trust_get(struct trust *t, const char *path, struct cert_store **ret,
                           struct err *reterr)
{
    struct bundle *b = find(t, path ? path : t->system);

    if (!b) {
        err_set(reterr, "more than %d CA files in use", TRUST_MAX);
        return TRUST_FAILED;
    }
    int64_t age_ns = clock_mono_ns() - b->tried_ns;

    if (!b->loading && age_ns > (b->store ? REFRESH_NS : RETRY_NS))
        load(b);
    if (b->store) {
        *ret = b->store;
        return TRUST_READY;
    }
    if (b->loading)
        return TRUST_LOADING;
    err_set(reterr, "%s", b->error.msg);
    return TRUST_FAILED;
}
