#include "config/tree.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/vec.h"

#include <string.h>
#include <yaml.h>

/* A container whose end has not come yet. For a map, keys and values in turn. */
struct open_node {
    struct node *node;
    VEC(struct node *) items;
};

struct reader {
    struct arena *nodes, *texts;
    struct diag *diag;
    const char *file, *text;
    size_t len;
    yaml_parser_t parser;
    struct open_node stack[YAML_DEPTH_MAX];
    size_t depth;
    size_t events;
    VEC(struct node *) documents;
};

static struct pos pos_of(const struct reader *r, yaml_mark_t mark)
{
    return (struct pos){r->file, (int)mark.line + 1, (int)mark.column + 1};
}

/* ---- errors of the text itself ------------------------------------------- */

/* The position of a byte; columns count characters, as libyaml's do. */
static struct pos pos_at(const struct reader *r, size_t offset)
{
    struct pos pos = {r->file, 1, 1};
    for (size_t i = 0; i < offset && i < r->len; i++) {
        unsigned char c = (unsigned char)r->text[i];
        if (c == '\n') {
            pos.line++;
            pos.column = 1;
        } else if ((c & 0xc0) != 0x80) {
            pos.column++;
        }
    }
    return pos;
}

/* The byte at a mark, or 0 past the end. */
static char byte_at(const struct reader *r, yaml_mark_t mark)
{
    const char *p = r->text, *end = r->text + r->len;
    for (size_t line = 0; line < mark.line; line++) {
        p = memchr(p, '\n', (size_t)(end - p));
        if (!p)
            return 0;
        p++;
    }
    for (size_t column = 0; p < end && (column < mark.column || (*p & 0xc0) == 0x80); p++)
        column += (*p & 0xc0) != 0x80;
    return p < end ? *p : 0;
}

/* libyaml would read UTF-16 and ends at a NUL where its callers look. */
static int check_bytes(const struct reader *r)
{
    for (size_t i = 0; i < r->len;) {
        unsigned char c = (unsigned char)r->text[i];
        size_t n = json_utf8((const unsigned char *)r->text + i, r->len - i);
        if (c == 0) {
            diag_error(r->diag, pos_at(r, i), "NUL byte: this is not a text file");
            return -1;
        }
        if (n == 0) {
            diag_error(r->diag, pos_at(r, i), "byte 0x%02x is not valid UTF-8", c);
            return -1;
        }
        i += n;
    }
    return 0;
}

/* What people get wrong most, in their words; false: no better text is known. */
static bool explain(const struct reader *r, const yaml_parser_t *p)
{
    struct pos pos = pos_of(r, p->problem_mark);
    char c = byte_at(r, p->problem_mark);
    if (p->problem && strstr(p->problem, "cannot start any token")) {
        if (c == '\t')
            diag_error(r->diag, pos, "YAML syntax: a tab; indentation is made of spaces");
        else
            diag_error(r->diag, pos, "YAML syntax: a value that starts with '%c' needs quotes", c);
        return true;
    }
    if (p->problem && strstr(p->problem, "tab character")) {
        diag_error(r->diag, pos, "YAML syntax: a tab; indentation is made of spaces");
        return true;
    }
    if (p->problem && strstr(p->problem, "mapping values are not allowed")) {
        diag_error(r->diag, pos,
                   "YAML syntax: a ':' that does not belong here: text that holds ': ' needs "
                   "quotes, and all keys of a mapping the same indentation");
        return true;
    }
    return false;
}

static int syntax_error(const struct reader *r)
{
    const yaml_parser_t *p = &r->parser;
    const char *problem = p->problem ? p->problem : "cannot be read";
    if (p->error == YAML_READER_ERROR)
        diag_error(r->diag, pos_at(r, p->problem_offset), "%s", problem);
    else if (explain(r, p))
        return -1;
    else if (p->context)
        diag_error(r->diag, pos_of(r, p->problem_mark), "YAML syntax: %s %s from line %zu on",
                   problem, p->context, p->context_mark.line + 1);
    else
        diag_error(r->diag, pos_of(r, p->problem_mark), "YAML syntax: %s", problem);
    return -1;
}

/* ---- building the tree ---------------------------------------------------- */

