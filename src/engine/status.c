#include "engine/status.h"

#include "base/clock.h"
#include "base/mem.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>

/* ---- the picture ------------------------------------------------------------ */

struct status *status_new(struct config *config)
{
    struct status *s = mem_alloc(sizeof(*s));

    s->refs = 1;
    histogram_init_lag(&s->scheduler.lag);
    if (!config)
        return s;
    s->config = config_ref(config);
    s->probe_count = config->probe_count;
    s->slo_count = config->slo_count;
    s->probes = arena_alloc(&s->arena, (s->probe_count + 1) * sizeof(*s->probes));
    s->slos = arena_alloc(&s->arena, (s->slo_count + 1) * sizeof(*s->slos));
    for (size_t i = 0; i < s->probe_count; i++) {
        s->probes[i].def = config->probes[i];
        probe_counters_init(&s->probes[i].counters);
    }
    for (size_t i = 0; i < s->slo_count; i++) {
        s->slos[i].def = config->slos[i];
        s->slos[i].state = SLO_NO_DATA;
    }
    return s;
}

const char *status_text(struct status *s, const char *text)
{
    return text && *text ? arena_strdup(&s->arena, text) : NULL;
}

struct status *status_ref(struct status *s)
{
    __atomic_add_fetch(&s->refs, 1, __ATOMIC_RELAXED);
    return s;
}

void status_unref(struct status *s)
{
    if (!s || __atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    if (s->config)
        config_unref(s->config);
    arena_release(&s->arena);
    free(s);
}

/* ---- the board --------------------------------------------------------------- */

void status_board_init(struct status_board *b, void (*ask)(void *ctx), void *ctx)
{
    pthread_condattr_t attr;

    *b = (struct status_board){.ask = ask, .ctx = ctx};
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&b->mutex, NULL);
    pthread_cond_init(&b->published, &attr);
    pthread_condattr_destroy(&attr);
}

void status_board_release(struct status_board *b)
{
    status_unref(b->current);
    b->current = NULL;
    pthread_cond_destroy(&b->published);
    pthread_mutex_destroy(&b->mutex);
}

void status_publish(struct status_board *b, struct status *s)
{
    s->built_mono_ns = clock_mono_ns();
    s->confirmed_mono_ns = s->built_mono_ns;
    pthread_mutex_lock(&b->mutex);
    struct status *old = b->current;
    b->current = s;
    pthread_cond_broadcast(&b->published);
    pthread_mutex_unlock(&b->mutex);
    status_unref(old); /* outside: freeing a large picture takes a while */
}

void status_confirm(struct status_board *b)
{
    pthread_mutex_lock(&b->mutex);
    if (b->current)
        b->current->confirmed_mono_ns = clock_mono_ns();
    pthread_mutex_unlock(&b->mutex);
}

/* A loop that stops, or has not moved for longer than anybody waits, draws no
 * more. */
static bool worth_asking(const struct status_board *b, int64_t now_ns)
{
    const struct status *s = b->current;

    return b->ask && s && !s->stopping && now_ns - s->built_mono_ns > STATUS_FRESH_NS &&
           now_ns - s->confirmed_mono_ns < STATUS_STALE_NS;
}

static void wait_for_another(struct status_board *b, int64_t until_ns)
{
    struct timespec until = {until_ns / 1000000000, until_ns % 1000000000};
    const struct status *old = b->current;

    b->ask(b->ctx);
    while (b->current == old && pthread_cond_timedwait(&b->published, &b->mutex, &until) == 0)
        ;
}

struct status *status_get(struct status_board *b)
{
    int64_t now_ns = clock_mono_ns();

    pthread_mutex_lock(&b->mutex);
    if (worth_asking(b, now_ns))
        wait_for_another(b, now_ns + STATUS_PATIENCE_NS);
    struct status *s = b->current ? status_ref(b->current) : NULL;
    pthread_mutex_unlock(&b->mutex);
    return s;
}

/* ---- judging it ---------------------------------------------------------------- */

