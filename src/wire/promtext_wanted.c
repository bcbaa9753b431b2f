#include "wire/promtext_internal.h"

#include "base/mem.h"
#include "model/selector.h"

static int by_text(const char *a, size_t an, const char *b, size_t bn)
{
    if (an != bn)
        return an < bn ? -1 : 1;
    return memcmp(a, b, an);
}

static int by_selector_name(const void *a, const void *b, void *ctx)
{
    const struct wanted *w = ctx;
    size_t i = *(const size_t *)a, k = *(const size_t *)b;
    const char *an = selector_name(w->selectors[i]), *bn = selector_name(w->selectors[k]);
    int rc = by_text(an, strlen(an), bn, strlen(bn));
    return rc ? rc : i < k ? -1 : i > k;
}

void wanted_init(struct wanted *w, const struct selector *const *selectors, size_t n)
{
    *w = (struct wanted){.selectors = selectors, .count = n, .all = !selectors};
    w->by_name = mem_array(n + 1, sizeof(*w->by_name));
    w->nameless = mem_array(n + 1, sizeof(*w->nameless));
    w->candidates = mem_array(n + 1, sizeof(*w->candidates));
    w->matched = mem_array(n + 1, sizeof(*w->matched));
    w->matches = mem_array(n + 1, sizeof(*w->matches));
    for (size_t i = 0; i < n; i++) {
        const char *name = selector_name(selectors[i]);
        if (name) {
            w->by_name[w->named++] = i;
            w->lengths |= 1ULL << (strlen(name) & 63);
        } else {
            w->nameless[w->nameless_count++] = i;
        }
    }
    qsort_r(w->by_name, w->named, sizeof(*w->by_name), by_selector_name, w);
}

void wanted_release(struct wanted *w)
{
    mem_free(&w->by_name);
    mem_free(&w->nameless);
    mem_free(&w->candidates);
    mem_free(&w->matched);
    mem_free(&w->matches);
}

/* The first selector of that name in by_name, or `named`. */
static size_t first_of(const struct wanted *w, const char *name, size_t n)
{
    size_t low = 0, high = w->named;
    while (low < high) {
        size_t middle = (low + high) / 2;
        const char *other = selector_name(w->selectors[w->by_name[middle]]);
        if (by_text(other, strlen(other), name, n) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Those of that name and those without one, by number. */
static void find_candidates(struct wanted *w, const char *name, size_t n)
{
    size_t i = w->lengths >> (n & 63) & 1 ? first_of(w, name, n) : w->named, k = 0;
    w->candidate_count = 0;
    for (; i < w->named; i++) {
        const char *other = selector_name(w->selectors[w->by_name[i]]);
        if (by_text(other, strlen(other), name, n) != 0)
            break;
        while (k < w->nameless_count && w->nameless[k] < w->by_name[i])
            w->candidates[w->candidate_count++] = w->nameless[k++];
        w->candidates[w->candidate_count++] = w->by_name[i];
    }
    while (k < w->nameless_count)
        w->candidates[w->candidate_count++] = w->nameless[k++];
}

bool wanted_name(struct wanted *w, const char *name, size_t n)
{
    if (w->all)
        return true;
    if (!w->name || n != w->name_len || memcmp(name, w->name, n) != 0)
        find_candidates(w, name, n);
    w->name = name;
    w->name_len = n;
    return w->candidate_count > 0;
}

int wanted_match(struct wanted *w, const struct series *s, struct err *reterr)
{
    w->matched_count = 0;
    if (w->all)
        return 1;
    for (size_t i = 0; i < w->candidate_count; i++) {
        size_t number = w->candidates[i];
        int rc = selector_matches(w->selectors[number], s, reterr);
        if (rc < 0)
            return -1;
        if (rc)
            w->matched[w->matched_count++] = number;
    }
    for (size_t i = 0; i < w->matched_count; i++)
        w->matches[w->matched[i]]++;
    return w->matched_count > 0;
}
