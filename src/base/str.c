#include "base/str.h"

#include "base/mem.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STR_FIRST 64

void str_init(struct str *s, size_t max)
{
    *s = (struct str){.max = max, .cap = STR_FIRST};
    s->buf = mem_alloc(s->cap);
}

void str_release(struct str *s)
{
    free(s->buf);
    *s = (struct str){0};
}

void str_clear(struct str *s)
{
    s->len = 0;
    s->buf[0] = '\0';
    s->overflow = false;
}

/* Room for n more bytes and the NUL, or the sticky refusal. */
static int room(struct str *s, size_t n)
{
    if (s->overflow || n > s->max - s->len) {
        s->overflow = true;
        return -1;
    }
    size_t need = s->len + n + 1;
    if (need <= s->cap)
        return 0;
    size_t cap = s->cap;
    while (cap < need)
        cap = cap > SIZE_MAX / 2 ? need : cap * 2;
    s->buf = mem_resize(s->buf, cap, 1);
    s->cap = cap;
    return 0;
}

int str_addn(struct str *s, const void *data, size_t n)
{
    if (room(s, n) < 0)
        return -1;
    if (n > 0)
        memcpy(s->buf + s->len, data, n);
    s->len += n;
    s->buf[s->len] = '\0';
    return 0;
}

int str_add(struct str *s, const char *text)
{
    return str_addn(s, text, strlen(text));
}

int str_addc(struct str *s, char c)
{
    return str_addn(s, &c, 1);
}

int str_addf(struct str *s, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    size_t left = s->cap - s->len;
    int n = vsnprintf(s->buf + s->len, left, fmt, ap);
    va_end(ap);
    assert(n >= 0);

    /* The trial print may have written past len: restore the invariant when
     * the text is refused. */
    int rc = room(s, (size_t)n);
    if (rc < 0) {
        s->buf[s->len] = '\0';
    } else {
        if ((size_t)n >= left)
            vsnprintf(s->buf + s->len, s->cap - s->len, fmt, again);
        s->len += (size_t)n;
    }
    va_end(again);
    return rc;
}

char *str_detach(struct str *s)
{
    char *buf = s->buf;
    str_init(s, s->max);
    return buf;
}

bool str_eq(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

bool str_starts(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

void str_copy(char *dst, size_t dst_size, const char *src)
{
    assert(dst_size > 0);
    size_t n = strnlen(src, dst_size - 1);
    memmove(dst, src, n);
    dst[n] = '\0';
}

#define NEAREST_MAX 64 /* longer words are not typing mistakes worth a hint */

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static int min3(int a, int b, int c)
{
    int m = a < b ? a : b;
    return m < c ? m : c;
}

/* Edit distance in which a swap of neighbours is one edit and case is none. */
static int distance(const char *a, size_t na, const char *b, size_t nb)
{
    int rows[3][NEAREST_MAX + 1];
    for (size_t j = 0; j <= nb; j++)
        rows[0][j] = (int)j;
    for (size_t i = 1; i <= na; i++) {
        int *cur = rows[i % 3], *above = rows[(i + 2) % 3], *above2 = rows[(i + 1) % 3];
        cur[0] = (int)i;
        for (size_t j = 1; j <= nb; j++) {
            char x = lower(a[i - 1]), y = lower(b[j - 1]);
            cur[j] = min3(above[j] + 1, cur[j - 1] + 1, above[j - 1] + (x != y));
            if (i > 1 && j > 1 && x == lower(b[j - 2]) && y == lower(a[i - 2]) &&
                above2[j - 2] + 1 < cur[j])
                cur[j] = above2[j - 2] + 1;
        }
    }
    return rows[na % 3][nb];
}

const char *str_nearest(const char *word, const char *const *candidates, size_t n)
{
    const char *best = NULL;
    int best_distance = INT32_MAX;
    size_t len = strlen(word);
    if (len == 0 || len > NEAREST_MAX)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        size_t other = strlen(candidates[i]);
        if (other > NEAREST_MAX)
            continue;
        size_t longer = len > other ? len : other;
        if ((2 * longer - len - other) * 3 > longer)
            continue; /* their lengths alone are too far apart */
        int d = distance(word, len, candidates[i], other);
        if ((size_t)d * 3 <= longer && d < best_distance) {
            best = candidates[i];
            best_distance = d;
        }
    }
    return best;
}

unsigned long long str_hash(const void *data, size_t n)
{
    const unsigned char *p = data;
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < n; i++) {
        h ^= p[i];
        h *= 0x100000001b3u;
    }
    /* FNV's high bits move little for strings that differ at the end. */
    h ^= h >> 33;
    h *= 0xff51afd7ed558ccdu;
    h ^= h >> 33;
    h *= 0xc4ceb9fe1a85ec53u;
    h ^= h >> 33;
    return h;
}
