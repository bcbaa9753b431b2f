#include "config/decode.h"

#include "base/str.h"
#include "base/units.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_MAX 64
#define LIST_TEXT_MAX 512
#define REPORT_MAX 1024

/* ---- reporting -------------------------------------------------------------- */

static const char *format(char text[static REPORT_MAX], const char *fmt, va_list ap)
{
    vsnprintf(text, REPORT_MAX, fmt, ap);
    for (char *p = text; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = ' ';
        else if (p[0] == '\xc2' && (p[1] & 0xe0) == 0x80) /* C1 */
            p[0] = p[1] = ' ';
    return text;
}

void decode_error(struct decode *c, struct pos pos, const char *fmt, ...)
{
    char text[REPORT_MAX];
    va_list ap;
    va_start(ap, fmt);
    diag_error(c->diag, pos, "%s", format(text, fmt, ap));
    va_end(ap);
}

void decode_warning(struct decode *c, struct pos pos, const char *fmt, ...)
{
    char text[REPORT_MAX];
    va_list ap;
    va_start(ap, fmt);
    diag_warning(c->diag, pos, "%s", format(text, fmt, ap));
    va_end(ap);
}

const char *decode_found(const struct node *n, char buf[static FOUND_MAX])
{
    if (n->kind == NODE_MAP)
        return "a mapping";
    if (n->kind == NODE_SEQ)
        return "a list";
    if (node_is_null(n))
        return "nothing";
    size_t len = strlen(n->text), shown = len < 60 ? len : 60;
    while (shown < len && shown > 0 && (n->text[shown] & 0xc0) == 0x80)
        shown--;
    snprintf(buf, FOUND_MAX, "'%.*s%s'", (int)shown, n->text, shown < len ? "..." : "");
    return buf;
}

static void expected(struct decode *c, const struct node *n, const struct field *f,
                     const char *what)
{
    char found[FOUND_MAX];
    decode_error(c, n->pos, "%s: expected %s; found %s", f->name, what, decode_found(n, found));
}

/* The names as "a, b or c", cut when there are too many to help. */
static char *join_names(char buf[static LIST_TEXT_MAX], const char *const *names, size_t n)
{
    size_t len = 0;
    buf[0] = '\0';
    for (size_t i = 0; i < n && len < LIST_TEXT_MAX - 80; i++) {
        const char *sep = i == 0 ? "" : i + 1 == n ? " or " : ", ";
        int add = snprintf(buf + len, LIST_TEXT_MAX - len, "%s%.60s", sep, names[i]);
        len += (size_t)add;
    }
    return buf;
}

static size_t field_names(const struct field *fields, const char *names[static NAMES_MAX])
{
    size_t n = 0;
    for (; fields[n].name && n < NAMES_MAX; n++)
        names[n] = fields[n].name;
    return n;
}

static const struct field *find_field(const struct field *fields, const char *name)
{
    for (; fields->name; fields++)
        if (str_eq(fields->name, name))
            return fields;
    return NULL;
}

static void unknown_key(struct decode *c, const struct node *key, const struct field *fields)
{
    const char *names[NAMES_MAX];
    char list[LIST_TEXT_MAX], found[FOUND_MAX];
    size_t n = field_names(fields, names);
    const char *shown = decode_found(key, found);
    const char *near = str_nearest(key->text, names, n);
    if (near)
        decode_error(c, key->pos, "unknown key %s; did you mean '%s'?", shown, near);
    else
        decode_error(c, key->pos, "unknown key %s; expected %s", shown, join_names(list, names, n));
}

bool decode_misspelt(const struct node *map, const struct field *fields, const char *name)
{
    const char *names[NAMES_MAX];
    size_t n = field_names(fields, names);
    for (size_t i = 0; i < map->n; i++) {
        const char *key = map->items[2 * i]->text;
        if (!find_field(fields, key) && str_eq(str_nearest(key, names, n), name))
            return true;
    }
    return false;
}

/* ---- single values ------------------------------------------------------------ */

/* A scalar that says something; else reports what was expected. */
static bool is_text(struct decode *c, const struct node *n, const struct field *f, const char *what)
{
    if (n->kind == NODE_SCALAR && !node_is_null(n))
        return true;
    expected(c, n, f, what);
    return false;
}

static void decode_bool(struct decode *c, const struct node *n, const struct field *f, bool *out)
{
    bool yes = n->kind == NODE_SCALAR && n->plain && strcmp(n->text, "true") == 0;
    bool no = n->kind == NODE_SCALAR && n->plain && strcmp(n->text, "false") == 0;
    if (yes || no)
        *out = yes;
    else
        expected(c, n, f, n->plain ? "true or false" : "true or false, without quotes");
}

static bool in_range(const struct field *f, int64_t v)
{
    return v >= f->min && (f->max == 0 || v <= f->max);
}

/* Reports a value outside of the field's range; `text` prints a value. */
static bool check_range(struct decode *c, const struct node *n, const struct field *f, int64_t v,
                        char *(*text)(char buf[static UNITS_MAX], int64_t v))
{
    char min[UNITS_MAX], max[UNITS_MAX], found[FOUND_MAX];
    if (in_range(f, v))
        return true;
    decode_found(n, found);
    if (f->max == 0)
        decode_error(c, n->pos, "%s: must be at least %s; found %s", f->name, text(min, f->min),
                     found);
    else
        decode_error(c, n->pos, "%s: must be from %s to %s; found %s", f->name,
                     f->min == 0 ? "0" : text(min, f->min), text(max, f->max), found);
    return false;
}

static char *int_text(char buf[static UNITS_MAX], int64_t v)
{
    snprintf(buf, UNITS_MAX, "%" PRId64, v);
    return buf;
}

static int parse_int(const char *text, int64_t *ret)
{
    const char *digits = *text == '-' ? text + 1 : text;
    if (!*digits || strspn(digits, "0123456789") != strlen(digits))
        return -1;
    errno = 0;
    long long v = strtoll(text, NULL, 10);
    if (errno)
        return -1;
    *ret = v;
    return 0;
}

static void decode_int(struct decode *c, const struct node *n, const struct field *f, int64_t *out)
{
    int64_t v;
    if (!is_text(c, n, f, "a whole number"))
        return;
    if (!n->plain)
        expected(c, n, f, "a whole number, without quotes");
    else if (parse_int(n->text, &v) < 0)
        expected(c, n, f, "a whole number");
    else if (check_range(c, n, f, v, int_text))
        *out = v;
}

static void decode_duration(struct decode *c, const struct node *n, const struct field *f,
                            int64_t *out)
{
    struct err err;
    int64_t us;
    if (!is_text(c, n, f, "a duration like 15s, 500ms or 5m"))
        return;
    if (units_parse_duration(n->text, &us, &err) < 0)
        decode_error(c, n->pos, "%s: %s", f->name, err.msg);
    else if (check_range(c, n, f, us, units_duration))
        *out = us;
}

static void decode_size(struct decode *c, const struct node *n, const struct field *f, int64_t *out)
{
    struct err err;
    int64_t bytes;
    if (!is_text(c, n, f, "a size like 64KiB or 1MiB"))
        return;
    if (units_parse_size(n->text, &bytes, &err) < 0)
        decode_error(c, n->pos, "%s: %s", f->name, err.msg);
    else if (check_range(c, n, f, bytes, units_size))
        *out = bytes;
}

static void decode_percent(struct decode *c, const struct node *n, const struct field *f,
                           struct decimal *out)
{
    struct err err;
    if (!is_text(c, n, f, "a percentage like 99.9%"))
        return;
    if (decimal_parse_percent(n->text, out, &err) < 0)
        decode_error(c, n->pos, "%s: %s", f->name, err.msg);
}

static void decode_enum(struct decode *c, const struct node *n, const struct field *f, int *out)
{
    char list[LIST_TEXT_MAX], found[FOUND_MAX];
    size_t count = 0;
    while (f->names[count])
        count++;
    if (!is_text(c, n, f, join_names(list, f->names, count)))
        return;
    for (size_t i = 0; i < count; i++) {
        if (str_eq(f->names[i], n->text)) {
            *out = (int)i;
            return;
        }
    }
    const char *near = str_nearest(n->text, f->names, count);
    decode_error(c, n->pos, "%s: expected %s; found %s%s%s%s", f->name,
                 join_names(list, f->names, count), decode_found(n, found),
                 near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

/* ---- lists and maps --------------------------------------------------------------- */

static void decode_list(struct decode *c, const struct node *n, const struct field *f,
                        struct string_list *out)
{
    bool one = n->kind == NODE_SCALAR;
    size_t count = one ? 1 : n->n;
    if (n->kind == NODE_MAP || (one && node_is_null(n))) {
        expected(c, n, f, "a list of texts");
        return;
    }
    out->at = arena_alloc(c->arena, (count + 1) * sizeof(*out->at));
    out->n = 0;
    for (size_t i = 0; i < count; i++) {
        const struct node *item = one ? n : n->items[i];
        if (is_text(c, item, f, "text"))
            out->at[out->n++] = item->text;
    }
}

static void decode_map(struct decode *c, const struct node *n, const struct field *f,
                       struct string_map *out)
{
    if (n->kind != NODE_MAP) {
        expected(c, n, f, "a mapping of names to texts");
        return;
    }
    out->at = arena_alloc(c->arena, (n->n + 1) * sizeof(*out->at));
    out->n = 0;
    for (size_t i = 0; i < n->n; i++) {
        const struct node *key = n->items[2 * i], *value = n->items[2 * i + 1];
        if (value->kind == NODE_SCALAR && !node_is_null(value)) {
            out->at[out->n++] = (struct pair){key->text, value->text, key->pos};
        } else {
            char found[FOUND_MAX];
            decode_error(c, value->pos, "%s: expected text for '%.60s'; found %s", f->name,
                         key->text, decode_found(value, found));
        }
    }
}

const char *decode_path(struct arena *a, const char *file, const char *path)
{
    const char *slash = file ? strrchr(file, '/') : NULL;
    if (path[0] == '/' || !slash)
        return path;
    return arena_printf(a, "%.*s/%s", (int)(slash - file), file, path);
}

void decode_keep(struct decode *c, const struct node *n, void *out)
{
    (void)c;
    *(const struct node **)out = n;
}

/* ---- the tables ------------------------------------------------------------------- */

void decode_value(struct decode *c, const struct node *n, const struct field *f, void *out)
{
    switch (f->type) {
    case FIELD_STRING:
        if (is_text(c, n, f, "text"))
            *(const char **)out = n->text;
        break;
    case FIELD_PATH:
        if (!is_text(c, n, f, "a path"))
            break;
        if (n->text[0] == '\0')
            expected(c, n, f, "a path");
        else
            *(const char **)out = decode_path(c->arena, n->pos.file, n->text);
        break;
    case FIELD_BOOL:
        decode_bool(c, n, f, out);
        break;
    case FIELD_INT:
        decode_int(c, n, f, out);
        break;
    case FIELD_DURATION:
        decode_duration(c, n, f, out);
        break;
    case FIELD_SIZE:
        decode_size(c, n, f, out);
        break;
    case FIELD_PERCENT:
        decode_percent(c, n, f, out);
        break;
    case FIELD_ENUM:
        decode_enum(c, n, f, out);
        break;
    case FIELD_SECRET:
        decode_secret(c, n, f, out);
        break;
    case FIELD_STRING_LIST:
        decode_list(c, n, f, out);
        break;
    case FIELD_STRING_MAP:
        decode_map(c, n, f, out);
        break;
    case FIELD_SECRET_MAP:
        decode_secret_map(c, n, f, out);
        break;
    case FIELD_OBJECT:
        if (n->kind == NODE_MAP)
            decode_object(c, n, f->fields, out);
        else
            expected(c, n, f, "a mapping of keys to values");
        break;
    case FIELD_CUSTOM:
        c->key = f->name;
        f->decode(c, n, out);
        break;
    }
}

void decode_object(struct decode *c, const struct node *n, const struct field *fields, void *out)
{
    char found[FOUND_MAX];
    if (n->kind != NODE_MAP) {
        decode_error(c, n->pos, "expected a mapping of keys to values; found %s",
                     decode_found(n, found));
        return;
    }
    for (size_t i = 0; i < n->n; i++) {
        const struct node *key = n->items[2 * i];
        const struct field *f = find_field(fields, key->text);
        if (f)
            decode_value(c, n->items[2 * i + 1], f, (char *)out + f->offset);
        else
            unknown_key(c, key, fields);
    }
    for (const struct field *f = fields; f->name; f++)
        if ((f->flags & FIELD_REQUIRED) && !node_get(n, f->name) &&
            !decode_misspelt(n, fields, f->name))
            decode_error(c, n->pos, "missing key '%s'", f->name);
}

/* ---- hashes --------------------------------------------------------------------- */

uint64_t hash_mix(uint64_t a, uint64_t b)
{
    uint64_t pair[2] = {a, b};
    return str_hash(pair, sizeof(pair));
}

uint64_t node_hash(const struct node *n)
{
    uint64_t h = hash_mix((uint64_t)n->kind * 2 + n->plain, str_hash(n->text, strlen(n->text)));
    size_t items = n->kind == NODE_MAP ? 2 * n->n : n->n;
    for (size_t i = 0; i < items; i++)
        h = hash_mix(h, node_hash(n->items[i]));
    return hash_mix(h, items);
}
