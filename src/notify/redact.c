#include "notify/redact.h"

#include "base/json.h"
#include "notify/mime.h"
#include "notify/receivers.h"

#include <ctype.h>
#include <string.h>

#define SEGMENT_MIN 8 /* parts of an address that are shorter are words */
#define CUT_MIN 4     /* what is less than that of a secret, nobody knows it by */
#define VARIANT_MAX ((size_t)6 * SECRET_MAX + 3)

static void add_plain(struct redact *r, const char *text, size_t n)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->at[i].n == n && memcmp(r->at[i].text, text, n) == 0)
            return;
    if (n > 0 && r->n < REDACT_MAX) {
        r->at[r->n].text = arena_strndup(&r->arena, text, n);
        r->at[r->n++].n = n;
    }
}

static void add_escaped(struct redact *r, const char *text, size_t n)
{
    struct str s;
    str_init(&s, VARIANT_MAX);
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < 0x80 && (isalnum(c) || strchr("-._~", c)))
            str_addc(&s, (char)c);
        else
            str_addf(&s, "%%%02X", c);
    }
    add_plain(r, s.buf, s.len);
    str_clear(&s);
    json_add_stringn(&s, text, n);
    if (s.len > 2)
        add_plain(r, s.buf + 1, s.len - 2);
    explicit_bzero(s.buf, s.len);
    str_release(&s);
}

/* What is said of an answer is plain ASCII: the rest is left out there. */
static void add_ascii(struct redact *r, const char *text, size_t n)
{
    struct str s;
    str_init(&s, VARIANT_MAX);
    for (size_t i = 0; i < n; i++)
        if (text[i] >= ' ' && text[i] < 0x7f)
            str_addc(&s, text[i]);
    add_plain(r, s.buf, s.len);
    explicit_bzero(s.buf, s.len);
    str_release(&s);
}

static void add_text(struct redact *r, const char *text, size_t n)
{
    add_plain(r, text, n);
    add_ascii(r, text, n);
    add_escaped(r, text, n);
}

/* What is behind the host, and its parts; what is before it. */
static void add_address(struct redact *r, const char *url)
{
    const char *host = strstr(url, "://") + 3;
    const char *end = host + strcspn(host, "/?#");
    const char *at = memrchr(host, '@', (size_t)(end - host));
    if (at)
        add_text(r, host, (size_t)(at - host));
    if (strlen(end) > 1)
        add_text(r, end + 1, strlen(end + 1));
    for (const char *p = end; *p;) {
        size_t n = strcspn(p, "/?#&=");
        if (n >= SEGMENT_MIN)
            add_text(r, p, n);
        p += n + (p[n] != '\0');
    }
}

static void add_secret(struct redact *r, const struct secret *s)
{
    const char *at = s->value ? strstr(s->value, "://") : NULL;
    if (!s->value || !*s->value)
        return;
    if (at && access_url_ok(s->value) && s->source)
        add_address(r, s->value);
    else if (s->source)
        add_text(r, s->value, strlen(s->value));
    else if (at && strchr(s->value, '@')) /* an address that may be shown, but for a login */
        add_text(r, at + 3, strcspn(at + 3, "@"));
}

static void add_fields(struct redact *r, const struct field *fields, const char *spec)
{
    for (const struct field *f = fields; f->name; f++) {
        const char *at = spec + f->offset;
        if (f->type == FIELD_OBJECT)
            add_fields(r, f->fields, at);
        else if (f->type == FIELD_SECRET ||
                 (f->type == FIELD_CUSTOM &&
                  (f->decode == secret_decode || f->decode == secret_decode_file ||
                   f->decode == receiver_address_decode)))
            add_secret(r, (const struct secret *)at);
        if (f->type != FIELD_SECRET_MAP)
            continue;
        const struct secret_map *map = (const struct secret_map *)at;
        for (size_t i = 0; i < map->n; i++)
            if (map->at[i].secret)
                add_secret(r, &map->at[i].value);
    }
}

