#include "io/hosts.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct line {
    size_t name; /* offset into text */
    size_t seq;  /* place in the file: order among equal names */
    struct resolve_addr addr;
};

struct hosts {
    char *text; /* lower-case copy; words are NUL-terminated in place */
    VEC(struct line) lines;
};

static int compare_lines(const void *a, const void *b, void *text)
{
    const struct line *x = a, *y = b;
    int c = strcmp((const char *)text + x->name, (const char *)text + y->name);

    return c ? c : (x->seq > y->seq) - (x->seq < y->seq);
}

static char *next_word(char **at)
{
    char *p = *at;

    while (*p == ' ' || *p == '\t' || *p == '\r')
        p++;
    if (!*p)
        return NULL;
    char *word = p;

    while (*p && *p != ' ' && *p != '\t' && *p != '\r')
        p++;
    if (*p)
        *p++ = '\0';
    *at = p;
    return word;
}

static void parse_line(struct hosts *h, char *line)
{
    char *comment = strchr(line, '#');

    if (comment)
        *comment = '\0';
    char *word = next_word(&line);
    struct line l = {0};

    if (!word)
        return;
    if (inet_pton(AF_INET, word, l.addr.ip) == 1)
        l.addr.family = AF_INET;
    else if (inet_pton(AF_INET6, word, l.addr.ip) == 1)
        l.addr.family = AF_INET6;
    else
        return;
    for (word = next_word(&line); word; word = next_word(&line)) {
        l.name = (size_t)(word - h->text);
        l.seq = h->lines.len;
        vec_push(&h->lines, l);
    }
}

struct hosts *hosts_parse(const char *text, size_t n)
{
    struct hosts *h = mem_alloc(sizeof(*h));

    if (n > HOSTS_MAX_BYTES)
        n = HOSTS_MAX_BYTES;
    h->text = mem_strndup(text, n);
    for (char *p = h->text; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    for (char *line = h->text; line;) {
        char *end = strchr(line, '\n');

        if (end)
            *end++ = '\0';
        parse_line(h, line);
        line = end;
    }
    if (h->lines.len)
        qsort_r(h->lines.at, h->lines.len, sizeof(*h->lines.at), compare_lines, h->text);
    return h;
}

struct hosts *hosts_read(const char *path)
{
    FILE *f = fopen(path, "re");

    if (!f)
        return hosts_parse("", 0);
    struct str text;
    char chunk[16384];
    size_t n;

    str_init(&text, HOSTS_MAX_BYTES);
    while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
        if (str_addn(&text, chunk, n) < 0)
            break;
    fclose(f);
    struct hosts *h = hosts_parse(text.buf, text.len);

    str_release(&text);
    return h;
}

void hosts_free(struct hosts *h)
{
    if (!h)
        return;
    vec_release(&h->lines);
    free(h->text);
    free(h);
}

bool hosts_find(const struct hosts *h, const char *name, int family, struct resolve_addrs *ret)
{
    size_t low = 0, high = h->lines.len, before = ret->n;

    while (low < high) {
        size_t mid = (low + high) / 2;

        if (strcmp(h->text + h->lines.at[mid].name, name) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    for (; low < h->lines.len && str_eq(h->text + h->lines.at[low].name, name); low++) {
        const struct resolve_addr *a = &h->lines.at[low].addr;

        if (family == AF_UNSPEC || family == a->family)
            resolve_addrs_add(ret, a->family, a->ip);
    }
    return ret->n > before;
}
