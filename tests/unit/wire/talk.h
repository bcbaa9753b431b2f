/* Talks with agents that were scripted: a stream is heard as a whole, in pieces and
 * byte by byte, and each time must say the same. */
#pragma once

#include "wire/agent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define HEARD_MAX 256

struct heard {
    struct agent_talk talk;
    unsigned bits;            /* of all of it */
    unsigned each[HEARD_MAX]; /* of each event, AGENT_END of a close among them */
    size_t n;
};

static inline bool heard_event(void *ctx, const struct sse_event *e)
{
    struct heard *h = ctx;
    assert_int_equal(strlen(e->data), e->data_len);
    unsigned bits = agent_event(&h->talk, e);
    h->bits |= bits;
    if (h->n < HEARD_MAX)
        h->each[h->n++] = bits;
    return true;
}

static inline void heard_begin(struct heard *h, const char *protocol, const struct agent_ask *ask)
{
    struct agent_request request;
    struct err err = {0};
    memset(h, 0, sizeof(*h));
    agent_talk_init(&h->talk, agent_codec_find(protocol), ask);
    if (agent_next(&h->talk, &request, &err) != 1)
        fail_msg("%s", err.msg);
}

static inline void heard_in_pieces(struct heard *h, const char *protocol,
                                   const struct agent_ask *ask, const char *stream, size_t n,
                                   size_t piece)
{
    heard_begin(h, protocol, ask);
    struct sse *s = sse_new(heard_event, h);
    for (size_t i = 0; i < n; i += piece)
        assert_true(sse_feed(s, stream + i, n - i < piece ? n - i : piece));
    sse_free(s);
    h->bits |= agent_closed(&h->talk);
}

static inline void heard_same(const struct heard *x, const struct heard *y)
{
    const struct agent_answer *a = &x->talk.answer, *b = &y->talk.answer;
    assert_int_equal(x->bits, y->bits);
    assert_int_equal(x->n, y->n);
    assert_memory_equal(x->each, y->each, sizeof(x->each));
    assert_string_equal(a->text.buf, b->text.buf);
    assert_int_equal(a->calls, b->calls);
    assert_int_equal(a->tool_count, b->tool_count);
    for (size_t i = 0; i < a->tool_count; i++) {
        assert_string_equal(a->tools[i].name, b->tools[i].name);
        assert_string_equal(a->tools[i].arguments.buf, b->tools[i].arguments.buf);
    }
    assert_string_equal(a->error, b->error);
    assert_string_equal(a->error_code, b->error_code);
    assert_string_equal(a->model, b->model);
    assert_string_equal(a->finish, b->finish);
    assert_int_equal(a->tokens_in, b->tokens_in);
    assert_int_equal(a->tokens_out, b->tokens_out);
    assert_int_equal(a->cost, b->cost);
}

/* `h` is to be released: heard_release(). */
static inline void hear_n(struct heard *h, const char *protocol, const struct agent_ask *ask,
                          const char *stream, size_t n)
{
    static const size_t pieces[] = {1, 2, 3, 7, 64};
    struct heard again;
    heard_in_pieces(h, protocol, ask, stream, n, n ? n : 1);
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        heard_in_pieces(&again, protocol, ask, stream, n, pieces[i]);
        heard_same(h, &again);
        agent_talk_release(&again.talk);
    }
}

static inline void hear(struct heard *h, const char *protocol, const struct agent_ask *ask,
                        const char *stream)
{
    hear_n(h, protocol, ask, stream, strlen(stream));
}

static inline void hear_document(struct heard *h, const char *protocol, const struct agent_ask *ask,
                                 const char *json)
{
    heard_begin(h, protocol, ask);
    h->bits = agent_document(&h->talk, json, strlen(json));
}

static inline void heard_release(struct heard *h)
{
    agent_talk_release(&h->talk);
}
