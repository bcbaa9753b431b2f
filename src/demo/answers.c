#include "demo/answers.h"

#include "base/mem.h"
#include "base/units.h"
#include "base/when.h"
#include "demo/history.h"
#include "model/schedule.h"
#include "nines/answer.h"
#include "nines/result.h"

#include <inttypes.h>
#include <math.h>

#define TIMEOUT_US (60 * USEC_PER_SEC)
#define IDLE_US (15 * USEC_PER_SEC)
#define GROWN_MAX 200 /* its max_tokens */

/* ---- who is asked ---------------------------------------------------------------- */

static const struct profile {
    const char *id;
    double head_us, think_us; /* to the headers; from there to the first token */
    double token_us;          /* from one to the next */
    double sigma, daily;
    int64_t tokens_in, tokens_out; /* 0: it does not tell */
    int64_t pieces;                /* of an answer */
    int64_t price_in, price_out;   /* of one token; 0: not known. As in demo/files.c */
    int64_t cap;                   /* of a day; 0: none */
    double errors;
} profiles[] = {
    {"chat-answers", 45000, 210000, 12500, 0.40, 0.45, 12, 23, 23, 150000, 600000, 0, 0.0006},
    {"support-messages", 60000, 380000, 16000, 0.35, 0.35, 12, 23, 23, 3000000, 15000000,
     600000000000, 0.0005},
    {"coder-events", 40000, 160000, 12400, 0.40, 0.30, 24, 23, 23, 0, 0, 0, 0.0008},
    {"search-tool", 42000, 130000, 12300, 0.45, 0.20, 0, 0, 1, 0, 0, 0, 0.0003},
    {"researcher-tasks", 43000, 150000, 12400, 0.40, 0.30, 0, 0, 23, 0, 0, 0, 0.0004},
};

/* ---- what happened ----------------------------------------------------------------- */

enum trouble { SLOW_TOKEN, STALL, CUT, ERROR_EVENT, OVERLOADED, SILENT, GROWN, DOWN };

static const struct episode {
    double days_ago, hours;
    const char *probe; /* or a part of its name; "": everybody */
    double share;      /* of the runs that it hits */
    enum trouble trouble;
} episodes[] = {
    {26.41, 5.00, "chat-answers", 1.0, SLOW_TOKEN},  /* a model of half the speed */
    {20.55, 2.60, "chat-answers", 0.68, OVERLOADED}, /* the provider has no capacity */
    {15.92, 1.50, "chat-answers", 0.35, SILENT},     /* it thinks, and says nothing */
    {11.23, 4.00, "support-messages", 0.40, STALL},  /* a worker that is out of memory */
    {8.65, 3.00, "coder-events", 0.45, CUT},         /* a proxy cuts long answers */
    {5.34, 1.50, "chat-answers", 0.50, ERROR_EVENT}, /* a 200, and an error inside */
    {3.60, 40.0, "support-messages", 1.0, GROWN},    /* nobody asked for such long answers */
    {4.18, 0.10, "", 1.0, DOWN},                     /* the host restarts */
};

static const double prober_off_days_ago = 14.77, prober_off_hours = 47 / 60.0;

static bool inside(const struct answers *a, double days_ago, double hours)
{
    double ago = (double)(a->end_us - a->slot_us) / (double)USEC_PER_DAY;
    return ago <= days_ago && ago > days_ago - hours / 24;
}

/* The one that hits this run, or NULL. */
static const struct episode *episode_at(struct answers *a, const struct profile *p)
{
    for (size_t i = 0; i < countof(episodes); i++) {
        const struct episode *e = &episodes[i];
        if (strstr(p->id, e->probe) && inside(a, e->days_ago, e->hours))
            return dice_unit(&a->dice) < e->share ? e : NULL;
    }
    return NULL;
}

/* ---- one run ------------------------------------------------------------------------- */

struct run {
    enum outcome outcome;
    enum reason reason;
    int code;
    int64_t connect, send, wait, total; /* us */
    struct answer answer;
    bool sent, unknown; /* what it came to is not known */
};