static void check_set(struct status_check *c, const char *name, bool ok, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static void check_set(struct status_check *c, const char *name, bool ok, const char *fmt, ...)
{
    va_list ap;

    c->name = name;
    c->ok = ok;
    va_start(ap, fmt);
    vsnprintf(c->detail, sizeof(c->detail), fmt, ap);
    va_end(ap);
}

bool status_alive(const struct status *s, int64_t mono_ns)
{
    return !s || s->stopping || mono_ns - s->confirmed_mono_ns <= STATUS_STALE_NS;
}

static void check_engine(const struct status *s, int64_t mono_ns, struct status_check *c)
{
    if (!s)
        check_set(c, "engine", false, "starting");
    else if (s->stopping)
        check_set(c, "engine", false, "stopping");
    else if (!status_alive(s, mono_ns))
        check_set(c, "engine", false, "the event loop has not moved for %" PRId64 " s",
                  (mono_ns - s->confirmed_mono_ns) / 1000000000);
    else
        check_set(c, "engine", true, "running");
}

static void check_config(const struct status *s, struct status_check *c)
{
    if (!s || !s->config)
        check_set(c, "config", false, "no configuration is loaded");
    else if (!s->reload.last_ok)
        check_set(c, "config", true, "the last reload failed, the earlier configuration is kept");
    else
        check_set(c, "config", true, "%zu probes, %zu SLOs from %zu files", s->probe_count,
                  s->slo_count, s->config->file_count);
}

/* The upkeep that has been failing for too long, or STORE_SLICES. */
static enum store_slice failing_upkeep(const struct status *s)
{
    int k = 0;
    while (k < STORE_SLICES &&
           (!s->store.slices[k].failing_since_us ||
            s->now_us - s->store.slices[k].failing_since_us < STATUS_STORE_PATIENCE_US))
        k++;
    return (enum store_slice)k;
}

static void check_store(const struct status *s, struct status_check *c)
{
    if (!s) {
        check_set(c, "store", false, "not open yet");
        return;
    }
    enum store_slice upkeep = failing_upkeep(s);
    if (s->store.failing_since_us &&
        s->now_us - s->store.failing_since_us >= STATUS_STORE_PATIENCE_US)
        check_set(c, "store", false, "nothing could be committed for %" PRId64 " s: %s",
                  (int64_t)((s->now_us - s->store.failing_since_us) / USEC_PER_SEC),
                  s->store.error);
    else if (upkeep != STORE_SLICES)
        check_set(c, "store", false, "results are stored, but %s has failed for %" PRId64 " s: %s",
                  store_slice_name(upkeep),
                  (int64_t)((s->now_us - s->store.slices[upkeep].failing_since_us) / USEC_PER_SEC),
                  s->store.error);
    else
        check_set(c, "store", true, "%" PRId64 " commits", s->store.commits);
}

static void check_queue(const struct status *s, struct status_check *c)
{
    /* The last tenth is the warning: beyond it slots stop to run. */
    bool full = s && s->store.queue_limit_bytes > 0 &&
                s->store.queued_bytes >= s->store.queue_limit_bytes / 10 * 9;
    check_set(c, "queue", !full, "%" PRId64 " of %" PRId64 " bytes wait to be stored",
              s ? s->store.queued_bytes : 0, s ? s->store.queue_limit_bytes : 0);
}

static void check_lag(const struct status *s, struct status_check *c)
{
    int64_t lag = s ? s->scheduler.lag_max_us : 0;
    check_set(c, "loop_lag", lag <= STATUS_LAG_LIMIT_US, "%" PRId64 " us, limit %d us", lag,
              STATUS_LAG_LIMIT_US);
}

/* A receiver that is down is not this process's failure; no room for items is. */
static void check_notify(const struct status *s, struct status_check *c)
{
    bool full = s && s->notify.pending >= NOTIFY_ITEMS_MAX;
    check_set(c, "notify", !full, "%" PRId64 " pending, %" PRId64 " receivers failing",
              s ? s->notify.pending : 0, s ? s->notify.failing : 0);
}

/* Results are recorded all the same, but a disk that fills up is next. */
static void check_size(const struct status *s, struct status_check *c)
{
    if (s && s->store.oversize)
        check_set(c, "size", false,
                  "the database is over retention.max_size: %" PRId64 " of %" PRId64
                  " bytes, all of them needed",
                  s->store.used_bytes, s->store.max_bytes);
    else if (s && s->store.max_bytes)
        check_set(c, "size", true, "%" PRId64 " of %" PRId64 " bytes", s->store.used_bytes,
                  s->store.max_bytes);
    else
        check_set(c, "size", true, "no limit is set");
}

bool status_checks(const struct status *s, int64_t mono_ns,
                   struct status_check out[static STATUS_CHECKS])
{
    check_engine(s, mono_ns, &out[0]);
    check_config(s, &out[1]);
    check_store(s, &out[2]);
    check_queue(s, &out[3]);
    check_lag(s, &out[4]);
    check_notify(s, &out[5]);
    check_size(s, &out[6]);
    for (size_t i = 0; i < STATUS_CHECKS; i++) {
        if (!out[i].ok)
            return false;
    }
    return true;
}
