/* Any text as a template: what compiles renders twice the same, within its limits. */
#include "fuzz.h"

#include "base/mem.h"
#include "model/template.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define OUT_MAX ((size_t)1 << 20)

static struct pair labels[] = {{"alertname", "Burn"}, {"slo", "api"}, {"x", "\xc3\xa9 <\"'&\n"}};
static struct message_alert alerts[] = {
    {true, {labels, 3}, {labels, 2}, 1795309323120456, 0, "00ff", "http://g"},
    {false, {labels, 1}, {NULL, 0}, 1795309323000000, 1795312923000000, "00fe", ""},
};
static const struct message message = {
    .receiver = "r",
    .group_key = "{}:{}",
    .firing = true,
    .group_labels = {labels, 1},
    .external_url = "",
    .alerts = alerts,
    .alert_count = 2,
    .at_us = 1795312983000000,
};

static void render(const struct template *t)
{
    struct str a, b;
    str_init(&a, OUT_MAX);
    str_init(&b, OUT_MAX);
    int x = template_render(t, &message, &a, NULL);
    int y = template_render(t, &message, &b, NULL);
    assert(x == y && strcmp(a.buf, b.buf) == 0);
    (void)x;
    (void)y;
    str_release(&a);
    str_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct template *t = NULL;
    struct err err;
    size_t at = SIZE_MAX;
    char *text = mem_alloc(size + 1);
    if (size > 0)
        memcpy(text, data, size);
    if (template_compile(text, &t, &at, &err) < 0)
        assert(at <= strlen(text));
    else
        render(t);
    template_free(t);
    free(text);
    return 0;
}
