/*
 * What agents speak: the requests of a conversation and what its answers say, for
 * each protocol. Pure: text in, text out; no clock, no socket.
 *
 * To add a protocol: write src/wire/agent_NAME.c with one `const struct agent_codec
 * agent_NAME_codec`, and add its line to the table in src/wire/agent_internal.h.
 *
 *     struct agent_talk t;
 *     agent_talk_init(&t, codec, &ask);
 *     while (agent_next(&t, &request, reterr) > 0) {
 *         send it; copy the response's codec->header, if any, into t.session; then
 *         for each event, comment or fault of sse_feed():  bits = agent_event(&t, &event);
 *         and at the end of the stream:                    bits = agent_closed(&t);
 *         or of a document:                                bits = agent_document(&t, body, n);
 *     }
 *     t.answer is what was said.
 *     agent_talk_release(&t);
 *
 * What a request can be known to lack before it is sent (a `body` that is no JSON) is an
 * error of the first agent_next(): who loads a configuration calls it once to see.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "wire/sse.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AGENT_TEXT_MAX (1u << 20) /* of an answer that is kept; the rest is counted */
#define AGENT_TOOLS_MAX 32        /* calls that are kept */
#define AGENT_ARGUMENTS_MAX (64u << 10)
#define AGENT_NAME_MAX 128 /* of models, tools, reasons to finish; longer ones are cut */
#define AGENT_ERROR_MAX 256
#define AGENT_SESSION_MAX 256
#define AGENT_STEPS_MAX 12   /* requests of a run: mcp may read a list of tools in pages */
#define AGENT_PIECE_MAX 1024 /* of a piece that is shown */

/*
 * Where a generic protocol keeps what is looked for; wire/agent_path.h. NULL: nowhere.
 * Text is said as it is, null says nothing, any other value is said as its JSON.
 *
 * `text` of json, not given: the document is the answer. Of sse: data are, those that are
 * JSON objects or lists only if nothing else is looked for in them. `tool`: a name, which
 * begins a call, or a list of names.
 *
 * `end` and `error`: an event of that name, or whose data is that text, or that has
 * something at that path: not null, false, 0, "", [] or {}. `error`, not given: an event
 * named error, or `$.error`. `end`, not given: the stream ends with its connection. Events
 * named ping, heartbeat, keepalive or keep-alive are pings, unless `event` names them.
 */
struct agent_path;
struct agent_match {
    const char *event, *data; /* or NULL */
    const struct agent_path *path;
};
struct agent_paths {
    const struct agent_path *text, *reasoning, *tool, *arguments, *model, *finish;
    const struct agent_path *tokens_in, *tokens_out, *tokens_cached, *tokens_reasoning;
    const struct agent_path *cost; /* of the whole answer, in the currency of the prices */
    const char *event;             /* only events of this name are looked at; NULL: all */
    struct agent_match end, error;
};

/* What is asked, as configured; texts with their nonce already put in. Lives as long as
 * the talk. */
struct agent_ask {
    const char *url;
    const char *nonce;                   /* new for each run: a2a names its message by it */
    const char *model, *system, *prompt; /* or NULL */
    const char *body;                    /* JSON of the whole request instead; or NULL */
    int64_t max_tokens;                  /* 0: not said */
    bool stream;
    const char *tools;               /* JSON: what the model may call; or NULL */
    const char *tool, *arguments;    /* mcp: what to call, and with what JSON; or NULL */
    const struct agent_paths *paths; /* json and sse */
};

struct agent_request {
    const char *method; /* "POST" */
    const char *url;    /* lives as long as the talk; so do the other texts */
    const char *body;   /* NULL: none */
    size_t body_len;
    const char *headers[8]; /* "Name: value"; NULL-ended. Those that the user gives win */
    const char *what;       /* for people: "initialize" */
    bool stream;            /* a stream of events is asked for; a document otherwise */
    bool either;            /* the server may choose (mcp) */
    bool answer;            /* this is the one whose answer is measured */
    bool no_content;        /* 202 and 204 without a body are fine (notifications) */
};

/* What a piece was. */
#define AGENT_TEXT 1u /* text of the answer, not empty */
#define AGENT_TOOL 2u /* of a tool call: name or arguments */
#define AGENT_REASONING 4u
#define AGENT_PING 8u
#define AGENT_END 16u       /* the answer is over, by its protocol */
#define AGENT_ERROR 32u     /* it failed: answer.error says why */
#define AGENT_MALFORMED 64u /* not of the protocol: answer.error says why */
#define AGENT_CONTENT (AGENT_TEXT | AGENT_TOOL)

struct agent_tool {
    char name[AGENT_NAME_MAX];
    struct str arguments; /* JSON, or ""; as text.overflow */
};