/* By text, equal ones in file order. */
static int compare_keys(const void *a, const void *b)
{
    const struct node *x = **(struct node *const *const *)a, *y = **(struct node *const *const *)b;
    int c = strcmp(x->text, y->text);
    if (c)
        return c;
    if (x->pos.line != y->pos.line)
        return x->pos.line < y->pos.line ? -1 : 1;
    return (x->pos.column > y->pos.column) - (x->pos.column < y->pos.column);
}

/* Reports keys that come a second time and takes their pairs out. */
static void drop_duplicates(struct reader *r, struct node *map)
{
    if (map->n < 2)
        return;
    struct node ***keys = mem_array(map->n, sizeof(*keys));
    for (size_t i = 0; i < map->n; i++)
        keys[i] = &map->items[2 * i];
    qsort(keys, map->n, sizeof(*keys), compare_keys);

    bool any = false;
    const struct node *first = *keys[0];
    for (size_t i = 1; i < map->n; i++) {
        struct node *key = *keys[i];
        if (strcmp(key->text, first->text) != 0) {
            first = key;
            continue;
        }
        diag_error(r->diag, key->pos, "duplicate key '%.60s'; it was set in line %d already",
                   key->text, first->pos.line);
        *keys[i] = NULL;
        any = true;
    }
    mem_free(&keys);

    size_t kept = 0;
    for (size_t i = 0; any && i < map->n; i++) {
        if (!map->items[2 * i])
            continue;
        map->items[2 * kept] = map->items[2 * i];
        map->items[2 * kept + 1] = map->items[2 * i + 1];
        kept++;
    }
    map->n = any ? kept : map->n;
}

/* Takes out pairs whose key is not a scalar: they have no name. */
static void drop_unnamed(struct reader *r, struct node *map)
{
    size_t kept = 0;
    for (size_t i = 0; i < map->n; i++) {
        struct node *key = map->items[2 * i];
        if (key->kind != NODE_SCALAR) {
            diag_error(r->diag, key->pos, "a key must be text, not a list or a mapping");
            continue;
        }
        map->items[2 * kept] = key;
        map->items[2 * kept + 1] = map->items[2 * i + 1];
        kept++;
    }
    map->n = kept;
}

static void append(struct reader *r, struct node *node)
{
    if (r->depth > 0)
        vec_push(&r->stack[r->depth - 1].items, node);
    else if (!node_is_null(node))
        vec_push(&r->documents, node);
}

static struct node *new_node(struct reader *r, enum node_kind kind, yaml_mark_t mark)
{
    struct node *node = arena_alloc(r->nodes, sizeof(*node));
    node->kind = kind;
    node->pos = pos_of(r, mark);
    node->text = "";
    return node;
}

static void check_properties(struct reader *r, const yaml_event_t *e, const yaml_char_t *anchor,
                             const yaml_char_t *tag)
{
    if (anchor)
        diag_error(r->diag, pos_of(r, e->start_mark),
                   "anchor '&%.60s': anchors and aliases are not accepted, repeat the text",
                   (const char *)anchor);
    if (tag)
        diag_error(r->diag, pos_of(r, e->start_mark),
                   "tag '%.60s': tags are not accepted, each key knows its type",
                   (const char *)tag);
}

static int on_scalar(struct reader *r, const yaml_event_t *e)
{
    const char *value = (const char *)e->data.scalar.value;
    size_t len = e->data.scalar.length;
    check_properties(r, e, e->data.scalar.anchor, e->data.scalar.tag);
    if (memchr(value, 0, len)) {
        diag_error(r->diag, pos_of(r, e->start_mark), "text that holds a NUL is not accepted");
        return -1;
    }
    struct node *node = new_node(r, NODE_SCALAR, e->start_mark);
    node->plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    node->text = arena_strndup(r->texts, value, len);
    append(r, node);
    return 0;
}

