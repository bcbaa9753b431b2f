#include "model/message.h"

#include "base/json.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#define FNV_OFFSET 14695981039346656037ULL
#define FNV_PRIME 1099511628211ULL

static uint64_t fnv_text(uint64_t h, const char *text)
{
    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * FNV_PRIME;
    return (h ^ 0xff) * FNV_PRIME;
}

char *message_fingerprint(char buf[static FINGERPRINT_SIZE], const struct string_map *labels)
{
    uint64_t h = FNV_OFFSET;
    for (size_t i = 0; i < labels->n; i++)
        h = fnv_text(fnv_text(h, labels->at[i].key), labels->at[i].value);
    snprintf(buf, FINGERPRINT_SIZE, "%016llx", (unsigned long long)h);
    return buf;
}

const char *message_label(const struct string_map *labels, const char *key)
{
    size_t low = 0, high = labels->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(key, labels->at[middle].key);
        if (order == 0)
            return labels->at[middle].value;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct pair *)a)->key, ((const struct pair *)b)->key);
}

void message_sort_map(struct string_map *map)
{
    if (map->n > 1)
        qsort(map->at, map->n, sizeof(*map->at), by_key);
}

static int by_urgency(const void *a, const void *b)
{
    const struct message_alert *x = a, *y = b;
    if (x->firing != y->firing)
        return x->firing ? -1 : 1;
    if (x->starts_us != y->starts_us)
        return x->starts_us < y->starts_us ? -1 : 1;
    return strcmp(x->fingerprint, y->fingerprint);
}

void message_sort_alerts(struct message *m)
{
    if (m->alert_count > 1)
        qsort(m->alerts, m->alert_count, sizeof(*m->alerts), by_urgency);
}

static const struct string_map *map_of(const struct message_alert *a, bool labels)
{
    return labels ? &a->labels : &a->annotations;
}

static bool all_have(const struct message *m, bool labels, const struct pair *p)
{
    for (size_t i = 1; i < m->alert_count; i++) {
        const char *value = message_label(map_of(&m->alerts[i], labels), p->key);
        if (!value || strcmp(value, p->value) != 0)
            return false;
    }
    return true;
}

static struct string_map common(const struct message *m, bool labels, struct arena *arena)
{
    struct string_map ret = {0};
    if (m->alert_count == 0)
        return ret;
    const struct string_map *first = map_of(&m->alerts[0], labels);
    ret.at = arena_alloc(arena, (first->n + 1) * sizeof(*ret.at));
    for (size_t i = 0; i < first->n; i++)
        if (all_have(m, labels, &first->at[i]))
            ret.at[ret.n++] = first->at[i];
    return ret;
}

void message_common(struct message *m, struct arena *arena)
{
    m->common_labels = common(m, true, arena);
    m->common_annotations = common(m, false, arena);
    m->firing = false;
    for (size_t i = 0; i < m->alert_count; i++)
        m->firing = m->firing || m->alerts[i].firing;
}

void message_group_key(const char *route_key, const struct string_map *group_labels,
                       struct str *out)
{
    str_addf(out, "%s:{", route_key);
    for (size_t i = 0; i < group_labels->n; i++) {
        const struct pair *p = &group_labels->at[i];
        str_addf(out, "%s%s=", i ? ", " : "", p->key);
        message_quote(p->value, strlen(p->value), out);
    }
    str_addc(out, '}');
}

/* ---- quotes ---------------------------------------------------------------------- */

/* Past ASCII: spaces but for the one, what has no shape, what is nobody's. */
static const struct {
    uint32_t from, to;
} hidden[] = {
    {0x80, 0xa0},     {0xad, 0xad},     {0x61c, 0x61c},   {0x1680, 0x1680},   {0x180e, 0x180e},
    {0x2000, 0x200f}, {0x2028, 0x202f}, {0x205f, 0x206f}, {0x3000, 0x3000},   {0xe000, 0xf8ff},
    {0xfeff, 0xfeff}, {0xfff0, 0xfffb}, {0xfffe, 0xffff}, {0xe0000, 0xe0fff}, {0xf0000, 0x10ffff},
};

static uint32_t code_point(const unsigned char *p, size_t len)
{
    uint32_t c = len == 1 ? p[0] : p[0] & (0x7fU >> len);
    for (size_t i = 1; i < len; i++)
        c = c << 6 | (p[i] & 0x3f);
    return c;
}

static bool is_hidden(uint32_t c)
{
    for (size_t i = 0; i < countof(hidden); i++)
        if (c >= hidden[i].from && c <= hidden[i].to)
            return true;
    return false;
}

static void quote_ascii(unsigned char c, struct str *out)
{
    static const char plain[] = "\"\\\a\b\f\n\r\t\v";
    static const char letters[] = "\"\\abfnrtv";
    const char *at = c ? strchr(plain, c) : NULL;
    if (at)
        str_addf(out, "\\%c", letters[at - plain]);
    else if (c < 0x20 || c == 0x7f)
        str_addf(out, "\\x%02x", c);
    else
        str_addc(out, (char)c);
}

void message_quote(const char *text, size_t n, struct str *out)
{
    const unsigned char *p = (const unsigned char *)text;
    str_addc(out, '"');
    for (size_t i = 0; i < n;) {
        size_t len = json_utf8(p + i, n - i);
        uint32_t c = len ? code_point(p + i, len) : 0;
        if (len == 0)
            str_addf(out, "\\x%02x", p[i]);
        else if (len == 1)
            quote_ascii(p[i], out);
        else if (is_hidden(c))
            str_addf(out, c > 0xffff ? "\\U%08x" : "\\u%04x", c);
        else
            str_addn(out, p + i, len);
        i += len ? len : 1;
    }
    str_addc(out, '"');
}