static int64_t phase(struct answers *a, double median_us, double sigma)
{
    return 1 + (int64_t)dice_lognormal(&a->dice, median_us, sigma);
}

/* Busiest at 15:00 UTC, quietest at 3:00. */
static double daily_factor(const struct answers *a, const struct profile *p)
{
    double day = (double)(a->slot_us % USEC_PER_DAY) / (double)USEC_PER_DAY;
    return 1 + p->daily * sin(2 * M_PI * (day - 0.375));
}

/* `pieces` of an answer one after the other; the largest gap is the longest of them. */
static void stream_pieces(struct answers *a, const struct profile *p, int64_t pieces,
                          int64_t stall_us, struct run *r)
{
    struct answer *w = &r->answer;
    int64_t at = w->first_token_us;
    for (int64_t i = 1; i < pieces; i++) {
        int64_t gap = phase(a, p->token_us, 0.12) + (i == pieces / 2 ? stall_us : 0);
        at += gap;
        if (gap > w->gap_us)
            w->gap_us = (uint32_t)gap;
    }
    w->events += (uint32_t)pieces;
    w->last_token_us = w->last_event_us = (uint32_t)at;
    r->total = at;
}

static void bad(struct run *r, enum reason reason, int code)
{
    r->outcome = OUTCOME_BAD;
    r->reason = reason;
    r->code = code;
}

/* Ends after its first line: nothing of an answer came. */
static void no_answer(struct run *r, enum reason reason, int code, int64_t at_us)
{
    bad(r, reason, code);
    r->total = at_us;
    r->unknown = reason != REASON_CONNECT;
    r->answer = (struct answer){.headers_us = code ? (uint32_t)at_us : 0};
}

static void whole(struct answers *a, const struct profile *p, const struct episode *e,
                  struct run *r)
{
    struct answer *w = &r->answer;
    int64_t out = p->tokens_out, pieces = p->pieces;
    int64_t stall = e && e->trouble == STALL ? phase(a, 3.5e6, 0.5) : 0;
    if (e && e->trouble == GROWN) {
        out += dice_poisson(&a->dice, 170);
        out = pieces = out < GROWN_MAX ? out : GROWN_MAX;
    }
    w->flags = ANSWER_STREAMED | ANSWER_ENDED;
    stream_pieces(a, p, pieces, stall < IDLE_US ? stall : IDLE_US - 1, r);
    w->events += 2; /* how it ended, and what it used */
    w->last_event_us = (uint32_t)(w->last_token_us + 12000);
    r->total = w->last_event_us + phase(a, 80, 0.3);
    w->tokens_in = (int32_t)(p->tokens_in ? p->tokens_in : -1);
    w->tokens_out = (int32_t)(p->tokens_out ? out : -1);
    r->unknown = p->tokens_in == 0;
}

static void broken(struct answers *a, const struct profile *p, const struct episode *e,
                   struct run *r)
{
    struct answer *w = &r->answer;
    stream_pieces(a, p, p->pieces / 2 + 1, 0, r);
    r->unknown = true;
    w->flags = ANSWER_STREAMED | (e->trouble == CUT ? ANSWER_CUT : ANSWER_ERROR);
    bad(r, e->trouble == CUT ? REASON_SSE_TRUNCATED : REASON_ANSWER_ERROR, 200);
    w->events += e->trouble == ERROR_EVENT;
    r->total += phase(a, 12000, 0.1);
    if (e->trouble == ERROR_EVENT)
        w->last_event_us = (uint32_t)r->total;
}

static void silent(struct run *r)
{
    struct answer *w = &r->answer;
    bad(r, REASON_ANSWER, 200);
    w->flags |= ANSWER_REASONED;
    w->first_token_us = w->last_token_us = 0;
}

