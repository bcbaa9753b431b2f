/*
 * Reads a page of metrics again and again: the same bytes, the library's reader.
 *
 *   parse FILE [--openmetrics] [--all | SELECTOR...]
 *
 * Without --all and selectors the page is only checked. On the standard output:
 * one JSON object with the bytes and samples of the page, the samples given back,
 * the sum of their values, and the time of the median reading of about a second's.
 */
#include "base/arena.h"
#include "base/mem.h"
#include "model/selector.h"
#include "wire/promtext.h"

#include <inttypes.h>
#include <math.h>

#define READINGS_MAX 10000
#define ENOUGH_NS 1000000000
#define SELECTORS_MAX 64

struct page {
    char *text;
    size_t n;
    enum promtext_format format;
    const struct selector *wanted[SELECTORS_MAX];
    size_t wanted_count;
    bool all;
};

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void fail(const char *what)
{
    fprintf(stderr, "parse: %s\n", what);
    exit(1);
}

static void load(struct page *page, const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f || fseek(f, 0, SEEK_END) != 0)
        fail("cannot read the page");
    long n = ftell(f);
    rewind(f);
    page->n = n > 0 ? (size_t)n : 0;
    page->text = mem_alloc(page->n + 1);
    if (fread(page->text, 1, page->n, f) != page->n)
        fail("cannot read the page");
    fclose(f);
}

static size_t read_page(const struct page *page, double *ret_sum)
{
    struct promtext_sample sample;
    struct promtext p;
    size_t samples = 0;
    double sum = 0;
    int rc;

    promtext_open(&p, page->format, page->text, page->n, page->all ? NULL : page->wanted,
                  page->wanted_count);
    while ((rc = promtext_next(&p, &sample)) > 0) {
        samples++;
        sum += isfinite(sample.value) ? sample.value : 0;
    }
    if (rc < 0)
        fail(p.error);
    promtext_close(&p);
    *ret_sum = sum;
    return samples;
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static void measure(const struct page *page)
{
    static int64_t took[READINGS_MAX];
    int64_t begin = now_ns();
    size_t n = 0, samples = 0;
    double sum = 0;

    while (n < READINGS_MAX && (n < 5 || now_ns() - begin < ENOUGH_NS)) {
        int64_t start = now_ns();
        samples = read_page(page, &sum);
        took[n++] = now_ns() - start;
    }
    qsort(took, n, sizeof(took[0]), by_size);
    printf("{\"bytes\":%zu,\"samples\":%zu,\"sum\":%.17g,\"readings\":%zu,"
           "\"median_ns\":%" PRId64 ",\"best_ns\":%" PRId64 "}\n",
           page->n, samples, sum, n, took[n / 2], took[0]);
}

int main(int argc, char **argv)
{
    struct page page = {.format = PROMTEXT_TEXT};
    struct arena arena = {0};
    struct err err;

    if (argc < 2)
        fail("parse FILE [--openmetrics] [--all | SELECTOR...]");
    load(&page, argv[1]);
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--openmetrics") == 0)
            page.format = PROMTEXT_OPENMETRICS;
        else if (strcmp(argv[i], "--all") == 0)
            page.all = true;
        else if (page.wanted_count == SELECTORS_MAX)
            fail("too many selectors");
        else if (selector_parse(&arena, argv[i], strlen(argv[i]), &page.wanted[page.wanted_count++],
                                NULL, &err) < 0)
            fail(err.msg);
    }
    measure(&page);
    arena_release(&arena);
    free(page.text);
    return 0;
}
