#include "wire/agent_internal.h"

#include "base/mem.h"
#include "nines/answer.h"
#include "wire/utf8.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const struct agent_codec *const agent_codecs[] = {
#define XX(name) &agent_##name##_codec,
    AGENT_CODECS(XX)
#undef XX
        NULL,
};

const struct agent_codec *agent_codec_find(const char *name)
{
    for (size_t i = 0; agent_codecs[i]; i++) {
        if (str_eq(agent_codecs[i]->name, name))
            return agent_codecs[i];
    }
    return NULL;
}

bool agent_codec_uses(const struct agent_codec *codec, const char *key)
{
    size_t n = strlen(key);
    for (const char *word = codec->keys; *word; word += strspn(word, " ")) {
        size_t len = strcspn(word, " ");
        if (len == n && strncmp(word, key, n) == 0)
            return true;
        word += len;
    }
    return false;
}

void agent_talk_init(struct agent_talk *t, const struct agent_codec *codec,
                     const struct agent_ask *ask)
{
    *t = (struct agent_talk){.codec = codec, .ask = ask};
    struct agent_answer *a = &t->answer;
    str_init(&a->text, AGENT_TEXT_MAX);
    str_init(&a->piece, AGENT_PIECE_MAX);
    a->tokens_in = a->tokens_out = a->tokens_cached = a->tokens_reasoning = -1;
    a->cost = -1;
}

void agent_talk_release(struct agent_talk *t)
{
    struct agent_answer *a = &t->answer;
    for (size_t i = 0; i < a->tool_count; i++)
        str_release(&a->tools[i].arguments);
    str_release(&a->text);
    str_release(&a->piece);
    arena_release(&t->arena);
    *t = (struct agent_talk){0};
}

int agent_next(struct agent_talk *t, struct agent_request *ret, struct err *reterr)
{
    if (t->step >= AGENT_STEPS_MAX)
        return err_set(reterr, "more than %d requests for one answer", AGENT_STEPS_MAX);
    *ret = (struct agent_request){.method = "POST"};
    int rc = t->codec->next(t, ret, reterr);
    if (rc > 0)
        t->step++;
    return rc;
}

bool agent_part(struct agent_talk *t, struct agent_request *ret)
{
    *ret = (struct agent_request){.method = "POST"};
    return t->codec->part && t->codec->part(t, ret);
}

unsigned agent_event(struct agent_talk *t, const struct sse_event *e)
{
    str_clear(&t->answer.piece);
    if (e->what == SSE_COMMENT)
        return AGENT_PING;
    if (e->what == SSE_MALFORMED)
        return agent_fail(&t->answer, AGENT_MALFORMED, "%s", e->data);
    return t->codec->event(t, e);
}

bool agent_is_ping(const struct sse_event *e)
{
    static const char *const names[] = {"ping", "heartbeat", "keepalive", "keep-alive"};
    for (size_t i = 0; i < countof(names); i++) {
        if (strcmp(e->name, names[i]) == 0)
            return true;
    }
    return false;
}

unsigned agent_document(struct agent_talk *t, const char *json, size_t n)
{
    str_clear(&t->answer.piece);
    if (n >= 3 && memcmp(json, "\xef\xbb\xbf", 3) == 0)
        json += 3, n -= 3;
    return t->codec->document(t, json, n);
}

unsigned agent_closed(struct agent_talk *t)
{
    return t->codec->closed ? t->codec->closed(t) : 0;
}

/* ---- what codecs say --------------------------------------------------------- */

static void show(struct agent_answer *a, const char *text, size_t n)
{
    utf8_add(&a->piece, text, n);
}

/* Nothing is kept behind a cut: there would be a hole. */
static void keep(struct str *out, const char *text, size_t n)
{
    if (!out->overflow && utf8_add(out, text, n) < n)
        out->overflow = true;
}

unsigned agent_say(struct agent_answer *a, const char *text, size_t n)
{
    if (n == 0)
        return 0;
    a->text_bytes += (int64_t)n;
    keep(&a->text, text, n);
    show(a, text, n);
    return AGENT_TEXT;
}

unsigned agent_reason(struct agent_answer *a, const char *text, size_t n)
{
    show(a, text, n);
    return n > 0 ? AGENT_REASONING : 0;
}

unsigned agent_call(struct agent_answer *a, size_t index, const char *name, const char *arguments,
                    size_t n)
{
    assert(index <= a->calls);
    bool begins = index == a->calls;
    if (begins && a->calls++ < AGENT_TOOLS_MAX) {
        struct agent_tool *tool = &a->tools[a->tool_count++];
        tool->name[0] = '\0';
        str_init(&tool->arguments, AGENT_ARGUMENTS_MAX);
    }
    struct agent_tool *tool = index < a->tool_count ? &a->tools[index] : NULL;
    bool named = name && *name && (tool ? !tool->name[0] : begins);
    if (named) {
        show(a, name, strlen(name));
        if (tool)
            utf8_copy(tool->name, sizeof(tool->name), name, strlen(name));
    }
    if (tool)
        keep(&tool->arguments, arguments, n);
    show(a, arguments, n);
    return named || n > 0 ? AGENT_TOOL : 0;
}

unsigned agent_fail(struct agent_answer *a, unsigned bit, const char *fmt, ...)
{
    if (a->error[0])
        return bit;
    char text[4 * AGENT_ERROR_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    utf8_copy(a->error, sizeof(a->error), text, strlen(text));
    return bit;
}

void agent_tokens(struct agent_answer *a, int64_t *into, int64_t told)
{
    bool known = told >= 0 && told <= ANSWER_TOKENS_MAX;
    *into = known ? told : -1;
    if (!known)
        a->absurd = true;
}
