#include "engine/peers.h"

#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct peer *peers_get(struct peers *p, const char *name)
{
    struct peer *peer = name ? table_get(&p->by_name, name) : NULL;
    if (!name || peer)
        return peer_ref(peer);
    size_t size = strlen(name) + 1;
    peer = mem_alloc(sizeof(*peer) + size);
    peer->refs = 1;
    memcpy(peer->name, name, size);
    table_set(&p->by_name, peer->name, peer);
    return peer;
}

struct peer *peer_ref(struct peer *peer)
{
    if (peer)
        peer->refs++;
    return peer;
}

void peers_put(struct peers *p, struct peer *peer)
{
    if (!peer || --peer->refs)
        return;
    assert(peer->in_flight == 0);
    table_remove(&p->by_name, peer->name);
    free(peer);
}

void peers_release(struct peers *p)
{
    assert(table_count(&p->by_name) == 0);
    table_release(&p->by_name);
}
