#include "model/spend.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/table.h"
#include "base/units.h"
#include "base/vec.h"
#include "base/when.h"
#include "base/wide.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define KEPT 3
#define CURRENCY_MAX 16
#define AMOUNT_MAX 64

/* Of one hour or day. Wide enough for any number of runs. */
struct period {
    int64_t number; /* hours or days since the epoch */
    uint64_t touched;
    int128 tokens, cost;           /* spent */
    int128 held_tokens, held_cost; /* by runs in flight */
};

enum span { SPAN_HOUR, SPAN_DAY, SPANS };

struct ledger {
    struct period at[SPANS][KEPT];
};

struct spend_account {
    char *id;
    struct ledger ledger;
    int64_t most_tokens, most_cost; /* that a run used */
};

struct spend {
    struct ledger all;
    struct spend_caps caps;
    char currency[CURRENCY_MAX];
    struct table by_id;
    VEC(struct spend_account *) accounts;
    uint64_t touches;
    size_t in_flight;
};

struct spend *spend_new(void)
{
    return mem_alloc(sizeof(struct spend));
}

void spend_free(struct spend *s)
{
    if (!s)
        return;
    assert(!s->in_flight);
    table_release(&s->by_id);
    for (size_t i = 0; i < s->accounts.len; i++) {
        free(s->accounts.at[i]->id);
        free(s->accounts.at[i]);
    }
    vec_release(&s->accounts);
    free(s);
}

void spend_limit(struct spend *s, const struct spend_caps *caps, const char *currency)
{
    s->caps = *caps;
    str_copy(s->currency, sizeof(s->currency), currency ? currency : "");
}

const struct spend_caps *spend_caps(const struct spend *s)
{
    return &s->caps;
}

struct spend_account *spend_account(struct spend *s, const char *id)
{
    struct spend_account *a = table_get(&s->by_id, id);
    if (a)
        return a;
    a = mem_alloc(sizeof(*a));
    a->id = mem_strdup(id);
    vec_push(&s->accounts, a);
    table_set(&s->by_id, a->id, a);
    return a;
}

void spend_rename(struct spend *s, const char *from, const char *to)
{
    struct spend_account *a = table_get(&s->by_id, from);
    if (!a || table_get(&s->by_id, to))
        return;
    table_remove(&s->by_id, from);
    free(a->id);
    a->id = mem_strdup(to);
    table_set(&s->by_id, a->id, a);
}

/* ---- what a run costs -------------------------------------------------------------- */

static int64_t narrow(int128 n)
{
    assert(n >= 0);
    return n > INT64_MAX ? INT64_MAX : (int64_t)n;
}

int64_t spend_cost(const struct price *p, int64_t in, int64_t out, int64_t cached)
{
    bool free_of_charge = p && !p->in && !p->cached && !p->out;
    if (free_of_charge)
        return 0;
    if (!p || in < 0 || out < 0)
        return -1;
    int64_t known = cached < 0 ? 0 : cached < in ? cached : in;
    return narrow((int128)(in - known) * p->in + (int128)known * p->cached + (int128)out * p->out);
}

struct spend_taken spend_worst(const struct spend_account *a, const struct price *p, int64_t in,
                               int64_t out, int64_t at_us)
{
    assert(in >= 0 && out >= 0);
    int128 more = (a ? (int128)a->most_tokens : 0) - in - out, cost = 0;
    if (more < 0)
        more = 0;
    if (p) {
        int64_t input = p->in > p->cached ? p->in : p->cached;
        int64_t dearest = input > p->out ? input : p->out;
        cost = (int128)in * input + (int128)out * p->out + more * dearest;
    }
    if (a && cost < a->most_cost)
        cost = a->most_cost;
    return (struct spend_taken){narrow((int128)in + out + more), narrow(cost), at_us};
}

/* ---- hours and days -------------------------------------------------------------------- */

static int64_t span_us(enum span span)
{
    return span == SPAN_HOUR ? USEC_PER_HOUR : USEC_PER_DAY;
}

