#include "store/outbox.h"

#include "base/mem.h"

#include <stdint.h>

#define NUMBER 8 /* bytes */

unsigned char *outbox_pack_set(const struct notified_set *set, size_t *ret_n)
{
    unsigned char *at = mem_alloc(set->n * NUMBER + 1);
    for (size_t i = 0; i < set->n; i++)
        for (size_t k = 0; k < NUMBER; k++)
            at[i * NUMBER + k] = (unsigned char)(set->at[i] >> (8 * k));
    *ret_n = set->n * NUMBER;
    return at;
}

static uint64_t number_at(const unsigned char *at)
{
    uint64_t number = 0;
    for (size_t k = NUMBER; k-- > 0;)
        number = number << 8 | at[k];
    return number;
}

bool outbox_unpack_set(const void *at, size_t n, struct arena *arena, struct notified_set *ret)
{
    const unsigned char *bytes = at;
    if (n % NUMBER != 0)
        return false;
    uint64_t *numbers = arena_alloc(arena, n + 1);
    for (size_t i = 0; i < n / NUMBER; i++) {
        numbers[i] = number_at(bytes + i * NUMBER);
        if (i > 0 && numbers[i] <= numbers[i - 1])
            return false;
    }
    *ret = (struct notified_set){numbers, n / NUMBER};
    return true;
}
