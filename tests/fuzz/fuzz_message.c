/* Any bytes as a message: what is read comes back the same from what is written. */
#include "fuzz.h"

#include "base/mem.h"
#include "wire/message.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define OUT_MAX ((size_t)8 << 20)

static void again(const struct message *m)
{
    struct arena arena = {0};
    struct message copy;
    struct str a, b;
    str_init(&a, OUT_MAX);
    str_init(&b, OUT_MAX);
    message_write(m, &a);
    int rc = message_read(a.buf, a.len, &arena, &copy, NULL);
    assert(rc == 0);
    (void)rc;
    message_write(&copy, &b);
    assert(strcmp(a.buf, b.buf) == 0);
    str_release(&a);
    str_release(&b);
    arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {0};
    struct message m;
    if (message_read((const char *)data, size, &arena, &m, NULL) == 0)
        again(&m);
    arena_release(&arena);
    return 0;
}
