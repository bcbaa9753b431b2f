#include "reading.h"

#include <string.h>
#include <time.h>

static const char key[] = "\"content\":\"";
static const char terminator[] = "data: [DONE]";

int64_t reading_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void note(struct reading *r, int64_t now)
{
    if (!r->first)
        r->first = now;
    if (r->last && now - r->last > r->gap)
        r->gap = now - r->last;
    r->last = now;
}

void reading_take(struct reading *r, const char *data, size_t n)
{
    int64_t now = reading_now();
    const char *stop = data + n, *at = data;

    while ((at = memmem(at, (size_t)(stop - at), key, sizeof(key) - 1))) {
        at += sizeof(key) - 1;
        if (at < stop && *at != '"')
            note(r, now);
    }
    if (memmem(data, n, terminator, sizeof(terminator) - 1)) {
        r->ended = true;
        if (r->last)
            note(r, now);
    }
}
