#include "notify/outgoing.h"

#include "base/json.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* A text at its worst is six bytes a byte: \u0001. */
#define TEXT_ROOM (6 * TEXT_RENDER_MAX)

void outgoing_init(struct outgoing *o)
{
    *o = (struct outgoing){.method = "POST"};
    str_init(&o->url, 8 << 10);
    str_init(&o->body, OUTGOING_BODY_MAX);
    str_init(&o->lines, OUTGOING_HEADER_BYTES);
}

/* Addresses and headers hold secrets. */
void outgoing_release(struct outgoing *o)
{
    explicit_bzero(o->url.buf, o->url.len);
    explicit_bzero(o->lines.buf, o->lines.len);
    str_release(&o->url);
    str_release(&o->lines);
    str_release(&o->body);
}

void outgoing_header(struct outgoing *o, const char *name, const char *value)
{
    size_t start = o->lines.len;
    if (o->header_count == OUTGOING_HEADERS_MAX) {
        o->lines.overflow = true;
        return;
    }
    str_addf(&o->lines, "%s: ", name);
    for (; *value; value++)
        str_addc(&o->lines, (unsigned char)*value < ' ' || *value == 0x7f ? ' ' : *value);
    str_addc(&o->lines, '\0');
    if (!o->lines.overflow)
        o->starts[o->header_count++] = start;
}

void outgoing_url(struct outgoing *o, const char *base, const char *path)
{
    size_t n = strlen(base);
    while (n > 0 && base[n - 1] == '/')
        n--;
    str_addn(&o->url, base, n);
    str_addc(&o->url, '/');
    str_add(&o->url, path[0] == '/' ? path + 1 : path);
}

/* A kind's own way to log in goes before what http_config says, which may be that of all. */
static bool has_login(const struct outgoing *o)
{
    for (size_t i = 0; i < o->header_count; i++)
        if (strncasecmp(o->lines.buf + o->starts[i], "Authorization:", 14) == 0)
            return true;
    return false;
}

int outgoing_finish(struct outgoing *o, const struct http_access *access, struct err *reterr)
{
    o->access = access;
    outgoing_header(o, "User-Agent", "nines/" NINES_VERSION);
    if (access->authorization.credentials.value && !has_login(o)) {
        struct str value;
        str_init(&value, OUTGOING_HEADER_BYTES);
        str_addf(&value, "%s %s", access->authorization.type,
                 access->authorization.credentials.value);
        outgoing_header(o, "Authorization", value.buf);
        explicit_bzero(value.buf, value.len);
        str_release(&value);
    }
    if (o->url.overflow || o->lines.overflow)
        return err_set(reterr, "an address or a header is too long");
    if (!access_url_ok(o->url.buf))
        return err_set(reterr, "the address is not an http:// or https:// address");
    return o->body.overflow ? err_set(reterr, "the message is too long") : 0;
}

struct http_request outgoing_request(const struct outgoing *o,
                                     const char *headers[static OUTGOING_HEADERS_MAX])
{
    const struct http_access *a = o->access;
    const char *user = a->basic.username;
    if (user && has_login(o))
        user = NULL;
    for (size_t i = 0; i < o->header_count; i++)
        headers[i] = o->lines.buf + o->starts[i];
    return (struct http_request){
        .method = o->method,
        .url = o->url.buf,
        .headers = headers,
        .header_count = o->header_count,
        .body = o->body.buf,
        .body_len = o->body.len,
        .user = user,
        .password = user && a->basic.password.value ? a->basic.password.value : "",
        .timeout_us = a->timeout_us,
        .max_body = OUTGOING_ANSWER_MAX,
        .ca_file = a->ca_file,
        .cert_file = a->cert_file,
        .key_file = a->key_file,
        .insecure = a->insecure,
    };
}

char *group_id(char buf[static GROUP_ID_SIZE], const struct message *m)
{
    struct str salted;
    size_t n = strlen(m->group_key);
    str_init(&salted, n + 1);
    str_add(&salted, m->group_key);
    str_addc(&salted, '\n');
    snprintf(buf, GROUP_ID_SIZE, "%016llx%016llx", str_hash(salted.buf, n),
             str_hash(salted.buf, n + 1));
    str_release(&salted);
    return buf;
}

/* ---- JSON -------------------------------------------------------------------------- */

void form_init(struct form *f, const struct message *m, struct str *out)
{
    texts_init(&f->texts, m);
    f->out = out;
}

void form_release(struct form *f)
{
    texts_release(&f->texts);
}

static void start(struct form *f, const char *key)
{
    if (f->out->len > 0 && !strchr("{[", f->out->buf[f->out->len - 1]))
        str_addc(f->out, ',');
    if (!key)
        return;
    json_add_string(f->out, key);
    str_addc(f->out, ':');
}

void form_open(struct form *f, const char *key, char bracket)
{
    start(f, key);
    str_addc(f->out, bracket);
}

void form_close(struct form *f, char bracket)
{
    str_addc(f->out, bracket);
}

void form_string(struct form *f, const char *key, const char *value)
{
    start(f, key);
    json_add_string(f->out, value ? value : "");
}

void form_raw(struct form *f, const char *key, const char *json)
{
    start(f, key);
    str_add(f->out, json);
}

bool form_text(struct form *f, const char *key, const struct template *t, enum text_style style,
               size_t max)
{
    struct str text;
    str_init(&text, TEXT_ROOM);
    texts_add(&f->texts, t, style, max, TEXT_CHARS, &text);
    bool any = text.len > 0;
    if (any) {
        start(f, key);
        json_add_stringn(f->out, text.buf, text.len);
    }
    str_release(&text);
    return any;
}

void form_value(struct form *f, const struct template *t, size_t max, struct str *value)
{
    str_init(value, TEXT_ROOM);
    texts_add(&f->texts, t, TEXT_PLAIN, max, TEXT_CHARS, value);
    text_one_line(value);
}

void form_words(struct form *f, const char *key, const struct template *t, size_t max, size_t count)
{
    struct str all, word;
    form_value(f, t, max * count + count, &all);
    str_init(&word, TEXT_ROOM);
    form_open(f, key, '[');
    size_t told = 0;
    for (const char *p = all.buf; *p && told < count;) {
        size_t n = strcspn(p, ",");
        str_clear(&word);
        text_cut(p, n, max, TEXT_CHARS, false, &word);
        text_one_line(&word);
        if (word.len) {
            form_string(f, NULL, word.buf);
            told++;
        }
        p += n + (p[n] == ',');
    }
    form_close(f, ']');
    str_release(&word);
    str_release(&all);
}

void form_text_map(struct form *f, const char *key, const struct text_map *map, size_t max,
                   size_t count)
{
    form_open(f, key, '{');
    for (size_t i = 0; i < map->n && i < count; i++)
        if (!form_text(f, map->at[i].key, map->at[i].text, TEXT_PLAIN, max))
            form_string(f, map->at[i].key, "");
    form_close(f, '}');
}