/* Its index; KEPT: it is not there. */
static size_t find(const struct ledger *l, enum span span, int64_t at_us)
{
    size_t i = 0;
    while (i < KEPT && (!l->at[span][i].touched || l->at[span][i].number != at_us / span_us(span)))
        i++;
    return i;
}

/* The one of `at_us`; a new one takes the place of that which was used longest ago. */
static struct period *touch(struct spend *s, struct ledger *l, enum span span, int64_t at_us)
{
    struct period *all = l->at[span];
    size_t i = find(l, span, at_us);
    if (i == KEPT) {
        i = 0;
        for (size_t j = 1; j < KEPT; j++)
            if (all[j].touched < all[i].touched)
                i = j;
        all[i] = (struct period){.number = at_us / span_us(span)};
    }
    all[i].touched = ++s->touches;
    return &all[i];
}

void spend_take(struct spend *s, struct spend_account *a, const struct spend_taken *t)
{
    assert(t->tokens >= 0 && t->cost >= 0 && t->at_us >= 0);
    struct ledger *ledgers[] = {&a->ledger, &s->all};
    for (size_t i = 0; i < countof(ledgers); i++) {
        for (enum span span = 0; span < SPANS; span++) {
            struct period *p = touch(s, ledgers[i], span, t->at_us);
            p->held_tokens += t->tokens;
            p->held_cost += t->cost;
        }
    }
    s->in_flight++;
}

/* An hour that was forgotten and began anew holds nothing for runs from before. */
static void give_back(int128 *held, int64_t taken)
{
    *held = *held > taken ? *held - taken : 0;
}

void spend_settle(struct spend *s, struct spend_account *a, const struct spend_taken *t,
                  int64_t tokens, int64_t cost)
{
    assert(s->in_flight);
    struct ledger *ledgers[] = {&a->ledger, &s->all};
    for (size_t i = 0; i < countof(ledgers); i++) {
        for (enum span span = 0; span < SPANS; span++) {
            struct period *p = touch(s, ledgers[i], span, t->at_us);
            give_back(&p->held_tokens, t->tokens);
            give_back(&p->held_cost, t->cost);
            p->tokens += tokens < 0 ? t->tokens : tokens;
            p->cost += cost < 0 ? t->cost : cost;
        }
    }
    if (tokens > a->most_tokens)
        a->most_tokens = tokens;
    if (cost > a->most_cost)
        a->most_cost = cost;
    s->in_flight--;
}

void spend_restore(struct spend *s, struct spend_account *a, int64_t at_us, int64_t tokens_hour,
                   int64_t tokens_day, int64_t cost_hour, int64_t cost_day)
{
    struct ledger *ledgers[] = {&a->ledger, &s->all};
    for (size_t i = 0; i < countof(ledgers); i++) {
        struct period *hour = touch(s, ledgers[i], SPAN_HOUR, at_us);
        struct period *day = touch(s, ledgers[i], SPAN_DAY, at_us);
        hour->tokens += tokens_hour;
        hour->cost += cost_hour;
        day->tokens += tokens_day;
        day->cost += cost_day;
    }
}

static struct period seen(const struct ledger *l, enum span span, int64_t at_us)
{
    size_t i = find(l, span, at_us);
    return i < KEPT ? l->at[span][i] : (struct period){0};
}

void spend_now(const struct spend *s, const struct spend_account *a, int64_t at_us,
               struct spend_caps *ret)
{
    const struct ledger *l = a ? &a->ledger : &s->all;
    struct period hour = seen(l, SPAN_HOUR, at_us), day = seen(l, SPAN_DAY, at_us);
    *ret = (struct spend_caps){
        .tokens_hour = narrow(hour.tokens + hour.held_tokens),
        .tokens_day = narrow(day.tokens + day.held_tokens),
        .cost_hour = narrow(hour.cost + hour.held_cost),
        .cost_day = narrow(day.cost + day.held_cost),
    };
}

/* ---- refusing ------------------------------------------------------------------------------ */

/* One cap, and what is in its way. */
struct limit {
    enum span span;
    bool money, all;
    int64_t cap, need;
    int128 spent, held;
};

