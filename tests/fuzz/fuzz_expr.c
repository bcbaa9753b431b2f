/* Conditions: line 1 is one, the others are scrapes of "series value" with an
 * empty line between. What is accepted comes back from its canonical text, and
 * answers the same. */
#include "fuzz.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "model/expr.h"
#include "model/history.h"
#include "model/selector.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define SCRAPE_SAMPLES 64

static const struct expr *again(struct arena *a, const struct expr *e)
{
    const struct expr *t = NULL;
    const char *text = expr_text(e);
    if (strlen(text) > EXPR_TEXT_MAX)
        return e; /* escapes and windows make it longer */
    const struct selector *s[EXPR_SELECTORS_MAX];
    size_t n = expr_selectors(e, s);
    for (size_t i = 0; i < n; i++)
        if (strlen(selector_text(s[i])) > SELECTOR_TEXT_MAX)
            return e;
    int rc = expr_parse(a, text, &t, NULL, NULL);
    assert(rc == 0 && strcmp(expr_text(t), text) == 0);
    assert(expr_window_us(t) == expr_window_us(e));
    assert(expr_looks_back(t) == expr_looks_back(e));
    return t;
}

static void ask(const struct expr *e, const struct expr *f, struct history *h)
{
    char seen[200], other[200];
    enum expr_answer x = expr_ask(e, h, history_last_us(h), seen, sizeof(seen));
    enum expr_answer y = expr_ask(f, h, history_last_us(h), other, sizeof(other));
    assert(x == y && strcmp(seen, other) == 0);
}

/* "series value"; spaces belong to the series but for the last one. */
static int sample(char *line, struct sample *ret)
{
    char *space = strrchr(line, ' ');
    if (!space)
        return -1;
    *space = '\0';
    *ret = (struct sample){line, strtod(space + 1, NULL)};
    return 0;
}

static void scrapes(const struct expr *e, const struct expr *f, char *text)
{
    struct history *h = history_new(EXPR_WINDOW_MAX_US);
    struct sample at[SCRAPE_SAMPLES];
    size_t n = 0;
    int64_t now_us = 0;
    for (char *line; (line = strsep(&text, "\n"));) {
        if (*line && n < SCRAPE_SAMPLES && sample(line, &at[n]) == 0)
            n++;
        if (*line && text)
            continue;
        now_us += 15 * USEC_PER_SEC;
        history_add(h, now_us, at, n);
        n = 0;
        ask(e, f, h);
    }
    history_free(h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = {0};
    struct err err;
    const struct expr *e = NULL;
    char *text = mem_alloc(size + 1), *rest = text;
    if (size > 0)
        memcpy(text, data, size);
    const char *first = strsep(&rest, "\n");
    size_t at = SIZE_MAX;
    if (expr_parse(&a, first, &e, &at, &err) < 0)
        assert(at <= strlen(first));
    else if (rest)
        scrapes(e, again(&a, e), rest);
    else
        again(&a, e);
    free(text);
    arena_release(&a);
    return 0;
}
