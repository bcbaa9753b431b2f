/* `depends_on`: names become probes, and none may depend on itself. */
#include "config/build.h"

#include "base/mem.h"
#include "base/str.h"

#include <string.h>

#define DEPENDS_MAX 32
#define CYCLE_SHOWN 8

static void unknown(struct build *b, const struct node *at)
{
    const char **ids = mem_array(b->config->probe_count + 1, sizeof(*ids));
    for (size_t i = 0; i < b->config->probe_count; i++)
        ids[i] = b->config->probes[i]->id;
    const char *near = build_nearest(b, at->text, ids, b->config->probe_count);
    mem_free(&ids);
    if (near)
        decode_error(&b->decode, at->pos,
                     "depends_on: no probe has the id '%.128s'; did you mean '%s'?", at->text,
                     near);
    else
        decode_error(&b->decode, at->pos, "depends_on: no probe has the id '%.128s'", at->text);
}

static const struct probe_def *resolve(struct build *b, const struct probe_def *def,
                                       const struct node *at)
{
    const struct probe_def *on = config_probe(b->config, at->text);
    if (!on && !b->unread)
        unknown(b, at);
    if (on != def)
        return on;
    decode_error(&b->decode, at->pos, "depends_on: a probe cannot depend on itself");
    return NULL;
}

static void resolve_all(struct build *b, struct dependent *d)
{
    const struct node *n = d->node;
    struct string_list names = {0};
    const struct field field = {.name = "depends_on", .type = FIELD_STRING_LIST};
    size_t errors = b->decode.diag->errors, count = n->kind == NODE_SEQ ? n->n : 1;
    decode_value(&b->decode, n, &field, &names);
    if (b->decode.diag->errors != errors)
        return;
    if (count > DEPENDS_MAX) {
        decode_error(&b->decode, n->pos, "depends_on: at most %d probes", DEPENDS_MAX);
        return;
    }
    const struct probe_def **on = arena_alloc(&b->config->arena, (count + 1) * sizeof(*on));
    for (size_t i = 0; i < count; i++) {
        const struct node *at = n->kind == NODE_SEQ ? n->items[i] : n;
        const struct probe_def *found = resolve(b, d->def, at);
        if (found)
            on[d->def->depends_on_count++] = found;
    }
    d->def->depends_on = on;
}

/* ---- cycles -------------------------------------------------------------------------- */

/* The first of its dependencies that may be part of a cycle; NULL: none. */
static struct dependent *next_open(const struct table *open, const struct dependent *d)
{
    struct dependent *next = NULL;
    for (size_t i = 0; !next && i < d->def->depends_on_count; i++)
        next = table_get(open, d->def->depends_on[i]->id);
    return next;
}

/* Whoever depends on nothing that is open is not part of a cycle. Dependencies
 * are few and mostly one level deep: a pass or two. */
static void close_ends(struct build *b, struct table *open)
{
    for (bool again = true; again;) {
        again = false;
        for (size_t i = 0; i < b->dependents.len; i++) {
            struct dependent *d = &b->dependents.at[i];
            if (!table_get(open, d->def->id) || next_open(open, d))
                continue;
            table_remove(open, d->def->id);
            again = true;
        }
    }
}

static void report_cycle(struct build *b, const struct table *open, struct dependent *first)
{
    struct str path;
    struct dependent *d = first;
    str_init(&path, 4096);
    for (int i = 0; i < CYCLE_SHOWN && (i == 0 || d != first); i++, d = next_open(open, d))
        str_addf(&path, "%s -> ", d->def->id);
    str_add(&path, d == first ? first->def->id : "...");
    decode_error(&b->decode, first->node->pos, "depends_on: probes depend on each other: %s",
                 path.buf);
    str_release(&path);
}

/* From any open one the way leads into a cycle; each is told once. */
static void find_cycles(struct build *b, const struct table *open)
{
    for (size_t i = 0; i < b->dependents.len; i++) {
        struct dependent *d = &b->dependents.at[i];
        size_t walk = i + 1;
        if (!table_get(open, d->def->id))
            continue;
        for (; !d->walk; d = next_open(open, d))
            d->walk = walk;
        if (d->walk == walk)
            report_cycle(b, open, d);
    }
}

void build_depends(struct build *b)
{
    struct table open = {0};
    for (size_t i = 0; i < b->dependents.len; i++) {
        resolve_all(b, &b->dependents.at[i]);
        table_set(&open, b->dependents.at[i].def->id, &b->dependents.at[i]);
    }
    close_ends(b, &open);
    find_cycles(b, &open);
    table_release(&open);
}
