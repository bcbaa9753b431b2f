#include "probe/agent_meter.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "io/gunzip.h"
#include "probe/http.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define TYPE_MAX 128

static uint32_t stamp(int64_t us)
{
    return us < 1 ? 1 : us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

/* What is wrong with the response as a whole: the first is what counts. */
static void fault(struct agent_meter *m, enum reason reason, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void fault(struct agent_meter *m, enum reason reason, const char *fmt, ...)
{
    va_list ap;
    m->ended = true;
    if (m->fault != REASON_NONE)
        return;
    m->fault = reason;
    va_start(ap, fmt);
    vsnprintf(m->fault_text, sizeof(m->fault_text), fmt, ap);
    va_end(ap);
}

void agent_meter_mark(const struct agent_meter *m, enum mark_kind kind, int64_t since_us,
                      const char *name, const struct str *text, int64_t bytes)
{
    char shown[AGENT_PIECE_MAX + 1] = "", named[SSE_NAME_MAX + 1];
    if (!m->env->watch)
        return;
    str_copy(named, sizeof(named), name);
    http_hide(m->http, named, strlen(named));
    if (text && text->len) {
        str_copy(shown, sizeof(shown), text->buf);
        http_hide(m->http, shown, strlen(shown));
    }
    struct answer_mark mark = {.kind = kind,
                               .at_us = m->begun_us + since_us,
                               .name = named,
                               .text = shown,
                               .bytes = bytes};
    m->env->watch(m->env->ctx, &mark);
}

/* ---- events ---------------------------------------------------------------------- */

static void tell(const struct agent_meter *m, unsigned bits, const char *name, int64_t bytes)
{
    static const struct {
        unsigned bit;
        enum mark_kind kind;
    } kinds[] = {
        {AGENT_ERROR, MARK_ERROR}, {AGENT_MALFORMED, MARK_MALFORMED}, {AGENT_TEXT, MARK_TEXT},
        {AGENT_TOOL, MARK_TOOL},   {AGENT_REASONING, MARK_REASONING}, {AGENT_PING, MARK_PING},
    };
    const struct str *piece = &m->talk->answer.piece;
    bool told = false;
    if (!m->env->watch)
        return;
    for (size_t i = 0; i < countof(kinds) && !told; i++) {
        told = bits & kinds[i].bit;
        if (told)
            agent_meter_mark(m, kinds[i].kind, m->now_us, name, piece, bytes);
    }
    if (bits & AGENT_END)
        agent_meter_mark(m, MARK_TERMINATOR, m->now_us, name, NULL, told ? 0 : bytes);
    else if (!told)
        agent_meter_mark(m, MARK_EVENT, m->now_us, name, NULL, bytes);
}

static void take_piece(struct agent_meter *m)
{
    struct answer *a = &m->answer;
    if (m->piece_us && m->now_us - m->piece_us > (int64_t)a->gap_us)
        a->gap_us = stamp(m->now_us - m->piece_us);
    m->piece_us = m->now_us > 0 ? m->now_us : 1;
}

/* The longest time without a piece lasts to the end, whatever comes there. */
static void close_gap(struct agent_meter *m, int64_t end_us)
{
    if (m->piece_us && end_us - m->piece_us > (int64_t)m->answer.gap_us)
        m->answer.gap_us = stamp(end_us - m->piece_us);
    m->piece_us = 0;
}

static void take(struct agent_meter *m, unsigned bits)
{
    struct answer *a = &m->answer;
    uint32_t now = stamp(m->now_us);
    m->bits |= bits;
    if (!(bits & AGENT_PING)) {
        a->events++;
        a->first_event_us = a->first_event_us ? a->first_event_us : now;
        a->last_event_us = now;
    }
    if (bits & AGENT_CONTENT) {
        a->first_token_us = a->first_token_us ? a->first_token_us : now;
        a->last_token_us = now;
    }
    if (bits & (AGENT_CONTENT | AGENT_REASONING))
        take_piece(m);
    if (bits & (AGENT_END | AGENT_ERROR | AGENT_MALFORMED)) {
        m->ended = true;
        m->ended_us = m->now_us > 0 ? m->now_us : 1;
        close_gap(m, m->now_us);
    }
}

static bool on_event(void *ctx, const struct sse_event *e)
{
    struct agent_meter *m = ctx;
    unsigned bits = agent_event(m->talk, e);
    take(m, bits);
    tell(m, bits, e->what == SSE_EVENT ? e->name : "", (int64_t)e->bytes);
    return !m->ended;
}

/* ---- heads -------------------------------------------------------------------------- */

static bool value_of(const struct http_response *head, const char *name,
                     char value[static TYPE_MAX])
{
    if (!http_header(head, name, value, TYPE_MAX))
        value[0] = '\0';
    return value[0] != '\0';
}

static bool is_events(const char *type)
{
    return strncasecmp(type, "text/event-stream", 17) == 0;
}

/* A server that does not say, or says "bytes", may still stream events. */
static bool may_be_events(const char *type)
{
    return is_events(type) || !*type || strncasecmp(type, "text/plain", 10) == 0 ||
           strncasecmp(type, "application/octet-stream", 24) == 0;
}

static enum meter_shape shape_of(struct agent_meter *m, const char *type)
{
    const struct agent_request *r = &m->request;
    if (r->either || (r->stream && may_be_events(type)))
        return is_events(type) || !r->either ? SHAPE_STREAM : SHAPE_DOCUMENT;
    if (r->stream && strcasestr(type, "json"))
        return SHAPE_DOCUMENT; /* that says that it failed, perhaps */
    if (r->stream)
        fault(m, REASON_SSE_PROTOCOL, "a stream was asked for; %.60s came", type);
    else if (is_events(type))
        fault(m, REASON_JSON, "a document was asked for; a stream of events came");
    else
        return SHAPE_DOCUMENT;
    return SHAPE_OTHER;
}

static void unpack_from(struct agent_meter *m, const char *encoding)
{
    if (!*encoding || strcasecmp(encoding, "identity") == 0)
        return;
    if (strcasecmp(encoding, "gzip") == 0 || strcasecmp(encoding, "x-gzip") == 0)
        m->gunzip = gunzip_new();
    else
        fault(m, REASON_PROTOCOL, "the answer is packed by %.40s, which was not asked for",
              encoding);
}

bool agent_meter_head(struct agent_meter *m, int64_t first_us, const struct http_response *head)
{
    char type[TYPE_MAX], encoding[TYPE_MAX], status[16];
    const struct agent_codec *codec = m->talk->codec;
    m->answer.headers_us = stamp(first_us);
    snprintf(status, sizeof(status), "%d", head->status);
    agent_meter_mark(m, MARK_HEADERS, first_us, status, NULL, 0);
    if (codec->header)
        http_header(head, codec->header, m->talk->session, sizeof(m->talk->session));
    bool empty = m->request.no_content && (head->status == 202 || head->status == 204);
    m->shape = SHAPE_OTHER;
    value_of(head, "Content-Type", type);
    value_of(head, "Content-Encoding", encoding);
    m->refusal = head->status / 100 != 2 && strcasestr(type, "json") && !*encoding;
    if (head->status / 100 != 2 || empty)
        return m->refusal;
    unpack_from(m, encoding);
    if (m->fault == REASON_NONE)
        m->shape = shape_of(m, type);
    if (m->shape == SHAPE_STREAM) {
        m->answer.flags |= ANSWER_STREAMED;
        m->sse = sse_new(on_event, m);
    }
    return m->shape == SHAPE_DOCUMENT && !m->gunzip;
}

/* ---- data --------------------------------------------------------------------------- */

static void keep_evidence(struct agent_meter *m, const char *data, size_t n)
{
    size_t room = METER_EVIDENCE_MAX - m->evidence_len;
    n = n < room ? n : room;
    memcpy(m->evidence + m->evidence_len, data, n);
    m->evidence_len += n;
}

static bool on_plain(void *ctx, const char *data, size_t n)
{
    struct agent_meter *m = ctx;
    char size[UNITS_MAX];
    keep_evidence(m, data, n);
    m->unpacked += (int64_t)n;
    if (m->unpacked > m->http->max_body)
        fault(m, REASON_BODY, "the body is over %s", units_size(size, m->http->max_body));
    else if (m->shape == SHAPE_STREAM && m->unpacked - m->burst_from > METER_BURST_MAX)
        fault(m, REASON_BODY, "a piece of the stream unpacks to more than %s",
              units_size(size, METER_BURST_MAX));
    else if (m->shape == SHAPE_STREAM)
        sse_feed(m->sse, data, n);
    else if (m->shape == SHAPE_DOCUMENT && m->gunzip)
        str_addn(&m->packed, data, n);
    return !m->ended;
}

static void on_packed(struct agent_meter *m, const char *data, size_t n)
{
    enum gunzip_end end = gunzip_feed(m->gunzip, data, n, on_plain, m);
    m->cut = end == GUNZIP_CUT;
    if (end == GUNZIP_BROKEN)
        fault(m, REASON_PROTOCOL, "the body is said to be gzip, but is not");
}

/* A stream that is over is left to end by itself: the connection may be kept then. */
bool agent_meter_data(struct agent_meter *m, int64_t since_us, const char *data, size_t n)
{
    m->now_us = since_us;
    m->burst_from = m->unpacked;
    if (!m->ended && m->gunzip)
        on_packed(m, data, n);
    else if (!m->ended)
        on_plain(m, data, n);
    m->stopped = m->fault != REASON_NONE || m->bits & (AGENT_ERROR | AGENT_MALFORMED);
    return !m->stopped;
}

/* ---- the end ---------------------------------------------------------------------------- */

bool agent_meter_document(const struct agent_meter *m, const struct http_response *r,
                          const char **ret_text, size_t *ret_len)
{
    *ret_text = m->gunzip ? m->packed.buf : r->body;
    *ret_len = m->gunzip ? m->packed.len : r->body_len;
    return m->shape == SHAPE_DOCUMENT && r->reason == REASON_NONE && m->fault == REASON_NONE;
}

void agent_meter_read(struct agent_meter *m, int64_t done_us, const char *text, size_t n)
{
    m->now_us = done_us;
    if (m->cut) {
        fault(m, REASON_TRUNCATED, "the packed body ends in its middle");
        return;
    }
    take(m, agent_document(m->talk, text, n));
    if (m->request.stream && !m->request.either && !(m->bits & AGENT_ERROR))
        fault(m, REASON_SSE_PROTOCOL, "a stream was asked for; a JSON document came");
}

static void end_stream(struct agent_meter *m, const struct http_response *r)
{
    if (!m->ended && r->reason == REASON_NONE && !sse_open(m->sse)) {
        m->now_us = r->total_us;
        m->bits |= agent_closed(m->talk);
    }
    if (!(m->bits & AGENT_END))
        m->answer.flags |= ANSWER_CUT;
    /* What HTTP calls cut short is, of a stream, its end without a terminator. */
    if (!m->ended && r->reason == REASON_TRUNCATED)
        fault(m, REASON_SSE_TRUNCATED, "the stream ended without its terminator: %s", r->message);
}

/* What a server says with a status that is no answer goes into the message. */
static void read_refusal(struct agent_meter *m, const struct http_response *r)
{
    struct agent_answer *said = &m->talk->answer;
    if (r->reason != REASON_NONE || r->body_len > HTTP_PROBE_POOL_BODY)
        return;
    if (agent_document(m->talk, r->body, r->body_len) & AGENT_MALFORMED)
        said->error[0] = '\0';
}

static void take_said(struct agent_meter *m)
{
    static const struct {
        unsigned bit, flag;
    } flags[] = {
        {AGENT_END, ANSWER_ENDED},           {AGENT_ERROR, ANSWER_ERROR},
        {AGENT_MALFORMED, ANSWER_MALFORMED}, {AGENT_REASONING, ANSWER_REASONED},
        {AGENT_TOOL, ANSWER_TOOLS},
    };
    const struct agent_answer *said = &m->talk->answer;
    struct answer *a = &m->answer;
    for (size_t i = 0; i < countof(flags); i++)
        a->flags |= m->bits & flags[i].bit ? flags[i].flag : 0;
    a->flags |= said->absurd ? ANSWER_ABSURD : 0;
    a->tokens_in = (int32_t)said->tokens_in;
    a->tokens_out = (int32_t)said->tokens_out;
    a->tokens_cached = (int32_t)said->tokens_cached;
    a->tokens_reasoning = (int32_t)said->tokens_reasoning;
}

void agent_meter_end(struct agent_meter *m, const struct http_response *r)
{
    if (m->shape == SHAPE_STREAM)
        end_stream(m, r);
    else if (m->shape == SHAPE_DOCUMENT && m->bits)
        tell(m, m->bits, "", m->unpacked);
    if (m->refusal)
        read_refusal(m, r);
    close_gap(m, m->ended_us ? m->ended_us : r->total_us);
    take_said(m);
}

void agent_meter_begin(struct agent_meter *m, const struct agent_request *r, int64_t begun_us)
{
    agent_meter_release(m);
    *m = (struct agent_meter){.talk = m->talk,
                              .request = *r,
                              .http = m->http,
                              .env = m->env,
                              .begun_us = begun_us,
                              .answer = {.tokens_in = -1,
                                         .tokens_out = -1,
                                         .tokens_cached = -1,
                                         .tokens_reasoning = -1,
                                         .cost = -1}};
    str_init(&m->packed, (size_t)m->http->max_body + 1);
    agent_meter_mark(m, MARK_REQUEST, 0, r->what, NULL, (int64_t)r->body_len);
}

void agent_meter_release(struct agent_meter *m)
{
    sse_free(m->sse);
    gunzip_free(m->gunzip);
    if (m->packed.buf)
        str_release(&m->packed);
    m->sse = NULL;
    m->gunzip = NULL;
}
