#include "demo/history.h"

#include "base/mem.h"
#include "base/units.h"
#include "base/when.h"
#include "model/schedule.h"
#include "nines/result.h"

#include <inttypes.h>
#include <math.h>

#define TIMEOUT_US (5 * USEC_PER_SEC)

/* ---- who is probed ------------------------------------------------------------- */

static const struct profile {
    const char *id;
    double wait_us, sigma; /* time to first byte at the mean hour */
    double transfer_us;
    double daily;  /* how far the day moves it, as a ratio */
    double errors; /* share of runs that fail on any day */
} profiles[] = {
    {"api-health", 2200, 0.50, 60, 0.15, 0.00002},
    {"api-ready", 4000, 0.50, 70, 0.20, 0.00003},
    {"agent-execute", 120000, 0.35, 200, 0.40, 0.00005},
    {"chat-completions", 340000, 0.40, 300, 0.55, 0.00040},
    {"chat-stream", 160000, 0.40, 300000, 0.50, 0.00030},
    {"platform-metrics", 1500, 0.40, 250, 0.10, 0.00001},
};

/* ---- what happened --------------------------------------------------------------- */

#define EVERYBODY "*"

/* `probes` are names, in one string, or EVERYBODY. */
static const struct episode {
    double days_ago, hours;
    const char *probes;
    double share; /* of the runs in it that fail */
    enum reason reason;
    int code;
    double slower; /* factor on the time to first byte; 0: as ever */
} episodes[] = {
    /* a release that broke the agents, rolled back */
    {24.31, 0.28, "agent-execute", 1.0, REASON_STATUS, 500, 0},
    /* the model provider has no capacity */
    {20.55, 2.60, "chat-completions chat-stream", 0.68, REASON_OVERLOADED, 529, 1.6},
    /* redis fails over */
    {17.08, 0.10, "api-ready", 1.0, REASON_STATUS, 503, 0},
    {17.08, 0.10, "agent-execute", 0.6, REASON_STATUS, 503, 1.8},
    /* the provider limits the rate */
    {12.42, 5.00, "chat-completions", 0.38, REASON_RATE_LIMITED, 429, 0},
    /* a proxy cuts long answers */
    {9.70, 2.00, "chat-stream", 0.30, REASON_TRUNCATED, 200, 0},
    /* a missing index: everything that asks the database is slow */
    {6.36, 3.20, "agent-execute chat-completions chat-stream", 0.018, REASON_TTFB_TIMEOUT, 0, 4.5},
    /* the host restarts */
    {4.18, 0.042, EVERYBODY, 1.0, REASON_CONNECT, 0, 0},
};

static const double prober_off_days_ago = 14.77, prober_off_hours = 47 / 60.0;

static bool inside(int64_t slot_us, int64_t end_us, double days_ago, double hours)
{
    double ago = (double)(end_us - slot_us) / (double)USEC_PER_DAY;
    return ago <= days_ago && ago > days_ago - hours / 24;
}

static const struct episode *episode_at(const struct history *h, const struct profile *p)
{
    for (size_t i = 0; i < countof(episodes); i++) {
        const struct episode *e = &episodes[i];
        if ((str_eq(e->probes, EVERYBODY) || strstr(e->probes, p->id)) &&
            inside(h->slot_us, h->end_us, e->days_ago, e->hours))
            return e;
    }
    return NULL;
}

/* ---- one run ------------------------------------------------------------------------ */

struct run {
    enum reason reason;
    int code;
    int64_t connect, send, wait, transfer; /* us */
};

static int64_t phase(struct history *h, double median_us, double sigma)
{
    return 1 + (int64_t)dice_lognormal(&h->dice, median_us, sigma);
}

/* Busiest at 15:00 UTC, quietest at 3:00. */
static double daily_factor(const struct history *h, const struct profile *p)
{
    double day = (double)(h->slot_us % USEC_PER_DAY) / (double)USEC_PER_DAY;
    return 1 + p->daily * sin(2 * M_PI * (day - 0.375));
}

static enum reason choose_failure(struct history *h, const struct profile *p,
                                  const struct episode *e, int *ret_code)
{
    *ret_code = 200;
    if (e && dice_unit(&h->dice) < e->share) {
        *ret_code = e->code;
        return e->reason;
    }
    if (dice_unit(&h->dice) >= p->errors)
        return REASON_NONE;
    *ret_code = dice_unit(&h->dice) < 0.6 ? 502 : 0;
    return *ret_code ? REASON_STATUS : REASON_TTFB_TIMEOUT;
}

