#include "notify/guard.h"

#include <string.h>

/* U+E0F0 to U+E0F3 stand for these, in UTF-8 the bytes EE 83 B0 to B3. */
static const char guarded[] = "<>&\"";
#define LEAD "\xee\x83"
#define FIRST 0xb0

static const char *const html[] = {"&lt;", "&gt;", "&amp;", "&quot;"};

/* The index of the guarded character at p, or -1. */
static int private_at(const char *p, size_t left)
{
    if (left < 3 || memcmp(p, LEAD, 2) != 0)
        return -1;
    int i = (unsigned char)p[2] - FIRST;
    return i >= 0 && i < 4 ? i : -1;
}

static void add_private(struct str *out, int i)
{
    str_add(out, LEAD);
    str_addc(out, (char)(FIRST + i));
}

static const char *guard_text(const char *text, struct arena *arena)
{
    if (!text || (!strpbrk(text, guarded) && !strstr(text, LEAD)))
        return text;
    struct str out;
    size_t n = strlen(text);
    str_init(&out, 3 * n + 1);
    for (size_t i = 0; i < n; i++) {
        const char *at = strchr(guarded, text[i]);
        if (at) {
            add_private(&out, (int)(at - guarded));
        } else if (private_at(text + i, n - i) >= 0) {
            str_add(&out, "\xef\xbf\xbd");
            i += 2;
        } else {
            str_addc(&out, text[i]);
        }
    }
    const char *copy = arena_strndup(arena, out.buf, out.len);
    str_release(&out);
    return copy;
}

static struct string_map guard_map(const struct string_map *map, struct arena *arena)
{
    struct string_map copy = {arena_alloc(arena, (map->n + 1) * sizeof(*copy.at)), map->n};
    for (size_t i = 0; i < map->n; i++) {
        copy.at[i] = map->at[i];
        copy.at[i].key = guard_text(map->at[i].key, arena);
        copy.at[i].value = guard_text(map->at[i].value, arena);
    }
    return copy;
}

struct message *guard_message(const struct message *m, struct arena *arena)
{
    struct message *copy = arena_alloc(arena, sizeof(*copy));
    *copy = *m;
    copy->receiver = guard_text(m->receiver, arena);
    copy->group_key = guard_text(m->group_key, arena);
    copy->external_url = guard_text(m->external_url, arena);
    copy->group_labels = guard_map(&m->group_labels, arena);
    copy->common_labels = guard_map(&m->common_labels, arena);
    copy->common_annotations = guard_map(&m->common_annotations, arena);
    copy->alerts = arena_alloc(arena, (m->alert_count + 1) * sizeof(*copy->alerts));
    for (size_t i = 0; i < m->alert_count; i++) {
        copy->alerts[i] = m->alerts[i];
        copy->alerts[i].labels = guard_map(&m->alerts[i].labels, arena);
        copy->alerts[i].annotations = guard_map(&m->alerts[i].annotations, arena);
        copy->alerts[i].generator_url = guard_text(m->alerts[i].generator_url, arena);
    }
    return copy;
}

void guard_strip(const char *text, size_t n, struct str *out)
{
    for (size_t i = 0; i < n; i++) {
        const char *end = text[i] == '<' ? memchr(text + i, '>', n - i) : NULL;
        int entity = -1;
        for (int k = 0; text[i] == '&' && k < 4; k++)
            if (strlen(html[k]) <= n - i && memcmp(text + i, html[k], strlen(html[k])) == 0)
                entity = k;
        if (end) {
            i = (size_t)(end - text);
        } else if (entity >= 0) {
            add_private(out, entity);
            i += strlen(html[entity]) - 1;
        } else if (text[i] != '<') {
            str_addc(out, text[i]);
        }
    }
}

void guard_finish(const char *text, size_t n, enum text_style style, struct str *out)
{
    for (size_t i = 0; i < n; i++) {
        int k = private_at(text + i, n - i);
        if (k < 0) {
            str_addc(out, text[i]);
            continue;
        }
        if (style == TEXT_PLAIN || (style == TEXT_SLACK && guarded[k] == '"'))
            str_addc(out, guarded[k]);
        else
            str_add(out, html[k]);
        i += 2;
    }
}
