#include "notify/receivers.h"

#include "base/str.h"

#include <string.h>

/* clang-format off */
const struct receiver_type *const receiver_types[] = {
    &receiver_alertmanager,
    &receiver_discord,
    &receiver_msteams,
    &receiver_msteamsv2,
    &receiver_ntfy,
    &receiver_opsgenie,
    &receiver_pagerduty,
    &receiver_slack,
    &receiver_telegram,
    &receiver_webhook,
    NULL,
};
/* clang-format on */

const struct receiver_type *receiver_type_of(const char *list)
{
    for (const struct receiver_type *const *t = receiver_types; *t; t++) {
        size_t n = strlen((*t)->name);
        if (strncmp(list, (*t)->name, n) == 0 && str_eq(list + n, "_configs"))
            return *t;
    }
    return NULL;
}

void *receiver_decode(const struct receiver_type *type, struct decode *c, const struct node *n)
{
    size_t errors = c->diag->errors;
    void *spec = arena_alloc(c->arena, type->spec_size);
    memcpy(spec, type->defaults, type->spec_size);
    decode_object(c, n, type->fields, spec);
    if (c->diag->errors > errors)
        return spec;
    access_check(c, n, &((struct receiver_common *)spec)->access);
    type->prepare(c, n, spec);
    return spec;
}
