#include "cli/replay.h"

#include "base/vec.h"
#include "base/when.h"
#include "config/decode.h"
#include "config/file.h"
#include "config/tree.h"

#include <string.h>

static void decode_time(struct decode *c, const struct node *n, void *out)
{
    char found[FOUND_MAX];
    struct err err;
    if (n->kind != NODE_SCALAR || node_is_null(n))
        decode_error(c, n->pos, "expected a time such as 2026-11-21T00:00:00Z; found %s",
                     decode_found(n, found));
    else if (when_parse(n->text, strlen(n->text), out, &err) < 0)
        decode_error(c, n->pos, "%s", err.msg);
}

static const struct field fields[] = {
    {"from", FIELD_CUSTOM, offsetof(struct score_incident, from_us), .flags = FIELD_REQUIRED,
     .decode = decode_time},
    {"to", FIELD_CUSTOM, offsetof(struct score_incident, to_us), .flags = FIELD_REQUIRED,
     .decode = decode_time},
    {"name", FIELD_STRING, offsetof(struct score_incident, name), .flags = FIELD_REQUIRED},
    {0},
};

static void decode_incident(struct decode *c, const struct node *n, struct score_incident *in)
{
    size_t errors = c->diag->errors;
    decode_object(c, n, fields, in);
    if (c->diag->errors == errors && in->from_us >= in->to_us)
        decode_error(c, n->pos, "'from' must be before 'to'");
}

/*
 * Objects one a line are no YAML document; in brackets, with a comma behind each,
 * they are a list of one, and all but the first line keep their places.
 */
static void enclose(const char *text, struct str *out)
{
    str_addc(out, '[');
    while (*text) {
        size_t n = strcspn(text, "\n"), end = n;
        while (end > 0 && strchr(" \t\r", text[end - 1]))
            end--;
        str_addn(out, text, end);
        if (end > 0)
            str_addc(out, ',');
        if (text[n])
            str_addc(out, '\n');
        text += n + (text[n] != '\0');
    }
    str_addc(out, ']');
}

static void correct_places(struct diag *d)
{
    for (size_t i = 0; i < d->n; i++)
        if (d->items[i].pos.line == 1 && d->items[i].pos.column > 1)
            d->items[i].pos.column--;
}

static int decode_list(struct decode *c, const struct node *list, struct score_incident **ret,
                       size_t *ret_n)
{
    size_t errors = c->diag->errors;
    if (list->kind != NODE_SEQ) {
        decode_error(c, list->pos, "expected a list of incidents: {from: ..., to: ..., name: ...}");
        return -1;
    }
    *ret = arena_alloc(c->arena, (list->n + 1) * sizeof(**ret));
    *ret_n = list->n;
    for (size_t i = 0; i < list->n; i++)
        decode_incident(c, list->items[i], &(*ret)[i]);
    return c->diag->errors == errors ? 0 : -1;
}

static int parse(struct decode *c, const char *name, const struct str *text,
                 struct score_incident **ret, size_t *ret_n)
{
    struct yaml_documents docs = {0};
    if (yaml_parse(c->arena, c->arena, name, text->buf, text->len, c->diag, &docs) < 0)
        return -1;
    if (docs.n == 1)
        return decode_list(c, docs.at[0], ret, ret_n);
    diag_error(c->diag, (struct pos){.file = name}, "expected one list of incidents; found %s",
               docs.n ? "several documents" : "nothing");
    return -1;
}

int incidents_read(const char *path, struct arena *arena, struct score_incident **ret,
                   size_t *ret_n, struct diag *diag)
{
    struct decode c = {.arena = arena, .diag = diag};
    const char *name = arena_strdup(arena, path);
    struct str text, list;
    struct err err;
    str_init(&text, YAML_FILE_MAX);
    str_init(&list, 2 * YAML_FILE_MAX);
    int rc = file_read(path, &text, &err);
    if (rc < 0) {
        diag_error(diag, (struct pos){.file = name}, "%s", err.msg);
    } else if (text.buf[strspn(text.buf, " \t\r\n")] == '{') {
        enclose(text.buf, &list);
        rc = parse(&c, name, &list, ret, ret_n);
        correct_places(diag);
    } else {
        rc = parse(&c, name, &text, ret, ret_n);
    }
    str_release(&text);
    str_release(&list);
    return rc;
}
