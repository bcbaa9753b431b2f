#include "demo/server_internal.h"

#include "base/mem.h"

#include <assert.h>
#include <inttypes.h>
#include <strings.h>

static const struct {
    int status;
    const char *text;
} status_texts[] = {
    {200, "OK"},
    {202, "Accepted"},
    {204, "No Content"},
    {400, "Bad Request"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {411, "Length Required"},
    {413, "Content Too Large"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
};

static const char *status_text(int status)
{
    for (size_t i = 0; i < countof(status_texts); i++)
        if (status_texts[i].status == status)
            return status_texts[i].text;
    return "Scripted";
}

const char *request_header(const struct request *r, const char *name)
{
    for (size_t i = 0; i < r->header_count; i++)
        if (strcasecmp(r->headers[i].name, name) == 0)
            return r->headers[i].value;
    return NULL;
}

/* ---- pieces out ----------------------------------------------------------------- */

void reply_cut(struct reply *r)
{
    vec_push(&r->cuts, ((struct cut){r->body.len, r->gap_us}));
}

int64_t reply_takes(const struct reply *r)
{
    int64_t us = r->delay_us;
    for (size_t i = 0; i < r->cuts.len; i++)
        us += r->cuts.at[i].gap_us;
    return us;
}

void conn_drop_reply(struct conn *c)
{
    if (c->reply.body.buf)
        str_release(&c->reply.body);
    vec_release(&c->reply.cuts);
    c->reply = (struct reply){0};
    str_release(&c->out);
    c->piece = c->sent = 0;
    c->head_sent = c->last = false;
}

static void put_head(struct conn *c)
{
    const struct reply *r = &c->reply;
    str_addf(&c->out, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\n", r->status, status_text(r->status),
             r->type);
    if (r->chunked)
        str_add(&c->out, "Transfer-Encoding: chunked\r\n");
    else if (r->status != 204)
        str_addf(&c->out, "Content-Length: %zu\r\n", r->body.len);
    if (r->header)
        str_addf(&c->out, "%s\r\n", r->header);
    if (r->retry_after)
        str_addf(&c->out, "Retry-After: %d\r\n", r->retry_after);
    str_addf(&c->out, "Cache-Control: no-store\r\n%s\r\n", c->keep ? "" : "Connection: close\r\n");
}

static size_t body_end(const struct conn *c)
{
    return c->reply.end == REPLY_TRUNCATE ? c->reply.body.len / 2 : c->reply.body.len;
}

/* A truncated reply announces all of its body, by length or by chunks without
 * the last one, and leaves in the middle. */
void conn_next_piece(struct conn *c)
{
    const struct reply *r = &c->reply;
    size_t stop = body_end(c), end = stop;
    str_clear(&c->out);
    if (!c->head_sent) {
        put_head(c);
        c->head_sent = true;
    }
    if (c->piece < r->cuts.len && r->cuts.at[c->piece].at < stop) {
        c->gap_us = r->cuts.at[c->piece].gap_us;
        end = r->cuts.at[c->piece++].at;
    }
    c->last = end == stop || c->head_only;
    if (c->head_only)
        return;
    if (r->chunked && end > c->sent)
        str_addf(&c->out, "%zx\r\n", end - c->sent);
    str_addn(&c->out, r->body.buf + c->sent, end - c->sent);
    if (r->chunked && end > c->sent)
        str_add(&c->out, "\r\n");
    if (r->chunked && c->last && r->end == REPLY_COMPLETE)
        str_add(&c->out, "0\r\n\r\n");
    c->sent = end;
    assert(!c->out.overflow);
}

/* ---- requests in -------------------------------------------------------------------- */

static void begin_reply(struct conn *c, size_t request_len)
{
    c->request_len = request_len;
    c->reply = (struct reply){.status = 200, .type = "application/json"};
    str_init(&c->reply.body, SERVER_REPLY_MAX);
    str_init(&c->out, SERVER_REPLY_MAX + 1024);
}

static void refuse(struct conn *c, int status)
{
    begin_reply(c, c->in.len);
    c->keep = false;
    c->reply.status = status;
    str_addf(&c->reply.body, "{\"error\":\"%s\"}\n", status_text(status));
    conn_answer(c);
}

/* Cuts `line` at its end and returns the next one. */
static char *cut_line(char *line)
{
    char *end = strstr(line, "\r\n");
    *end = '\0';
    return end + 2;
}

/* "GET /path?query HTTP/1.1"; 0, or the status to refuse with. */
static int parse_request_line(char *line, struct request *r, bool *ret_keep)
{
    char *target = strchr(line, ' ');
    char *version = target ? strchr(target + 1, ' ') : NULL;
    if (!version || strncmp(version + 1, "HTTP/1.", 7) != 0 || target[1] != '/')
        return 400;
    *target = *version = '\0';
    *ret_keep = !str_eq(version + 1, "HTTP/1.0");
    char *query = strchr(target + 1, '?');
    if (query)
        *query++ = '\0';
    r->method = line;
    r->path = target + 1;
    r->query = query ? query : "";
    return 0;
}

static int parse_header(char *line, struct request *r)
{
    char *colon = strchr(line, ':');
    if (!colon || colon == line)
        return 400;
    if (r->header_count == SERVER_HEADERS_MAX)
        return 431;
    *colon = '\0';
    char *value = colon + 1 + strspn(colon + 1, " \t");
    size_t n = strlen(value);
    while (n > 0 && (value[n - 1] == ' ' || value[n - 1] == '\t'))
        value[--n] = '\0';
    r->headers[r->header_count].name = line;
    r->headers[r->header_count++].value = value;
    return 0;
}

/* `head` is a copy that ends with an empty line. */
static int parse_head(char *head, struct request *r, bool *ret_keep)
{
    char *line = head, *next = cut_line(line);
    int refused = parse_request_line(line, r, ret_keep);
    for (line = next; !refused && *line && strncmp(line, "\r\n", 2) != 0; line = next) {
        next = cut_line(line);
        refused = parse_header(line, r);
    }
    const char *connection = request_header(r, "Connection");
    if (connection && strcasecmp(connection, "close") == 0)
        *ret_keep = false;
    return refused;
}

static int body_length(const struct request *r, size_t *ret)
{
    const char *text = request_header(r, "Content-Length");
    char *end;
    *ret = 0;
    if (request_header(r, "Transfer-Encoding"))
        return 411;
    if (!text)
        return 0;
    if (!*text || strspn(text, "0123456789") != strlen(text))
        return 400;
    unsigned long long n = strtoull(text, &end, 10);
    if (n > SERVER_BODY_MAX)
        return 413;
    *ret = (size_t)n;
    return 0;
}

static void serve(struct conn *c, struct request *r, const char *body, size_t n)
{
    mem_auto char *copy = mem_strndup(body, n);
    r->body = copy;
    r->body_len = n;
    begin_reply(c, (size_t)(body - c->in.buf) + n);
    c->head_only = str_eq(r->method, "HEAD");
    c->server->handle(c->server->ctx, r, &c->reply);
    conn_answer(c);
}

void conn_parse(struct conn *c)
{
    const char *end = memmem(c->in.buf, c->in.len, "\r\n\r\n", 4);
    size_t head_len = end ? (size_t)(end - c->in.buf) + 4 : 0, body_len = 0;
    if (head_len > SERVER_HEAD_MAX || (!end && c->in.len > SERVER_HEAD_MAX)) {
        refuse(c, 431);
        return;
    }
    if (!end)
        return;
    struct request r = {0};
    if (memchr(c->in.buf, '\0', head_len)) {
        refuse(c, 400);
        return;
    }
    mem_auto char *head = mem_strndup(c->in.buf, head_len);
    int refused = parse_head(head, &r, &c->keep);
    if (!refused)
        refused = body_length(&r, &body_len);
    if (refused)
        refuse(c, refused);
    else if (c->in.len - head_len >= body_len)
        serve(c, &r, c->in.buf + head_len, body_len);
}
