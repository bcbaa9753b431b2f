/* Time intervals: when routes are mute or active. */
#include "config/routing.h"

#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MINUTES_OF_DAY (24 * 60)
#define YEAR_MAX 9999

/* ---- ranges ------------------------------------------------------------------------------ */

/* What a list of ranges is made of: names for 0 (or `from`), 1, ...; numbers, or both. */
struct unit {
    const char *key, *example;
    const char *const *names;
    int first; /* the number of names[0] */
    bool numbers;
    int min, max;
};

static const char *const day_names[] = {"sunday",   "monday", "tuesday",  "wednesday",
                                        "thursday", "friday", "saturday", NULL};
static const char *const month_names[] = {"january",  "february", "march",  "april",     "may",
                                          "june",     "july",     "august", "september", "october",
                                          "november", "december", NULL};

static const struct unit weekdays = {"weekdays", "'monday:friday' or 'sunday'", day_names, 0,
                                     false};
static const struct unit days = {"days_of_month", "'1:5', '15' or '-3:-1'", NULL, 0, true, -31, 31};
static const struct unit months = {"months", "'january:march' or '6'", month_names, 1, true, 1, 12};
static const struct unit years = {"years", "'2026:2028' or '2027'", NULL, 0, true, 0, YEAR_MAX};

static int parse_number(const char *s, size_t n, int *ret)
{
    bool minus = n > 0 && *s == '-';
    int v = 0;
    s += minus;
    n -= minus;
    if (n == 0 || n > 5 || strspn(s, "0123456789") < n)
        return -1;
    for (size_t i = 0; i < n; i++)
        v = v * 10 + (s[i] - '0');
    *ret = minus ? -v : v;
    return 0;
}

static int parse_member(const struct unit *u, const char *s, size_t n, int *ret)
{
    for (int i = 0; u->names && u->names[i]; i++) {
        if (strlen(u->names[i]) == n && strncasecmp(u->names[i], s, n) == 0) {
            *ret = u->first + i;
            return 0;
        }
    }
    if (!u->numbers || parse_number(s, n, ret) < 0)
        return -1;
    return *ret >= u->min && *ret <= u->max && (*ret != 0 || u->min >= 0) ? 0 : -1;
}

/* As in the shortest February, where a day counted from the end may come before one
 * counted from the start. */
static bool is_backwards(const struct unit *u, struct time_range_def r)
{
    if (u != &days)
        return r.from > r.to;
    int from = r.from < 0 ? 28 + r.from : r.from, to = r.to < 0 ? 28 + r.to : r.to;
    return (r.from < 0 && r.to > 0) || from > to;
}

static void decode_range(struct decode *c, const struct node *n, const struct unit *u,
                         struct time_range_def *out)
{
    char found[FOUND_MAX];
    const char *text = n->kind == NODE_SCALAR ? n->text : "";
    const char *colon = strchr(text, ':');
    size_t len = colon ? (size_t)(colon - text) : strlen(text);
    struct time_range_def r = {0};
    int rc = parse_member(u, text, len, &r.from);
    r.to = r.from;
    if (rc == 0 && colon)
        rc = parse_member(u, colon + 1, strlen(colon + 1), &r.to);
    if (rc < 0)
        decode_error(c, n->pos, "%s: expected %s; found %s", u->key, u->example,
                     decode_found(n, found));
    else if (is_backwards(u, r))
        decode_error(c, n->pos, "%s: the end of %s comes before its start", u->key,
                     decode_found(n, found));
    else
        *out = r;
}

static struct time_ranges *room_for(struct decode *c, const struct node *n, const char *key,
                                    struct time_ranges *out)
{
    char found[FOUND_MAX];
    if (n->kind != NODE_SEQ || n->n > INTERVAL_RANGES_MAX) {
        decode_error(c, n->pos, "%s: expected a list of at most %d ranges; found %s", key,
                     INTERVAL_RANGES_MAX, n->kind == NODE_SEQ ? "more" : decode_found(n, found));
        return NULL;
    }
    out->at = arena_alloc(c->arena, (n->n + 1) * sizeof(*out->at));
    out->n = n->n;
    return out;
}

static void decode_ranges(struct decode *c, const struct node *n, const struct unit *u,
                          struct time_ranges *out)
{
    if (!room_for(c, n, u->key, out))
        return;
    for (size_t i = 0; i < n->n; i++)
        decode_range(c, n->items[i], u, &out->at[i]);
}

static void decode_weekdays(struct decode *c, const struct node *n, void *out)
{
    decode_ranges(c, n, &weekdays, out);
}

static void decode_days(struct decode *c, const struct node *n, void *out)
{
    decode_ranges(c, n, &days, out);
}

static void decode_months(struct decode *c, const struct node *n, void *out)
{
    decode_ranges(c, n, &months, out);
}

static void decode_years(struct decode *c, const struct node *n, void *out)
{
    decode_ranges(c, n, &years, out);
}

/* ---- times of day ------------------------------------------------------------------------ */

