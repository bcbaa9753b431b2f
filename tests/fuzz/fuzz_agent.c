/*
 * Any bytes as what agents answer. The first byte chooses the codec; the second is made of
 * flags: 1 the ask is for a stream, 2 values are read by paths. Then the responses to one
 * request after the other, with a byte 0x1e between them: '=' and a document, or anything
 * else and a stream of events, which is read whole and byte by byte: the same comes out.
 * With the codec '$' the rest is a path.
 */
#include "fuzz.h"

#include "base/json.h"
#include "base/mem.h"
#include "nines/answer.h"
#include "wire/agent.h"
#include "wire/agent_path.h"

#include <assert.h>
#include <string.h>

#define BITS_ALL 127u

struct heard {
    struct agent_talk talk;
    unsigned bits;
};

static void assert_text(const char *text, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t len = json_utf8((const unsigned char *)text + i, n - i);
        assert(len > 0 && text[i]);
        i += len;
    }
}

static bool event(void *ctx, const struct sse_event *e)
{
    struct heard *h = ctx;
    unsigned bits = agent_event(&h->talk, e);
    assert((bits & ~BITS_ALL) == 0);
    h->bits |= bits;
    return true;
}

static void stream(struct heard *h, const char *text, size_t n, size_t piece)
{
    struct sse *s = sse_new(event, h);
    for (size_t i = 0; i < n; i += piece)
        sse_feed(s, text + i, n - i < piece ? n - i : piece);
    sse_free(s);
    h->bits |= agent_closed(&h->talk);
}

static bool known(int64_t tokens)
{
    return tokens >= -1 && tokens <= ANSWER_TOKENS_MAX;
}

static void check(const struct heard *h)
{
    const struct agent_answer *a = &h->talk.answer;
    assert_text(a->text.buf, a->text.len);
    assert_text(a->piece.buf, a->piece.len);
    assert_text(a->error, strlen(a->error));
    assert_text(a->model, strlen(a->model));
    assert_text(a->finish, strlen(a->finish));
    assert(a->text.len <= AGENT_TEXT_MAX && a->tool_count <= AGENT_TOOLS_MAX);
    assert(a->tool_count <= a->calls);
    for (size_t i = 0; i < a->tool_count; i++)
        assert_text(a->tools[i].arguments.buf, a->tools[i].arguments.len);
    assert(known(a->tokens_in) && known(a->tokens_out));
    assert(known(a->tokens_cached) && known(a->tokens_reasoning));
    assert(a->cost >= -1);
    assert(!(h->bits & (AGENT_ERROR | AGENT_MALFORMED)) || a->error[0]);
    assert(!!(h->bits & AGENT_TEXT) == (a->text_bytes > 0));
}

static void talk(struct heard *h, const struct agent_codec *codec, const struct agent_ask *ask,
                 const char *text, size_t n, size_t piece)
{
    struct agent_request r;
    const char *end = text + n;
    h->bits = 0;
    agent_talk_init(&h->talk, codec, ask);
    while (agent_next(&h->talk, &r, NULL) > 0) {
        const char *stop = memchr(text, 0x1e, (size_t)(end - text));
        size_t len = (size_t)((stop ? stop : end) - text);
        str_copy(h->talk.session, sizeof(h->talk.session), "s");
        if (len > 0 && *text == '=')
            h->bits |= agent_document(&h->talk, text + 1, len - 1);
        else
            stream(h, text, len, piece ? piece : len + 1);
        check(h);
        if (!stop)
            break;
        text = stop + 1;
    }
    agent_part(&h->talk, &r);
}

static void same(const struct heard *x, const struct heard *y)
{
    const struct agent_answer *a = &x->talk.answer, *b = &y->talk.answer;
    assert(x->bits == y->bits && x->talk.step == y->talk.step);
    assert(strcmp(a->text.buf, b->text.buf) == 0 && strcmp(a->error, b->error) == 0);
    assert(a->calls == b->calls && a->tokens_in == b->tokens_in && a->cost == b->cost);
    (void)a, (void)b;
}

static const struct agent_path *path(struct arena *arena, const char *text)
{
    const struct agent_path *p = NULL;
    size_t at;
    int rc = agent_path_parse(arena, text, &p, &at, NULL);
    assert(rc == 0);
    (void)rc;
    return p;
}

static void read_paths(struct arena *arena, struct agent_paths *paths)
{
    *paths = (struct agent_paths){
        .text = path(arena, "$.text"),
        .reasoning = path(arena, "$.why[-1]"),
        .tool = path(arena, "$.tool"),
        .arguments = path(arena, "$.args"),
        .model = path(arena, "$.model"),
        .finish = path(arena, "$[\"finish\"]"),
        .tokens_in = path(arena, "$.u[0]"),
        .tokens_out = path(arena, "$.u[1]"),
        .tokens_cached = path(arena, "$.u[2]"),
        .tokens_reasoning = path(arena, "$.u[3]"),
        .cost = path(arena, "$.cost"),
        .event = "delta",
        .end = {.event = "done", .data = "[DONE]", .path = path(arena, "$.done")},
        .error = {.event = "failed", .path = path(arena, "$.error")},
    };
}

static void parse_path(const char *text, size_t n)
{
    struct arena arena = {0};
    const struct agent_path *p;
    size_t at = 0;
    mem_auto char *copy = mem_alloc(n + 1);
    if (n > 0)
        memcpy(copy, text, n);
    if (agent_path_parse(&arena, copy, &p, &at, NULL) < 0)
        assert(at <= strlen(copy));
    arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t codecs = 0;
    const char *text = (const char *)data;
    while (agent_codecs[codecs])
        codecs++;
    if (size > 0 && text[0] == '$')
        parse_path(text, size);
    if (size < 2)
        return 0;
    struct arena arena = {0};
    struct agent_paths paths;
    struct agent_ask ask = {.url = "http://h/a", .model = "m", .prompt = "p", .tool = "echo"};
    ask.nonce = "0123456789abcdef";
    ask.arguments = "{}";
    ask.stream = data[1] & 1;
    read_paths(&arena, &paths);
    ask.paths = data[1] & 2 ? &paths : NULL;
    struct heard whole, cut;
    const struct agent_codec *codec = agent_codecs[data[0] % codecs];
    talk(&whole, codec, &ask, text + 2, size - 2, 0);
    talk(&cut, codec, &ask, text + 2, size - 2, 1);
    same(&whole, &cut);
    agent_talk_release(&whole.talk);
    agent_talk_release(&cut.talk);
    arena_release(&arena);
    return 0;
}
