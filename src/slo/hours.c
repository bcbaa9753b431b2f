#include "slo/hours.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "base/when.h"
#include "io/zone.h"
#include "model/schedule.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define SECONDS_PER_DAY 86400
#define MINUTES_PER_DAY 1440
#define WEEKDAYS 7
#define ALL_DAYS 0x7f
#define TEXT_MAX 2048
#define ZONE_MAX 128

/* Two clock changes are never this close, and no offset is this large. */
#define NEAR_DAYS 3
#define SEARCH_DAYS 400

static const char *const day_names[WEEKDAYS] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

/* One span of each of the days; `to` is beyond a day's end if it ends on the
 * next. Minutes of the wall clock. */
struct rule {
    uint8_t days; /* bit 0: Monday */
    int from_min, to_min;
};

struct hours {
    int refs; /* atomic */
    struct zone *zone;
    char *text;
    size_t n;
    struct rule rules[HOURS_RULES_MAX];
};

/* ---- words -------------------------------------------------------------------- */

static int find_day(const char *text, size_t n)
{
    for (int i = 0; i < WEEKDAYS; i++)
        if (n == 3 && strncmp(text, day_names[i], 3) == 0)
            return i;
    return -1;
}

static int bad_days(const char *text, struct err *reterr)
{
    return err_set(reterr, "days: expected days like mon-fri or sat,sun; found '%.60s'", text);
}

static int parse_days(const char *text, uint8_t *ret, struct err *reterr)
{
    *ret = 0;
    if (str_eq(text, "daily")) {
        *ret = ALL_DAYS;
        return 0;
    }
    for (const char *p = text;; p++) {
        size_t n = strcspn(p, ",");
        size_t dash = strcspn(p, "-");
        int first = find_day(p, dash < n ? dash : n);
        int last = dash < n ? find_day(p + dash + 1, n - dash - 1) : first;
        if (first < 0 || last < 0)
            return bad_days(text, reterr);
        for (int d = first;; d = (d + 1) % WEEKDAYS) {
            *ret |= (uint8_t)(1u << d);
            if (d == last)
                break;
        }
        p += n;
        if (!*p)
            return 0;
    }
}

/* "08:00" and nothing else; 24:00 if `end`. */
static int parse_clock(const char *key, const char *text, bool end, int *ret, struct err *reterr)
{
    bool form = strlen(text) == 5 && text[2] == ':' && isdigit((unsigned char)text[0]) &&
                isdigit((unsigned char)text[1]) && isdigit((unsigned char)text[3]) &&
                isdigit((unsigned char)text[4]);
    int hour = form ? 10 * (text[0] - '0') + text[1] - '0' : 0;
    int minute = form ? 10 * (text[3] - '0') + text[4] - '0' : 0;
    *ret = 60 * hour + minute;
    if (!form || minute > 59 || *ret > MINUTES_PER_DAY || (*ret == MINUTES_PER_DAY && !end))
        return err_set(reterr, "%s: expected a time from 00:00 to %s; found '%.20s'", key,
                       end ? "24:00" : "23:59", text);
    return 0;
}

static int parse_rule(const struct hours_rule *r, struct rule *ret, struct err *reterr)
{
    if (parse_days(r->days, &ret->days, reterr) < 0 ||
        parse_clock("from", r->from, false, &ret->from_min, reterr) < 0 ||
        parse_clock("to", r->to, true, &ret->to_min, reterr) < 0)
        return -1;
    if (ret->to_min == ret->from_min)
        return err_set(reterr, "to: is the same as from; a whole day is 00:00 to 24:00");
    if (ret->to_min < ret->from_min)
        ret->to_min += MINUTES_PER_DAY;
    return 0;
}

/* "mon-wed,fri": runs of days in the order of the week. */
static void put_days(struct str *s, uint8_t days)
{
    if (days == ALL_DAYS) {
        str_add(s, "daily");
        return;
    }
    bool any = false;
    for (int d = 0; d < WEEKDAYS; d++) {
        int last = d;
        if (!(days >> d & 1))
            continue;
        while (last + 1 < WEEKDAYS && (days >> (last + 1) & 1))
            last++;
        str_addf(s, "%s%s", any ? "," : "", day_names[d]);
        if (last > d)
            str_addf(s, "-%s", day_names[last]);
        any = true;
        d = last;
    }
}

static char *make_text(const struct hours *h, const char *zone)
{
    struct str s;
    str_init(&s, TEXT_MAX);
    str_add(&s, zone);
    for (size_t i = 0; i < h->n; i++) {
        const struct rule *r = &h->rules[i];
        int to = r->to_min > MINUTES_PER_DAY ? r->to_min - MINUTES_PER_DAY : r->to_min;
        str_add(&s, i ? "; " : " ");
        put_days(&s, r->days);
        str_addf(&s, " %02d:%02d-%02d:%02d", r->from_min / 60, r->from_min % 60, to / 60, to % 60);
    }
    assert(!s.overflow);
    char *text = str_detach(&s);
    str_release(&s);
    return text;
}

