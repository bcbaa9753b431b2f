/* Every parser of plain text in src/base: units, decimals, instants. What is
 * accepted must come back from its printed form. */
#include "fuzz.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/units.h"
#include "base/when.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void durations_and_sizes(const char *text)
{
    char buf[UNITS_MAX];
    int64_t a, b;
    if (units_parse_duration(text, &a, NULL) == 0) {
        int rc = units_parse_duration(units_duration(buf, a), &b, NULL);
        assert(rc == 0 && a == b && a > 0);
        units_human_us(buf, a);
    }
    if (units_parse_size(text, &a, NULL) == 0) {
        int rc = units_parse_size(units_size(buf, a), &b, NULL);
        assert(rc == 0 && a == b && a >= 0);
    }
}

static void decimals(const char *text)
{
    char buf[UNITS_MAX];
    struct decimal a, b;
    if (decimal_parse(text, &a, NULL) == 0) {
        int rc = decimal_parse(decimal_text(buf, a), &b, NULL);
        assert(rc == 0 && a.n == b.n && a.scale == b.scale && decimal_cmp(a, b) == 0);
    }
    if (decimal_parse_percent(text, &a, NULL) == 0) {
        int rc = decimal_parse_percent(decimal_percent(buf, a), &b, NULL);
        assert(rc == 0 && a.n == b.n && a.scale == b.scale);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t a, b;
    if (when_parse((const char *)data, size, &a, NULL) == 0) {
        char buf[WHEN_MAX];
        when_text(buf, a);
        int rc = when_parse(buf, strlen(buf), &b, NULL);
        assert(rc == 0 && a == b);
    }
    struct str s;
    str_init(&s, 2 + size * 6);
    int rc = json_add_stringn(&s, (const char *)data, size);
    assert(rc == 0);
    str_release(&s);

    char *text = mem_alloc(size + 1);
    if (size > 0)
        memcpy(text, data, size);
    durations_and_sizes(text);
    decimals(text);
    free(text);
    return 0;
}