static int on_start(struct reader *r, const yaml_event_t *e, enum node_kind kind)
{
    if (kind == NODE_MAP)
        check_properties(r, e, e->data.mapping_start.anchor, e->data.mapping_start.tag);
    else
        check_properties(r, e, e->data.sequence_start.anchor, e->data.sequence_start.tag);
    if (r->depth == YAML_DEPTH_MAX) {
        diag_error(r->diag, pos_of(r, e->start_mark), "nested more than %d levels deep",
                   YAML_DEPTH_MAX);
        return -1;
    }
    struct node *node = new_node(r, kind, e->start_mark);
    append(r, node);
    r->stack[r->depth++] = (struct open_node){.node = node};
    return 0;
}

static void on_end(struct reader *r)
{
    struct open_node *open = &r->stack[--r->depth];
    struct node *node = open->node;
    size_t n = open->items.len;
    node->items = arena_alloc(r->nodes, (n ? n : 1) * sizeof(*node->items));
    for (size_t i = 0; i < n; i++)
        node->items[i] = open->items.at[i];
    node->n = node->kind == NODE_MAP ? n / 2 : n;
    vec_release(&open->items);
    if (node->kind == NODE_MAP) {
        drop_unnamed(r, node);
        drop_duplicates(r, node);
    }
}

static int on_event(struct reader *r, const yaml_event_t *e)
{
    if (++r->events > YAML_EVENTS_MAX) {
        diag_error(r->diag, pos_of(r, e->start_mark),
                   "more than %d values in one file; spread them over several", YAML_EVENTS_MAX);
        return -1;
    }
    switch (e->type) {
    case YAML_SCALAR_EVENT:
        return on_scalar(r, e);
    case YAML_SEQUENCE_START_EVENT:
        return on_start(r, e, NODE_SEQ);
    case YAML_MAPPING_START_EVENT:
        return on_start(r, e, NODE_MAP);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        on_end(r);
        return 0;
    case YAML_ALIAS_EVENT:
        diag_error(r->diag, pos_of(r, e->start_mark),
                   "alias '*%.60s': anchors and aliases are not accepted, repeat the text "
                   "(a value that starts with '*' needs quotes)",
                   (const char *)e->data.alias.anchor);
        return -1;
    default:
        return 0;
    }
}

static int read_events(struct reader *r)
{
    for (bool more = true; more;) {
        yaml_event_t event;
        if (!yaml_parser_parse(&r->parser, &event))
            return syntax_error(r);
        more = event.type != YAML_STREAM_END_EVENT;
        int rc = on_event(r, &event);
        yaml_event_delete(&event);
        if (rc < 0)
            return -1;
    }
    return 0;
}

int yaml_parse(struct arena *nodes, struct arena *texts, const char *file, const char *text,
               size_t len, struct diag *diag, struct yaml_documents *ret)
{
    struct reader r = {.nodes = nodes, .texts = texts, .diag = diag, .file = file};
    size_t bom = len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    r.text = text + bom;
    r.len = len - bom;
    if (len > YAML_FILE_MAX) {
        diag_error(diag, (struct pos){file, 0, 0}, "larger than %zu KiB", YAML_FILE_MAX >> 10);
        return -1;
    }
    if (check_bytes(&r) < 0)
        return -1;
    if (!yaml_parser_initialize(&r.parser))
        abort(); /* out of memory */
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)r.text, r.len);

    int rc = read_events(&r);
    if (rc == 0) {
        ret->n = r.documents.len;
        ret->at = arena_alloc(nodes, (ret->n ? ret->n : 1) * sizeof(*ret->at));
        for (size_t i = 0; i < ret->n; i++)
            ret->at[i] = r.documents.at[i];
    }
    for (size_t i = 0; i < r.depth; i++)
        vec_release(&r.stack[i].items);
    vec_release(&r.documents);
    yaml_parser_delete(&r.parser);
    return rc;
}

/* ---- looking at a tree ----------------------------------------------------- */

const struct node *node_get(const struct node *map, const char *key)
{
    if (!map || map->kind != NODE_MAP)
        return NULL;
    for (size_t i = 0; i < map->n; i++)
        if (strcmp(map->items[2 * i]->text, key) == 0)
            return map->items[2 * i + 1];
    return NULL;
}

bool node_is_null(const struct node *n)
{
    return n->kind == NODE_SCALAR && n->plain &&
           (n->text[0] == '\0' || strcmp(n->text, "~") == 0 || strcmp(n->text, "null") == 0);
}