static void decode_minute(struct decode *c, const struct node *n, void *out)
{
    char found[FOUND_MAX];
    const char *s = n->kind == NODE_SCALAR ? n->text : "";
    int hour, minute, *to = out;
    if (strlen(s) == 5 && s[2] == ':' && parse_number(s, 2, &hour) == 0 &&
        parse_number(s + 3, 2, &minute) == 0 && hour >= 0 && minute >= 0 && minute < 60 &&
        60 * hour + minute <= MINUTES_OF_DAY)
        *to = 60 * hour + minute;
    else
        decode_error(c, n->pos, "expected a time from '00:00' to '24:00'; found %s",
                     decode_found(n, found));
}

static const struct field time_fields[] = {
    {"start_time", FIELD_CUSTOM, offsetof(struct time_range_def, from), .flags = FIELD_REQUIRED,
     .decode = decode_minute},
    {"end_time", FIELD_CUSTOM, offsetof(struct time_range_def, to), .flags = FIELD_REQUIRED,
     .decode = decode_minute},
    {0},
};

static void decode_times(struct decode *c, const struct node *n, void *out)
{
    struct time_ranges *list = room_for(c, n, "times", out);
    for (size_t i = 0; list && i < n->n; i++) {
        size_t errors = c->diag->errors;
        decode_object(c, n->items[i], time_fields, &list->at[i]);
        if (errors == c->diag->errors && list->at[i].from >= list->at[i].to)
            decode_error(c, n->items[i]->pos,
                         "times: end_time must come after start_time; a night is two ranges, up "
                         "to '24:00' and from '00:00' on");
    }
}

/* ---- parts ------------------------------------------------------------------------------- */

static const struct field part_fields[] = {
    {"times", FIELD_CUSTOM, offsetof(struct time_interval_part, minutes), .decode = decode_times},
    {"weekdays", FIELD_CUSTOM, offsetof(struct time_interval_part, weekdays),
     .decode = decode_weekdays},
    {"days_of_month", FIELD_CUSTOM, offsetof(struct time_interval_part, days),
     .decode = decode_days},
    {"months", FIELD_CUSTOM, offsetof(struct time_interval_part, months), .decode = decode_months},
    {"years", FIELD_CUSTOM, offsetof(struct time_interval_part, years), .decode = decode_years},
    {"location", FIELD_STRING, offsetof(struct time_interval_part, location)},
    {0},
};

struct held_zone {
    struct zone *zone;
    void (*free)(struct zone *z);
};

static void release_zone(void *ptr)
{
    struct held_zone *held = ptr;
    held->free(held->zone);
}

static void open_zone(struct build *b, const struct node *n, struct time_interval_part *part)
{
    struct zone *zone;
    struct err err;
    const struct node *at = node_get(n, "location");
    if (!part->location || !*part->location)
        part->location = "UTC";
    if (!b->tables->zone_open)
        return;
    if (b->tables->zone_open(part->location, &zone, &err) < 0) {
        decode_error(&b->decode, at ? at->pos : n->pos, "location: %s", err.msg);
        return;
    }
    struct held_zone *held = arena_alloc(b->decode.arena, sizeof(*held));
    *held = (struct held_zone){zone, b->tables->zone_free};
    arena_on_release(b->decode.arena, release_zone, held);
    part->zone = zone;
}

struct interval_raw {
    const char *name;
    const struct node *parts;
};

static const struct field interval_fields[] = {
    {"name", FIELD_STRING, offsetof(struct interval_raw, name), .flags = FIELD_REQUIRED},
    {"time_intervals", FIELD_CUSTOM, offsetof(struct interval_raw, parts), .flags = FIELD_REQUIRED,
     .decode = decode_keep},
    {0},
};

static void decode_interval(struct build *b, const struct node *n, struct time_interval_def *out)
{
    struct interval_raw raw = {0};
    decode_object(&b->decode, n, interval_fields, &raw);
    out->name = raw.name;
    out->pos = n->pos;
    if (raw.name && !*raw.name)
        decode_error(&b->decode, n->pos, "name: a time interval has one; found ''");
    const struct node *list =
        raw.parts ? routing_list(b, raw.parts, "time_intervals", INTERVAL_RANGES_MAX) : NULL;
    if (!list)
        return;
    out->parts = arena_alloc(b->decode.arena, (list->n + 1) * sizeof(*out->parts));
    out->n = list->n;
    for (size_t i = 0; i < list->n; i++) {
        decode_object(&b->decode, list->items[i], part_fields, &out->parts[i]);
        if (list->items[i]->kind == NODE_MAP)
            open_zone(b, list->items[i], &out->parts[i]);
    }
}

void routing_intervals(struct build *b, const struct node *n, struct routing_def *out)
{
    size_t before = out->interval_count;
    n = routing_list(b, n, "time_intervals", INTERVALS_MAX - before);
    if (!n || n->n == 0)
        return;
    struct time_interval_def *all =
        arena_alloc(b->decode.arena, (before + n->n) * sizeof(*out->intervals));
    if (before > 0)
        memcpy(all, out->intervals, before * sizeof(*all));
    for (size_t i = 0; i < n->n; i++)
        decode_interval(b, n->items[i], &all[before + i]);
    out->intervals = all;
    out->interval_count = before + n->n;
}