/* Errors are fast, a refused connection takes no time at all. */
static void draw(struct answers *a, const struct profile *p, struct run *r)
{
    const struct episode *e = episode_at(a, p);
    double slow = daily_factor(a, p) * (e && e->trouble == SLOW_TOKEN ? 4.2 : 1);
    bool stray = dice_unit(&a->dice) < p->errors;
    *r = (struct run){.outcome = OUTCOME_GOOD, .code = 200, .sent = true};
    r->connect = phase(a, 180, 0.3);
    r->send = phase(a, 30, 0.3);
    r->wait = phase(a, p->head_us, 0.3);
    int64_t head = r->connect + r->send + r->wait;
    int64_t first = head + phase(a, p->think_us * slow, p->sigma);
    r->answer = (struct answer){.headers_us = (uint32_t)head,
                                .first_event_us = (uint32_t)head,
                                .first_token_us = (uint32_t)first,
                                .events = 1};
    if (e && e->trouble == DOWN) {
        r->send = r->wait = 0;
        no_answer(r, REASON_CONNECT, 0, r->connect);
    } else if (e && e->trouble == OVERLOADED) {
        no_answer(r, REASON_OVERLOADED, 503, head);
    } else if (stray) {
        no_answer(r, REASON_STATUS, 502, head);
    } else if (e && (e->trouble == CUT || e->trouble == ERROR_EVENT)) {
        broken(a, p, e, r);
    } else {
        whole(a, p, e, r);
        if (e && e->trouble == SILENT)
            silent(r);
    }
}

/* What it cost; and what a probe may cost in a day, as `spend` has it. */
static bool settle_cost(struct answers *a, const struct profile *p, struct run *r)
{
    struct answer *w = &r->answer;
    int64_t day = a->slot_us / USEC_PER_DAY;
    if (day != a->day)
        a->spent = 0;
    a->day = day;
    if (p->cap && a->spent + a->dearest > p->cap)
        return false;
    if (r->unknown)
        w->tokens_in = w->tokens_out = -1;
    w->tokens_cached = w->tokens_reasoning = -1;
    w->cost = -1;
    if (r->reason == REASON_CONNECT)
        w->cost = 0;
    else if (p->price_in && !r->unknown)
        w->cost = w->tokens_in * p->price_in + w->tokens_out * p->price_out;
    if (w->cost > a->dearest)
        a->dearest = w->cost;
    a->spent += w->cost < 0 ? a->dearest : w->cost;
    return true;
}

/* ---- lines --------------------------------------------------------------------------- */

static void put_ms(struct str *out, const char *key, int64_t us)
{
    str_addf(out, "\"%s\":%" PRId64 ".%03d", key, us / 1000, (int)(us % 1000));
}

static void put_time(struct str *out, const char *key, uint32_t us)
{
    if (us == 0)
        return;
    put_ms(out, key, us);
    str_addc(out, ',');
}

static void put_count(struct str *out, const char *key, int32_t n)
{
    if (n >= 0)
        str_addf(out, "\"%s\":%" PRId32 ",", key, n);
}

/* Without the zeros at its end. */
static void put_cost(struct str *out, int64_t cost)
{
    char text[32];
    if (cost < 0)
        return;
    snprintf(text, sizeof(text), "%lld.%012lld", cost / COST_ONE, cost % COST_ONE);
    size_t n = strlen(text);
    while (text[n - 1] == '0')
        text[--n] = '\0';
    if (text[n - 1] == '.')
        text[--n] = '\0';
    str_addf(out, "\"cost\":\"%s\",", text);
}

static void put_flags(struct str *out, uint32_t flags)
{
    static const struct {
        uint32_t bit;
        const char *name;
    } names[] = {{ANSWER_STREAMED, "streamed"},
                 {ANSWER_ENDED, "ended"},
                 {ANSWER_CUT, "cut"},
                 {ANSWER_ERROR, "error"},
                 {ANSWER_REASONED, "reasoned"}};
    const char *comma = "";
    str_add(out, "\"flags\":[");
    for (size_t i = 0; i < countof(names); i++) {
        if (!(flags & names[i].bit))
            continue;
        str_addf(out, "%s\"%s\"", comma, names[i].name);
        comma = ",";
    }
    str_add(out, "]");
}