static bool exceeded(const struct limit *l)
{
    return l->cap && l->spent + l->held + l->need > l->cap;
}

/* When it may be over: a run that is too large for it alone is refused for ever. */
static int64_t until(const struct limit *l, int64_t at_us)
{
    int64_t length = span_us(l->span);
    return l->need > l->cap ? INT64_MAX : (at_us / length + 1) * length;
}

static void add_limits(const struct ledger *ledger, const struct spend_caps *caps, bool all,
                       const struct spend_taken *t, const struct limit **worst, struct limit *next)
{
    for (enum span span = 0; span < SPANS; span++) {
        struct period p = seen(ledger, span, t->at_us);
        int64_t tokens = span == SPAN_HOUR ? caps->tokens_hour : caps->tokens_day;
        int64_t cost = span == SPAN_HOUR ? caps->cost_hour : caps->cost_day;
        next[0] = (struct limit){span, false, all, tokens, t->tokens, p.tokens, p.held_tokens};
        next[1] = (struct limit){span, true, all, cost, t->cost, p.cost, p.held_cost};
        for (size_t i = 0; i < 2; i++)
            if (exceeded(&next[i]) &&
                (!*worst || until(&next[i], t->at_us) > until(*worst, t->at_us)))
                *worst = &next[i];
        next += 2;
    }
}

/* "1,234,567" */
static const char *grouped(char buf[static AMOUNT_MAX], int64_t n)
{
    char digits[24];
    size_t len = (size_t)snprintf(digits, sizeof(digits), "%lld", (long long)n), out = 0;
    for (size_t i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0)
            buf[out++] = ',';
        buf[out++] = digits[i];
    }
    buf[out] = '\0';
    return buf;
}

/* "1,024" or "0.50 USD"; `more`: of what there is a lot. */
static const char *amount(char buf[static AMOUNT_MAX], const struct spend *s, bool money, int128 n)
{
    char text[UNITS_MAX];
    if (!money)
        return grouped(buf, narrow(n));
    struct decimal d = decimal_lowest((struct decimal){narrow(n), 12});
    snprintf(buf, AMOUNT_MAX, "%s%s%s", decimal_text(text, d), *s->currency ? " " : "",
             s->currency);
    return buf;
}

static void describe(const struct spend *s, const struct limit *l, int64_t at_us, char *buf,
                     size_t size)
{
    char cap[AMOUNT_MAX], need[AMOUNT_MAX], spent[AMOUNT_MAX], held[AMOUNT_MAX], when[WHEN_MAX];
    const char *unit = l->money ? "" : " tokens";
    const char *every = l->span == SPAN_HOUR ? "an hour" : "a day";
    const char *whose = l->all ? "all probes" : "this probe";
    amount(cap, s, l->money, l->cap);
    amount(need, s, l->money, l->need);
    if (l->need > l->cap) {
        snprintf(buf, size, "a run may come to %s%s, and %s %s are for %s", need, unit, cap, every,
                 whose);
        return;
    }
    when_text(when, until(l, at_us));
    snprintf(
        buf, size,
        "not sent until %.5s UTC%s: %s of %s%s %s of %s are spent%s%s%s, and a run may come to "
        "%s",
        when + 11, l->held ? " at the latest" : "", amount(spent, s, l->money, l->spent), cap, unit,
        every, whose, l->held ? ", " : "", l->held ? amount(held, s, l->money, l->held) : "",
        l->held ? " are in flight" : "", need);
}

const char *spend_refuses(const struct spend *s, const struct spend_account *a,
                          const struct spend_caps *caps, const struct spend_taken *t, char *buf,
                          size_t size)
{
    struct limit limits[2 * 2 * SPANS];
    const struct limit *worst = NULL;
    add_limits(&a->ledger, caps, false, t, &worst, limits);
    add_limits(&s->all, &s->caps, true, t, &worst, limits + 2 * SPANS);
    if (!worst)
        return NULL;
    describe(s, worst, t->at_us, buf, size);
    return buf;
}
