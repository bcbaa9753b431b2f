#include "store/chunk_answer.h"

#include <assert.h>

enum {
    ANSWER_FLAGS,
    ANSWER_HEADERS,
    ANSWER_FIRST_EVENT,
    ANSWER_FIRST_TOKEN,
    ANSWER_LAST_TOKEN,
    ANSWER_LAST_EVENT,
    ANSWER_GAP,
    ANSWER_EVENTS,
    ANSWER_IN,
    ANSWER_OUT,
    ANSWER_CACHED,
    ANSWER_REASONING,
    ANSWER_COST
};

_Static_assert(ANSWER_COST + 1 == ANSWER_COLUMNS, "a column for each field");

int64_t chunk_answer_get(const struct answer *a, int c)
{
    switch (c) {
    case ANSWER_FLAGS:
        return a->flags;
    case ANSWER_HEADERS:
        return a->headers_us;
    case ANSWER_FIRST_EVENT:
        return (int64_t)a->first_event_us - a->headers_us;
    case ANSWER_FIRST_TOKEN:
        return (int64_t)a->first_token_us - a->first_event_us;
    case ANSWER_LAST_TOKEN:
        return (int64_t)a->last_token_us - a->first_token_us;
    case ANSWER_LAST_EVENT:
        return (int64_t)a->last_event_us - a->last_token_us;
    case ANSWER_GAP:
        return a->gap_us;
    case ANSWER_EVENTS:
        return a->events;
    case ANSWER_IN:
        return a->tokens_in;
    case ANSWER_OUT:
        return a->tokens_out;
    case ANSWER_CACHED:
        return a->tokens_cached;
    case ANSWER_REASONING:
        return a->tokens_reasoning;
    case ANSWER_COST:
        return a->cost;
    }
    assert(!"a column of answers");
    return 0;
}

static bool set_u32(uint32_t *field, int64_t v)
{
    *field = (uint32_t)v;
    return *field == v;
}

/* A time after another one; a damaged file may hold any number. */
static bool set_after(uint32_t *field, int64_t v, uint32_t before)
{
    return set_u32(field, (int64_t)((uint64_t)v + before));
}

static bool set_i32(int32_t *field, int64_t v)
{
    *field = (int32_t)v;
    return *field == v;
}

bool chunk_answer_set(struct answer *a, int c, int64_t v)
{
    switch (c) {
    case ANSWER_FLAGS:
        return set_u32(&a->flags, v);
    case ANSWER_HEADERS:
        return set_u32(&a->headers_us, v);
    case ANSWER_FIRST_EVENT:
        return set_after(&a->first_event_us, v, a->headers_us);
    case ANSWER_FIRST_TOKEN:
        return set_after(&a->first_token_us, v, a->first_event_us);
    case ANSWER_LAST_TOKEN:
        return set_after(&a->last_token_us, v, a->first_token_us);
    case ANSWER_LAST_EVENT:
        return set_after(&a->last_event_us, v, a->last_token_us);
    case ANSWER_GAP:
        return set_u32(&a->gap_us, v);
    case ANSWER_EVENTS:
        return set_u32(&a->events, v);
    case ANSWER_IN:
        return set_i32(&a->tokens_in, v);
    case ANSWER_OUT:
        return set_i32(&a->tokens_out, v);
    case ANSWER_CACHED:
        return set_i32(&a->tokens_cached, v);
    case ANSWER_REASONING:
        return set_i32(&a->tokens_reasoning, v);
    case ANSWER_COST:
        a->cost = v;
        return true;
    }
    assert(!"a column of answers");
    return false;
}
