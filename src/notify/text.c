#include "notify/text.h"

#include "base/json.h"
#include "notify/guard.h"

#include <assert.h>
#include <string.h>

#define ELLIPSIS "\xe2\x80\xa6"
#define MAP_MAX 256

/* ---- at load ------------------------------------------------------------------ */

static void free_template(void *t)
{
    template_free(t);
}

void text_decode(struct decode *c, const struct node *n, void *out)
{
    static const struct field as_text = {"template", FIELD_STRING, 0};
    struct template **ret = out;
    const char *text = NULL;
    struct err err;
    size_t at = 0;
    int line = 1, column = 1;
    if (n->kind == NODE_SCALAR && n->text[0] == '\0' && !node_is_null(n))
        text = "";
    else
        decode_value(c, n, &as_text, &text);
    if (!text)
        return;
    if (template_compile(text, ret, &at, &err) == 0) {
        arena_on_release(c->arena, free_template, *ret);
        return;
    }
    for (size_t i = 0; i < at; i++) {
        column = text[i] == '\n' ? 1 : column + 1;
        line += text[i] == '\n';
    }
    diag_error(c->diag, n->pos, "template, line %d, column %d of it: %s", line, column, err.msg);
}

void text_decode_map(struct decode *c, const struct node *n, void *out)
{
    static const struct field as_map = {"templates", FIELD_STRING_MAP, 0};
    struct text_map *map = out;
    if (n->kind != NODE_MAP) {
        struct string_map none = {0};
        decode_value(c, n, &as_map, &none); /* says what was expected */
        return;
    }
    if (n->n > MAP_MAX) {
        diag_error(c->diag, n->pos, "more than %d entries", MAP_MAX);
        return;
    }
    map->at = arena_alloc(c->arena, (n->n + 1) * sizeof(*map->at));
    map->n = n->n;
    for (size_t i = 0; i < n->n; i++) {
        map->at[i].key = n->items[2 * i]->text;
        text_decode(c, n->items[2 * i + 1], &map->at[i].text);
    }
}

void text_default(struct decode *c, struct template **t, const char *text)
{
    struct err err;
    if (*t)
        return;
    int rc = template_compile(text, t, NULL, &err);
    assert(rc == 0);
    (void)rc;
    arena_on_release(c->arena, free_template, *t);
}

/* ---- cutting ------------------------------------------------------------------- */

/* Bytes and units of the character at p; what is no UTF-8 is one byte, shown as one
 * character of three. */
static size_t step(const char *p, size_t left, enum text_unit unit, size_t *ret_units)
{
    size_t n = json_utf8((const unsigned char *)p, left);
    if (unit == TEXT_BYTES)
        *ret_units = n ? n : 3;
    else
        *ret_units = n == 4 ? 2 : 1;
    return n ? n : 1;
}

/* How many bytes of the text fit; *ret_short: how many if an ellipsis is to follow. */
static size_t fitting(const char *text, size_t n, size_t max, enum text_unit unit,
                      size_t *ret_short)
{
    size_t mark = unit == TEXT_BYTES ? strlen(ELLIPSIS) : 1, used = 0, at = 0, units;
    *ret_short = 0;
    while (at < n) {
        size_t bytes = step(text + at, n - at, unit, &units);
        if (used + units > max)
            break;
        used += units;
        at += bytes;
        if (used + mark <= max)
            *ret_short = at;
    }
    return at;
}

static void add_valid(const char *text, size_t n, struct str *out)
{
    for (size_t i = 0; i < n;) {
        size_t bytes = json_utf8((const unsigned char *)text + i, n - i);
        if (bytes)
            str_addn(out, text + i, bytes);
        else
            str_add(out, "\xef\xbf\xbd");
        i += bytes ? bytes : 1;
    }
}

void text_cut(const char *text, size_t n, size_t max, enum text_unit unit, bool more,
              struct str *out)
{
    size_t shorter, whole = fitting(text, n, max, unit, &shorter);
    if (whole == n && !more) {
        add_valid(text, n, out);
        return;
    }
    add_valid(text, shorter, out);
    str_add(out, ELLIPSIS);
}

void text_one_line(struct str *s)
{
    size_t from = 0;
    for (size_t i = 0; i < s->len; i++)
        if ((unsigned char)s->buf[i] < ' ' || s->buf[i] == 0x7f)
            s->buf[i] = ' ';
    while (s->len > 0 && s->buf[s->len - 1] == ' ')
        s->buf[--s->len] = '\0';
    while (s->buf[from] == ' ')
        from++;
    memmove(s->buf, s->buf + from, s->len - from + 1);
    s->len -= from;
}

/* ---- rendering ----------------------------------------------------------------- */

void texts_init(struct texts *x, const struct message *m)
{
    *x = (struct texts){.plain = m};
}

void texts_release(struct texts *x)
{
    arena_release(&x->arena);
}

/* A link of Slack that lost its end would show as what it is made of. */
static void drop_open_tag(struct str *s)
{
    char *open = strrchr(s->buf, '<');
    if (!open || strchr(open, '>'))
        return;
    s->len = (size_t)(open - s->buf);
    *open = '\0';
    str_add(s, ELLIPSIS);
}

static void finish(struct str *raw, bool more, enum text_style style, size_t max,
                   enum text_unit unit, struct str *out)
{
    struct str cut, bare;
    size_t shorter;
    bool whole = !more && fitting(raw->buf, raw->len, max, unit, &shorter) == raw->len;
    str_init(&cut, 3 * raw->len + 16);
    str_init(&bare, 3 * raw->len + 16);
    const struct str *from = raw;
    if (!whole && style == TEXT_HTML) {
        guard_strip(raw->buf, raw->len, &bare);
        from = &bare;
    }
    text_cut(from->buf, from->len, max, unit, more, &cut);
    if (!whole && style == TEXT_SLACK)
        drop_open_tag(&cut);
    guard_finish(cut.buf, cut.len, style, out);
    str_release(&bare);
    str_release(&cut);
}

void texts_add(struct texts *x, const struct template *t, enum text_style style, size_t max,
               enum text_unit unit, struct str *out)
{
    struct str raw;
    if (!t)
        return;
    if (style != TEXT_PLAIN && !x->guarded)
        x->guarded = guard_message(x->plain, &x->arena);
    str_init(&raw, TEXT_RENDER_MAX);
    bool more = template_render(t, style == TEXT_PLAIN ? x->plain : x->guarded, &raw, NULL) < 0;
    if (style == TEXT_PLAIN)
        text_cut(raw.buf, raw.len, max, unit, more, out);
    else
        finish(&raw, more, style, max, unit, out);
    str_release(&raw);
}
