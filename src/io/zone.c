#include "io/zone.h"

#include "base/mem.h"
#include "base/units.h"
#include "base/when.h"

#include <glib.h>
#include <sys/stat.h>

#define ZONE_NAME_MAX 128
#define SECONDS_PER_DAY 86400

struct zone {
    GTimeZone *tz;
};

static bool name_is_plain(const char *name)
{
    size_t n = strlen(name);
    if (n == 0 || n > ZONE_NAME_MAX || !g_ascii_isalpha(name[0]))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!g_ascii_isalnum(name[i]) && !strchr("/_+-", name[i]))
            return false;
    }
    return true;
}

/* GLib also reads POSIX rules ("ABC5") and paths, which are not IANA names:
 * only what the zone data has a file for is a zone to us. */
static bool name_is_known(const char *name)
{
    if (strcmp(name, "UTC") == 0)
        return true;
    const char *dir = getenv("TZDIR");
    mem_auto char *path = mem_printf("%s/%s", dir && *dir ? dir : "/usr/share/zoneinfo", name);
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

int zone_open(const char *name, struct zone **ret, struct err *reterr)
{
    if (!name_is_plain(name) || !name_is_known(name))
        return err_set(reterr,
                       "unknown time zone '%.*s' (an IANA name such as Europe/Berlin is "
                       "expected; is tzdata installed?)",
                       ZONE_NAME_MAX, name);
    GTimeZone *tz = g_time_zone_new_identifier(name);
    if (!tz)
        return err_set(reterr, "time zone '%s' has no usable data", name);
    struct zone *z = mem_alloc(sizeof(*z));
    z->tz = tz;
    *ret = z;
    return 0;
}

void zone_free(struct zone *z)
{
    if (!z)
        return;
    g_time_zone_unref(z->tz);
    free(z);
}

static int64_t offset_at(const struct zone *z, int64_t utc_s)
{
    int interval = g_time_zone_find_interval(z->tz, G_TIME_TYPE_UNIVERSAL, utc_s);
    return g_time_zone_get_offset(z->tz, interval);
}

/* Fields out of range carry over: only the month needs help, days are added. */
static int64_t local_seconds(struct civil c)
{
    int64_t months = c.year * 12 + (c.month - 1);
    int64_t year = months / 12;
    int month = (int)(months % 12);
    if (month < 0) {
        month += 12;
        year--;
    }
    int64_t days = when_days_from_civil(year, month + 1, 1) + c.day - 1;
    return days * SECONDS_PER_DAY + (int64_t)c.hour * 3600 + (int64_t)c.minute * 60 + c.second;
}

/*
 * A wall clock names an instant L - offset for an offset in force at that very
 * instant; the offsets worth trying are those in force around L. When none
 * fits, L lies in a gap: read with the offset from before the gap it comes out
 * later by the gap's length.
 */
int64_t zone_to_us(const struct zone *z, struct civil c)
{
    static const int64_t around[] = {-SECONDS_PER_DAY, -SECONDS_PER_DAY / 2, 0, SECONDS_PER_DAY / 2,
                                     SECONDS_PER_DAY};
    int64_t local = local_seconds(c), best = INT64_MAX, widest = INT64_MIN;
    /* GLib looks for an interval one by one, and mostly there is only one around. */
    int before = g_time_zone_find_interval(z->tz, G_TIME_TYPE_UNIVERSAL, local - SECONDS_PER_DAY);
    int after = g_time_zone_find_interval(z->tz, G_TIME_TYPE_UNIVERSAL, local + SECONDS_PER_DAY);
    if (before == after)
        return (local - g_time_zone_get_offset(z->tz, before)) * USEC_PER_SEC;
    for (size_t i = 0; i < countof(around); i++) {
        int64_t offset = offset_at(z, local + around[i]);
        int64_t utc = local - offset;
        if (offset > widest)
            widest = offset;
        if (offset_at(z, utc) == offset && utc < best)
            best = utc;
    }
    if (best == INT64_MAX)
        best = local - offset_at(z, local - widest);
    return best * USEC_PER_SEC;
}

static int64_t floor_seconds(int64_t us)
{
    return us / USEC_PER_SEC - (us % USEC_PER_SEC < 0);
}

bool zone_steady(const struct zone *z, int64_t from_us, int64_t to_us, int64_t *ret_s)
{
    int from = g_time_zone_find_interval(z->tz, G_TIME_TYPE_UNIVERSAL, floor_seconds(from_us));
    int to = g_time_zone_find_interval(z->tz, G_TIME_TYPE_UNIVERSAL, floor_seconds(to_us));
    *ret_s = g_time_zone_get_offset(z->tz, from);
    return from == to;
}

struct civil zone_from_us(const struct zone *z, int64_t us)
{
    int64_t utc = floor_seconds(us);
    int64_t local = utc + offset_at(z, utc);
    int64_t days = local / SECONDS_PER_DAY - (local % SECONDS_PER_DAY < 0);
    int rest = (int)(local - days * SECONDS_PER_DAY);
    struct civil c = {.hour = rest / 3600, .minute = rest / 60 % 60, .second = rest % 60};
    when_civil_from_days(days, &c.year, &c.month, &c.day);
    return c;
}