static void put_answer(struct str *out, const struct answer *w)
{
    str_add(out, ",\"answer\":{");
    put_time(out, "headers_ms", w->headers_us);
    put_time(out, "first_event_ms", w->first_event_us);
    put_time(out, "first_token_ms", w->first_token_us);
    put_time(out, "last_token_ms", w->last_token_us);
    put_time(out, "last_event_ms", w->last_event_us);
    put_time(out, "gap_ms", w->gap_us);
    str_addf(out, "\"events\":%" PRIu32 ",", w->events);
    put_count(out, "tokens_in", w->tokens_in);
    put_count(out, "tokens_out", w->tokens_out);
    put_cost(out, w->cost);
    put_flags(out, w->flags);
    str_addc(out, '}');
}

static void put_line(struct str *out, const char *id, int64_t slot_us, const struct run *r)
{
    char when[WHEN_MAX];
    str_addf(out, "{\"probe\":\"%s\",\"time\":\"%s\",\"outcome\":\"%s\",", id,
             when_text(when, slot_us), outcome_name(r->outcome));
    if (r->reason)
        str_addf(out, "\"reason\":\"%s\",", reason_name(r->reason));
    if (r->code)
        str_addf(out, "\"code\":%d,", r->code);
    put_ms(out, "latency_ms", r->total);
    if (!r->sent) {
        str_add(out, "}\n");
        return;
    }
    str_add(out, ",\"phases_ms\":{");
    put_ms(out, "connect", r->connect);
    str_addc(out, ',');
    put_ms(out, "send", r->send);
    str_addc(out, ',');
    put_ms(out, "wait", r->wait);
    str_addc(out, ',');
    put_ms(out, "transfer", r->total - r->connect - r->send - r->wait);
    str_addc(out, '}');
    put_answer(out, &r->answer);
    str_add(out, "}\n");
}

/* ---- the walk -------------------------------------------------------------------------- */

static void first_slot(struct answers *a)
{
    if (a->probe == countof(profiles))
        return;
    int64_t phase_us = schedule_phase(profiles[a->probe].id, ANSWERS_INTERVAL_US);
    a->slot_us = schedule_next(phase_us, ANSWERS_INTERVAL_US, a->start_us);
    a->spent = a->dearest = 0;
}

/* To the next slot that has a line; the probe index runs out at the end. */
static void settle(struct answers *a)
{
    while (a->probe < countof(profiles)) {
        while (a->slot_us < a->end_us && inside(a, prober_off_days_ago, prober_off_hours))
            a->slot_us += ANSWERS_INTERVAL_US;
        if (a->slot_us < a->end_us)
            return;
        a->probe++;
        first_slot(a);
    }
}

static int64_t count(const struct answers *a)
{
    struct answers walk = *a;
    int64_t n = 0;
    while (walk.probe < countof(profiles)) {
        n++;
        walk.slot_us += ANSWERS_INTERVAL_US;
        settle(&walk);
    }
    return n;
}

void answers_init(struct answers *a, int64_t end_us, int days, uint64_t seed)
{
    *a = (struct answers){
        .dice = {seed},
        .end_us = end_us,
        .start_us = end_us - days * USEC_PER_DAY - USEC_PER_HOUR,
    };
    first_slot(a);
    settle(a);
    a->total = count(a);
}

int answers_line(struct answers *a, struct str *out)
{
    if (a->probe == countof(profiles))
        return 0;
    const struct profile *p = &profiles[a->probe];
    struct run r;
    draw(a, p, &r);
    if (!settle_cost(a, p, &r))
        r = (struct run){.outcome = OUTCOME_EXCLUDED, .reason = REASON_SPEND_CAP};
    put_line(out, p->id, a->slot_us, &r);
    a->slot_us += ANSWERS_INTERVAL_US;
    settle(a);
    return 1;
}