/* A service that says what it was sent says it in this form. */
static void add_login(struct redact *r, const struct http_access *a)
{
    struct str login, coded;
    if (!a->basic.username || !a->basic.password.value)
        return;
    str_init(&login, VARIANT_MAX);
    str_init(&coded, VARIANT_MAX);
    str_addf(&login, "%s:%s", a->basic.username, a->basic.password.value);
    mime_base64(&coded, login.buf, login.len);
    size_t n = 0;
    for (size_t i = 0; i < coded.len; i++)
        if (coded.buf[i] != '\r' && coded.buf[i] != '\n')
            coded.buf[n++] = coded.buf[i];
    add_plain(r, coded.buf, n);
    explicit_bzero(login.buf, login.len);
    explicit_bzero(coded.buf, coded.len);
    str_release(&login);
    str_release(&coded);
}

void redact_init(struct redact *r, const struct integration_def *def)
{
    r->arena = (struct arena){0};
    r->n = 0;
    add_fields(r, def->kind->fields, (const char *)def->spec);
    if (def->kind->build)
        add_login(r, &((const struct receiver_common *)(const void *)def->spec)->access);
}

/* The arena does not clear what it frees. */
void redact_release(struct redact *r)
{
    for (size_t i = 0; i < r->n; i++)
        explicit_bzero((char *)(uintptr_t)r->at[i].text, r->at[i].n);
    arena_release(&r->arena);
    r->n = 0;
}

/* Length of the longest secret at p, or of what is there of one that the end cuts. */
static size_t match(const struct redact *r, const char *p, size_t n)
{
    size_t longest = 0;
    for (size_t i = 0; i < r->n; i++) {
        size_t len = r->at[i].n <= n ? r->at[i].n : n >= CUT_MIN ? n : 0;
        if (len > longest && r->at[i].text[0] == *p && memcmp(r->at[i].text, p, len) == 0)
            longest = len;
    }
    return longest;
}

void redact_add(const struct redact *r, const char *text, size_t n, struct str *out)
{
    for (size_t i = 0; i < n;) {
        size_t len = match(r, text + i, n - i);
        if (len)
            str_add(out, "[secret]");
        else
            str_addc(out, text[i]);
        i += len ? len : 1;
    }
}

/* UTF-8 passes; C0 and C1 controls do not, nor what is cut. */
static void add_printable(struct str *out, const char *p, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t len = json_utf8((const unsigned char *)p + i, n - i);
        unsigned char c = (unsigned char)p[i];
        bool control = c < ' ' || c == 0x7f || (c == 0xc2 && len == 2 && (p[i + 1] & 0xe0) == 0x80);
        if (len == 0 || control)
            str_addc(out, '.');
        else
            str_addn(out, p + i, len);
        i += len ? len : 1;
    }
}

void redact_show(const struct redact *r, const struct notifier_env *env, const char *prefix,
                 const char *text, size_t n, size_t max)
{
    struct str all, line;
    if (!env->show || n == 0)
        return;
    str_init(&all, 9 * n + 1);
    redact_add(r, text, n, &all);
    size_t end = all.len < max ? all.len : max;
    str_init(&line, 4 * end + 64);
    for (size_t i = 0; i < end;) {
        const char *eol = memchr(all.buf + i, '\n', end - i);
        size_t len = eol ? (size_t)(eol - all.buf) - i : end - i;
        size_t shown = len > 0 && all.buf[i + len - 1] == '\r' ? len - 1 : len;
        str_clear(&line);
        str_add(&line, prefix);
        add_printable(&line, all.buf + i, shown);
        env->show(env->ctx, line.buf);
        i += len + 1;
    }
    if (end < all.len) {
        str_clear(&line);
        str_addf(&line, "%s[%zu more bytes]", prefix, all.len - end);
        env->show(env->ctx, line.buf);
    }
    str_release(&line);
    str_release(&all);
}