/* What was said so far. */
struct agent_answer {
    struct str text; /* UTF-8; overflow: there was more */
    int64_t text_bytes;
    struct agent_tool tools[AGENT_TOOLS_MAX];
    size_t tool_count;
    size_t calls;               /* that came; more than are kept */
    bool refused;               /* it says itself that it refuses */
    char model[AGENT_NAME_MAX]; /* with a fingerprint, if it names one: "m (fp_1)" */
    char finish[AGENT_NAME_MAX];
    char error[AGENT_ERROR_MAX];     /* of the first error, or what is malformed */
    char error_code[AGENT_NAME_MAX]; /* "rate_limit_exceeded", "overloaded_error"; "" */
    int64_t tokens_in, tokens_out, tokens_cached, tokens_reasoning; /* -1: not told */
    bool absurd;  /* it told tokens or a cost that cannot be */
    int64_t cost; /* told by the answer (COST_ONE); -1: not */
    /* Text of the last event, reasoning and arguments too, for who watches: the first
     * AGENT_PIECE_MAX bytes; lives until the next. */
    struct str piece;
};

struct agent_talk {
    const struct agent_codec *codec;
    const struct agent_ask *ask;
    struct arena arena; /* of requests */
    size_t step;        /* of the request that is out, from 1 on; 0: before the first */
    char session[AGENT_SESSION_MAX]; /* value of codec->header, "" */
    struct agent_answer answer;
    void *state; /* the codec's, in the arena */
};

struct agent_codec {
    const char *name; /* in `protocol:` */
    const char *help;
    bool streams, documents; /* can do one, the other, both */
    bool chat;               /* asks by model, prompt, max_tokens; `body` may stand for all */
    const char *keys;        /* of a probe, that not all use: "prompt stream" */
    const char *needs;       /* keys that must be there: "model prompt"; "": none */
    const char *path;        /* that URLs of those who speak it end in; NULL: any */
    const char *header;      /* of responses, that is to be kept; NULL: none */
    /* The next request: 1, or 0 when there is none. -1: what was said before leaves
     * nothing to ask for (a tool that is not there); reterr says it. */
    int (*next)(struct agent_talk *t, struct agent_request *ret, struct err *reterr);
    unsigned (*event)(struct agent_talk *t, const struct sse_event *e);
    unsigned (*document)(struct agent_talk *t, const char *json, size_t n);
    /* The stream is over, and did not say so: AGENT_END if it has no other way to. NULL:
     * it has. */
    unsigned (*closed)(struct agent_talk *t);
    /* What a polite guest still sends when the talk is over, however it went (mcp: that
     * the session is); false: nothing. How it goes is nobody's business, nor is its time
     * part of the run's. NULL: nothing. */
    bool (*part)(struct agent_talk *t, struct agent_request *ret);
};

extern const struct agent_codec *const agent_codecs[];        /* NULL-ended */
const struct agent_codec *agent_codec_find(const char *name); /* or NULL */
bool agent_codec_uses(const struct agent_codec *codec, const char *key);

void agent_talk_init(struct agent_talk *t, const struct agent_codec *codec,
                     const struct agent_ask *ask);
void agent_talk_release(struct agent_talk *t);

/* The next request, as codec->next; a talk of over AGENT_STEPS_MAX requests is an error. */
int agent_next(struct agent_talk *t, struct agent_request *ret, struct err *reterr);

/* What is still sent at the end, as codec->part; false: nothing. */
bool agent_part(struct agent_talk *t, struct agent_request *ret);

/* What the response said next: AGENT_* bits, 0 when it says nothing of the answer. What
 * comes behind AGENT_END is none of it. Reading takes about 25 ns a byte, so that large
 * documents belong on the pool. */
unsigned agent_event(struct agent_talk *t, const struct sse_event *e);
unsigned agent_document(struct agent_talk *t, const char *json, size_t n);
/* The stream is over, as codec->closed; 0 where the protocol knows another end. */
unsigned agent_closed(struct agent_talk *t);

/*
 * For codecs. They append to the answer within its bounds, and to `piece`. Text is made
 * UTF-8; what is over a bound is counted and not kept.
 */
unsigned agent_say(struct agent_answer *a, const char *text, size_t n);    /* AGENT_TEXT or 0 */
unsigned agent_reason(struct agent_answer *a, const char *text, size_t n); /* _REASONING or 0 */
/* A piece of the index-th call, counted from 0 as they came; index == a->calls begins a new
 * one. `name` may be NULL once it is known. AGENT_TOOL, or 0 if it says nothing new. */
unsigned agent_call(struct agent_answer *a, size_t index, const char *name, const char *arguments,
                    size_t n);
/* Returns `bit`; the first error is the one that is kept. */
unsigned agent_fail(struct agent_answer *a, unsigned bit, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* A count that was told; out of range it is absurd and unknown. */
void agent_tokens(struct agent_answer *a, int64_t *into, int64_t told);
