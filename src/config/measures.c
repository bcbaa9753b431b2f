#include "config/measures.h"

#include "config/decode.h"

/* A number above 0 and at most `max`, of at most `places` decimals: its multiple of
 * 10^places; 0: reported. */
static int64_t decode_number(struct decode *c, const struct node *n, const char *key,
                             const char *example, int places, int64_t max)
{
    char found[FOUND_MAX];
    struct decimal d;
    struct err err;
    if (n->kind != NODE_SCALAR || node_is_null(n)) {
        decode_error(c, n->pos, "%s: expected a number like %s; found %s", key, example,
                     decode_found(n, found));
        return 0;
    }
    if (decimal_parse(n->text, &d, &err) < 0) {
        decode_error(c, n->pos, "%s: %s", key, err.msg);
        return 0;
    }
    if (d.n == 0 || decimal_cmp(d, (struct decimal){max, 0}) > 0) {
        decode_error(c, n->pos, "%s: expected a number above 0 and at most %lld; found '%s'", key,
                     (long long)max, n->text);
        return 0;
    }
    if (d.scale > places) {
        decode_error(c, n->pos, "%s: at most %d decimals; found '%s'", key, places, n->text);
        return 0;
    }
    return d.n * decimal_pow10(places - d.scale);
}

void decode_speed(struct decode *c, const struct node *n, void *out)
{
    *(int64_t *)out = decode_number(c, n, "tokens_per_second_at_least", "20", 3, MEASURE_SPEED_MAX);
}

void decode_cost(struct decode *c, const struct node *n, void *out)
{
    *(int64_t *)out = decode_number(c, n, "cost_at_most", "0.002", 12, MEASURE_COST_MAX);
}
