#include "probe/agent_ask.h"

#include "base/clock.h"
#include "base/str.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#define NONCE "{nonce}"

void agent_nonce_new(char nonce[static AGENT_NONCE_MAX])
{
    unsigned long long bits;
    /* Too early after boot for random numbers: different ones do. */
    if (getrandom(&bits, sizeof(bits), GRND_NONBLOCK) != sizeof(bits)) {
        int64_t now_ns = clock_mono_ns();
        bits = str_hash(&now_ns, sizeof(now_ns));
    }
    snprintf(nonce, AGENT_NONCE_MAX, "%016llx", bits);
}

static const char *fill(struct arena *a, const char *text, const char *nonce)
{
    const char *at = text ? strstr(text, NONCE) : NULL;
    if (!at)
        return text;
    struct str out;
    /* What is put in is longer by 9 of 7 bytes. */
    str_init(&out, 3 * strlen(text) + 1);
    for (; at; at = strstr(text, NONCE)) {
        str_addn(&out, text, (size_t)(at - text));
        str_add(&out, nonce);
        text = at + strlen(NONCE);
    }
    str_add(&out, text);
    const char *filled = arena_strndup(a, out.buf, out.len);
    str_release(&out);
    return filled;
}

void agent_ask_make(struct arena *a, const struct agent_spec *s, const char *nonce,
                    struct agent_ask *ret)
{
    *ret = (struct agent_ask){
        .url = s->http.url,
        .nonce = arena_strdup(a, nonce),
        .model = s->model,
        .system = fill(a, s->system, nonce),
        .prompt = fill(a, s->prompt, nonce),
        .body = fill(a, s->body, nonce),
        .max_tokens = s->max_tokens,
        .stream = s->stream,
        .tools = s->tools,
        .tool = s->tool,
        .arguments = fill(a, s->arguments, nonce),
        .paths = &s->paths,
    };
}

/* Whether two lines are of the same header. */
static bool same_header(const char *a, const char *b)
{
    size_t n = strcspn(a, ":");
    return strncasecmp(a, b, n) == 0 && b[n] == ':';
}

static bool has_line(const struct http_spec *s, const char *line)
{
    for (size_t i = 0; i < s->line_count; i++) {
        if (same_header(s->lines[i].text, line))
            return true;
    }
    return false;
}

size_t agent_ask_lines(struct arena *a, const struct agent_spec *s, const char *nonce,
                       const struct agent_request *r, const char *lines[static AGENT_LINES_MAX])
{
    static const char *const plain = "Accept-Encoding: identity";
    const struct http_spec *h = &s->http;
    size_t n = 0;
    assert(h->line_count + 10 < AGENT_LINES_MAX);
    for (size_t i = 0; i < h->line_count; i++)
        lines[n++] = fill(a, h->lines[i].text, nonce);
    for (size_t i = 0; i < sizeof(r->headers) / sizeof(r->headers[0]) && r->headers[i]; i++) {
        if (!has_line(h, r->headers[i]))
            lines[n++] = r->headers[i];
    }
    if (!has_line(h, plain))
        lines[n++] = plain;
    return n;
}
