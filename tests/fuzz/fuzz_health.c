/* What strangers answer to a health probe: the first line of the input is the
 * Content-Type, the rest the document. */
#include "fuzz.h"

#include "base/json.h"
#include "wire/health.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Clean text: UTF-8 without controls, within its limit. */
static void check_text(const char *text, size_t max)
{
    size_t n = strlen(text);
    assert(n < max);
    for (size_t i = 0; i < n;) {
        size_t bytes = json_utf8((const unsigned char *)text + i, n - i);
        assert(bytes > 0 && (unsigned char)text[i] >= 0x20 && text[i] != 0x7f);
        i += bytes;
    }
}

static void check_components(const struct health *h)
{
    assert(h->component_count <= HEALTH_COMPONENTS_MAX);
    assert(h->component_total >= h->component_count);
    for (size_t i = 0; i < h->component_count; i++) {
        const struct health_component *c = &h->components[i];
        assert(*c->name);
        assert(c->state <= HEALTH_BAD);
        assert(c->latency_us >= -1);
        check_text(c->name, HEALTH_NAME_MAX);
        check_text(c->why, HEALTH_WHY_MAX);
        for (size_t k = 0; k < i; k++)
            assert(strcmp(c->name, h->components[k].name) != 0);
    }
}

static void check(const struct health *h)
{
    check_text(h->said, HEALTH_SAID_MAX);
    check_text(h->why, HEALTH_WHY_MAX);
    check_components(h);
    if (h->version)
        check_text(h->version, HEALTH_VERSION_MAX);
    assert(h->claimed_status == 0 || (h->claimed_status >= 100 && h->claimed_status <= 599));
    assert(*h->said || h->component_total > 0 || h->version); /* it says something */
    assert(*h->said || h->component_total > 0 || h->state == HEALTH_UNKNOWN);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *newline = size ? memchr(data, '\n', size) : NULL;
    if (!newline)
        return 0;
    size_t len = (size_t)(newline - data), n = size - len - 1;
    char *type = calloc(1, len + 1);
    char *body = malloc(n ? n : 1); /* exact: a read past the end is seen */
    struct arena a = {0};
    struct health h;
    struct err err = {{0}};
    memcpy(type, data, len);
    memcpy(body, newline + 1, n);
    if (health_read(&a, type, body, n, &h, &err) == 0)
        check(&h);
    else
        assert(err.msg[0]);
    arena_release(&a);
    free(body);
    free(type);
    return 0;
}