/* ---- making them ---------------------------------------------------------------- */

static void hours_free(struct hours *h)
{
    zone_free(h->zone);
    free(h->text);
    free(h);
}

static int add_rules(struct hours *h, const struct hours_rule *rules, size_t n, size_t *ret_bad,
                     struct err *reterr)
{
    for (; h->n < n; h->n++) {
        *ret_bad = h->n;
        if (h->n >= HOURS_RULES_MAX)
            return err_set(reterr, "at most %d spans", HOURS_RULES_MAX);
        if (!str_eq(rules[h->n].timezone, rules[0].timezone))
            return err_set(reterr,
                           "timezone: all spans are of one zone: '%.60s' above, here "
                           "'%.60s'",
                           rules[0].timezone, rules[h->n].timezone);
        if (parse_rule(&rules[h->n], &h->rules[h->n], reterr) < 0)
            return -1;
    }
    return 0;
}

int hours_make(const struct hours_rule *rules, size_t n, struct hours **ret, size_t *ret_bad,
               struct err *reterr)
{
    struct hours *h = mem_alloc(sizeof(*h));
    *ret_bad = 0;
    h->refs = 1;
    if (n == 0)
        err_set(reterr, "there is no span");
    if (n == 0 || zone_open(rules[0].timezone, &h->zone, reterr) < 0 ||
        add_rules(h, rules, n, ret_bad, reterr) < 0) {
        hours_free(h);
        return -1;
    }
    h->text = make_text(h, rules[0].timezone);
    *ret = h;
    return 0;
}

const char *hours_text(const struct hours *h)
{
    return h->text;
}

/* The next word of `*p`, which ends before one of `until`. */
static const char *word(char **p, const char *until)
{
    char *start = *p, *end = start + strcspn(start, until);
    *p = *end ? end + 1 : end;
    *end = '\0';
    return start;
}

int hours_parse(const char *text, struct hours **ret, struct err *reterr)
{
    struct hours_rule rules[HOURS_RULES_MAX];
    size_t n = 0, bad;
    mem_auto char *copy = mem_strdup(text);
    char *p = copy;
    const char *zone = word(&p, " ");
    while (*p && n < HOURS_RULES_MAX) {
        struct hours_rule *r = &rules[n++];
        r->timezone = zone;
        p += *p == ' ';
        r->days = word(&p, " ");
        r->from = word(&p, "-");
        r->to = word(&p, ";");
    }
    if (*p)
        return err_set(reterr, "service hours '%.80s': at most %d spans", text, HOURS_RULES_MAX);
    return hours_make(rules, n, ret, &bad, reterr);
}

/* Only readers hold it as const; hours_make() made it. */
static struct hours *own(const struct hours *h)
{
    union {
        const struct hours *read;
        struct hours *own;
    } u = {h};
    return u.own;
}

const struct hours *hours_ref(const struct hours *h)
{
    if (h)
        __atomic_fetch_add(&own(h)->refs, 1, __ATOMIC_RELAXED);
    return h;
}

void hours_unref(const struct hours *h)
{
    if (h && __atomic_fetch_sub(&own(h)->refs, 1, __ATOMIC_ACQ_REL) == 1)
        hours_free(own(h));
}

bool hours_same(const struct hours *a, const struct hours *b)
{
    return a == b || (a && b && str_eq(a->text, b->text));
}

/* ---- spans ------------------------------------------------------------------------ */

/* One open span; false to stop. They come in order and do not touch. */
typedef bool (*span_fn)(void *ctx, int64_t start_us, int64_t end_us);

struct walk {
    const struct hours *h;
    int64_t from_us, to_us;
    int64_t start_us, end_us; /* open so far, not told: more may overlap; empty: nothing */
    span_fn fn;
    void *ctx;
};

static bool tell(struct walk *w)
{
    int64_t start = w->start_us > w->from_us ? w->start_us : w->from_us;
    int64_t end = w->end_us < w->to_us ? w->end_us : w->to_us;
    return start >= end || w->fn(w->ctx, start, end);
}

static bool add_span(struct walk *w, int64_t start_us, int64_t end_us)
{
    if (start_us >= end_us)
        return true;
    if (w->start_us < w->end_us && start_us <= w->end_us) {
        if (end_us > w->end_us)
            w->end_us = end_us;
        return true;
    }
    bool more = tell(w);
    w->start_us = start_us;
    w->end_us = end_us;
    return more;
}

struct open_span {
    int64_t start_us, end_us;
};

/* By start: a rule further down may begin earlier in the day. */
static void insert(struct open_span *list, size_t n, struct open_span s)
{
    for (; n > 0 && list[n - 1].start_us > s.start_us; n--)
        list[n] = list[n - 1];
    list[n] = s;
}

/* The instant of a wall clock `minutes` after the start of a day. */
static int64_t instant(const struct hours *h, int64_t day, int minutes)
{
    /* Day 1 + n of January 1970 is day n of the epoch: fields carry over. */
    struct civil c = {
        1970,         1, (int)(day + 1 + minutes / MINUTES_PER_DAY), minutes % MINUTES_PER_DAY / 60,
        minutes % 60, 0};
    return zone_to_us(h->zone, c);
}