/* Errors are fast, timeouts take all the time there is, a refused connection
 * none of it. */
static void shape(struct history *h, const struct profile *p, double wait_us, struct run *r)
{
    r->connect = phase(h, 180, 0.3);
    r->send = phase(h, 25, 0.3);
    r->wait = phase(h, wait_us, p->sigma);
    r->transfer = phase(h, p->transfer_us, 0.25);
    switch (r->reason) {
    case REASON_CONNECT:
        r->send = r->wait = r->transfer = 0;
        break;
    case REASON_TTFB_TIMEOUT:
        r->wait = TIMEOUT_US - r->connect - r->send;
        r->transfer = 0;
        break;
    case REASON_STATUS:
    case REASON_OVERLOADED:
    case REASON_RATE_LIMITED:
        r->wait = phase(h, 6000, 0.4);
        break;
    default:
        break;
    }
}

static void draw_run(struct history *h, const struct profile *p, struct run *r)
{
    const struct episode *e = episode_at(h, p);
    double wait = p->wait_us * daily_factor(h, p) * (e && e->slower > 0 ? e->slower : 1);
    r->reason = choose_failure(h, p, e, &r->code);
    shape(h, p, wait, r);
    int64_t total = r->connect + r->send + r->wait + r->transfer;
    if (total <= TIMEOUT_US)
        return;
    *r = (struct run){
        REASON_TTFB_TIMEOUT, 0, r->connect, r->send, TIMEOUT_US - r->connect - r->send, 0};
}

/* ---- lines --------------------------------------------------------------------------- */

static void put_ms(struct str *out, const char *key, int64_t us)
{
    str_addf(out, "\"%s\":%" PRId64 ".%03d", key, us / 1000, (int)(us % 1000));
}

static void put_line(struct str *out, const char *id, int64_t slot_us, const struct run *r)
{
    char when[WHEN_MAX];
    bool good = r->reason == REASON_NONE;
    str_addf(out, "{\"probe\":\"%s\",\"time\":\"%s\",\"outcome\":\"%s\",", id,
             when_text(when, slot_us), good ? "good" : "bad");
    if (!good)
        str_addf(out, "\"reason\":\"%s\",", reason_name(r->reason));
    if (r->code)
        str_addf(out, "\"code\":%d,", r->code);
    put_ms(out, "latency_ms", r->connect + r->send + r->wait + r->transfer);
    str_add(out, ",\"phases_ms\":{");
    put_ms(out, "connect", r->connect);
    str_addc(out, ',');
    put_ms(out, "send", r->send);
    str_addc(out, ',');
    put_ms(out, "wait", r->wait);
    str_addc(out, ',');
    put_ms(out, "transfer", r->transfer);
    str_add(out, "}}\n");
}

/* ---- the walk ------------------------------------------------------------------------ */

static bool prober_off(const struct history *h)
{
    return inside(h->slot_us, h->end_us, prober_off_days_ago, prober_off_hours);
}

static void first_slot(struct history *h)
{
    if (h->probe == countof(profiles))
        return;
    int64_t phase_us = schedule_phase(profiles[h->probe].id, HISTORY_INTERVAL_US);
    h->slot_us = schedule_next(phase_us, HISTORY_INTERVAL_US, h->start_us);
}

/* To the next slot that has a line; the probe index runs out at the end. */
static void settle(struct history *h)
{
    while (h->probe < countof(profiles)) {
        while (h->slot_us < h->end_us && prober_off(h))
            h->slot_us += HISTORY_INTERVAL_US;
        if (h->slot_us < h->end_us)
            return;
        h->probe++;
        first_slot(h);
    }
}

static int64_t count(const struct history *h)
{
    struct history walk = *h;
    int64_t n = 0;
    while (walk.probe < countof(profiles)) {
        n++;
        walk.slot_us += HISTORY_INTERVAL_US;
        settle(&walk);
    }
    return n;
}

void history_init(struct history *h, int64_t end_us, int days, uint64_t seed)
{
    *h = (struct history){
        .dice = {seed},
        .end_us = end_us,
        .start_us = end_us - days * USEC_PER_DAY - USEC_PER_HOUR,
    };
    first_slot(h);
    settle(h);
    h->total = count(h);
}

int history_line(struct history *h, struct str *out)
{
    if (h->probe == countof(profiles))
        return 0;
    struct run r;
    draw_run(h, &profiles[h->probe], &r);
    put_line(out, profiles[h->probe].id, h->slot_us, &r);
    h->slot_us += HISTORY_INTERVAL_US;
    settle(h);
    return 1;
}