/* Samoa had no 30 December 2011. */
static bool day_exists(const struct hours *h, int64_t day)
{
    struct civil noon = zone_from_us(h->zone, instant(h, day, MINUTES_PER_DAY / 2));
    return when_days_from_civil(noon.year, noon.month, noon.day) == day;
}

/* `offset_s`: of the wall clock from UTC that day and around it; NULL: it
 * changes. */
static bool walk_day(struct walk *w, int64_t day, const int64_t *offset_s)
{
    struct open_span spans[HOURS_RULES_MAX];
    size_t n = 0;
    int weekday = (int)(((day + 3) % WEEKDAYS + WEEKDAYS) % WEEKDAYS); /* 1970: a Thursday */
    if (!offset_s && !day_exists(w->h, day))
        return true;
    for (size_t i = 0; i < w->h->n; i++) {
        const struct rule *r = &w->h->rules[i];
        struct open_span s;
        if (!(r->days >> weekday & 1))
            continue;
        if (offset_s) {
            int64_t midnight_us = (day * SECONDS_PER_DAY - *offset_s) * USEC_PER_SEC;
            s = (struct open_span){midnight_us + r->from_min * USEC_PER_MIN,
                                   midnight_us + r->to_min * USEC_PER_MIN};
        } else {
            s = (struct open_span){instant(w->h, day, r->from_min), instant(w->h, day, r->to_min)};
        }
        insert(spans, n++, s);
    }
    for (size_t i = 0; i < n; i++)
        if (!add_span(w, spans[i].start_us, spans[i].end_us))
            return false;
    return true;
}

/* Days [from, to) of the wall clock. Where the offset does not change, which is
 * nearly everywhere, a day is a few additions. */
static bool walk_days(struct walk *w, int64_t from, int64_t to)
{
    int64_t offset_s;
    bool steady = zone_steady(w->h->zone, (from - NEAR_DAYS) * USEC_PER_DAY,
                              (to + NEAR_DAYS) * USEC_PER_DAY, &offset_s);
    if (!steady && to - from > NEAR_DAYS) {
        int64_t middle = from + (to - from) / 2;
        return walk_days(w, from, middle) && walk_days(w, middle, to);
    }
    for (int64_t day = from; day < to; day++)
        if (!walk_day(w, day, steady ? &offset_s : NULL))
            return false;
    return true;
}

static int64_t day_of(int64_t us)
{
    return us / USEC_PER_DAY - (us % USEC_PER_DAY < 0);
}

/* The open spans of [from, to). */
static void walk(const struct hours *h, int64_t from_us, int64_t to_us, span_fn fn, void *ctx)
{
    struct walk w = {.h = h, .from_us = from_us, .to_us = to_us, .fn = fn, .ctx = ctx};
    /* The wall clock may be a day ahead or behind, and a span may have begun the
     * day before. */
    if (from_us < to_us && walk_days(&w, day_of(from_us) - 2, day_of(to_us) + 2))
        tell(&w);
}

/* ---- slots -------------------------------------------------------------------------- */

struct slots {
    int64_t phase_us, interval_us;
    int64_t n;       /* counted */
    int64_t next_us; /* found */
};

static bool count_span(void *ctx, int64_t start_us, int64_t end_us)
{
    struct slots *s = ctx;
    s->n += schedule_count(s->phase_us, s->interval_us, start_us, end_us);
    return true;
}

static bool find_slot(void *ctx, int64_t start_us, int64_t end_us)
{
    struct slots *s = ctx;
    int64_t slot_us = schedule_next(s->phase_us, s->interval_us, start_us);
    if (slot_us < end_us)
        s->next_us = slot_us;
    return slot_us >= end_us;
}

int64_t hours_count(const struct hours *h, int64_t phase_us, int64_t interval_us, int64_t from_us,
                    int64_t to_us)
{
    struct slots s = {.phase_us = phase_us, .interval_us = interval_us};
    if (!h)
        return schedule_count(phase_us, interval_us, from_us, to_us);
    walk(h, from_us, to_us, count_span, &s);
    return s.n;
}

/* A week is enough, but for rare slots that only summer or winter time puts
 * within. */
int64_t hours_next(const struct hours *h, int64_t phase_us, int64_t interval_us, int64_t t_us)
{
    struct slots s = {.phase_us = phase_us, .interval_us = interval_us, .next_us = INT64_MAX};
    if (!h)
        return schedule_next(phase_us, interval_us, t_us);
    for (int64_t days = 2; s.next_us == INT64_MAX && days < 2 * SEARCH_DAYS; days *= 4)
        walk(h, t_us, t_us + days * USEC_PER_DAY, find_slot, &s);
    return s.next_us;
}

const struct hours_ops hours_ops = {
    .make = hours_make,
    .unref = hours_unref,
    .text = hours_text,
    .next = hours_next,
};
