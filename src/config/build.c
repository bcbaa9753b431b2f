#include "config/build.h"
#include "config/receivers.h"

#include "base/str.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

/* ---- kinds ------------------------------------------------------------------ */

const struct field *build_kind_fields(struct arena *a, const struct field *base,
                                      const char *const *names, const char *const *helps, size_t n,
                                      size_t offset)
{
    size_t own = 0;
    while (base[own].name)
        own++;
    struct field *fields = arena_alloc(a, (own + n + 1) * sizeof(*fields));
    memcpy(fields, base, own * sizeof(*fields));
    for (size_t i = 0; i < n; i++)
        fields[own + i] = (struct field){.name = names[i],
                                         .type = FIELD_CUSTOM,
                                         .offset = offset + i * sizeof(struct node *),
                                         .decode = decode_keep,
                                         .help = helps[i]};
    return fields;
}

void build_no_choice(struct build *b, const struct node *n, const struct field *fields,
                     const char *const *names, size_t count, const char *what)
{
    struct str list;
    for (size_t i = 0; i < count; i++)
        if (decode_misspelt(n, fields, names[i]))
            return;
    str_init(&list, 512);
    for (size_t i = 0; i < count; i++)
        str_addf(&list, "%s'%s:'", i ? ", " : "", names[i]);
    decode_error(&b->decode, n->pos, "missing what kind of %s this is: one of %s", what, list.buf);
    str_release(&list);
}

int build_choice(struct build *b, const struct node *n, const struct field *fields,
                 const struct choice *choice, const char *const *names, size_t count,
                 const char *what)
{
    int chosen = -1;
    for (size_t i = 0; i < count; i++) {
        if (!choice->at[i])
            continue;
        if (chosen >= 0) {
            decode_error(&b->decode, choice->at[i]->pos,
                         "a %s has one kind; this one is '%s' "
                         "and '%s'",
                         what, names[chosen], names[i]);
            return -1;
        }
        chosen = (int)i;
    }
    if (chosen < 0)
        build_no_choice(b, n, fields, names, count, what);
    return chosen;
}

void build_spec(struct build *b, const struct node *under, const char *kind,
                const struct field *fields, void *spec)
{
    struct field object = {.name = kind, .type = FIELD_OBJECT, .fields = fields};
    decode_value(&b->decode, under, &object, spec);
}

/* ---- shared checks ------------------------------------------------------------- */

bool build_check_name(struct build *b, const struct node *n, const char *key, const char *name)
{
    size_t len = strlen(name);
    bool ok = len > 0 && len <= NAME_LEN_MAX && isalnum((unsigned char)name[0]);
    for (size_t i = 0; ok && i < len; i++)
        ok = isalnum((unsigned char)name[i]) || strchr("._-", name[i]);
    if (ok)
        return true;
    char found[FOUND_MAX];
    const struct node *at = node_get(n, key);
    decode_error(&b->decode, at->pos,
                 "%s: expected 1 to %d letters, digits, '.', '_' or '-', the first one a letter "
                 "or digit; found %s",
                 key, NAME_LEN_MAX, decode_found(at, found));
    return false;
}

bool build_check_labels(struct build *b, const struct string_map *labels)
{
    bool ok = true;
    for (size_t i = 0; i < labels->n; i++) {
        const char *key = labels->at[i].key;
        bool good = key[0] && !isdigit((unsigned char)key[0]) && strlen(key) <= NAME_LEN_MAX;
        for (const char *p = key; good && *p; p++)
            good = isalnum((unsigned char)*p) || *p == '_';
        if (good)
            continue;
        decode_error(&b->decode, labels->at[i].pos,
                     "label '%.60s': a name is made of letters, digits and '_' and does not "
                     "start with a digit",
                     key);
        ok = false;
    }
    return ok;
}

#define COMPARED_MAX 100000 /* names, of 64 characters at most */

const char *build_nearest(struct build *b, const char *word, const char *const *names, size_t n)
{
    if (b->decode.diag->errors >= DIAG_MAX || n > COMPARED_MAX - b->compared)
        return NULL;
    b->compared += n;
    return str_nearest(word, names, n);
}

const struct node *build_list(struct build *b, const struct node *doc, const char *key)
{
    char found[FOUND_MAX];
    const struct node *list = node_get(doc, key);
    if (!list) {
        decode_error(&b->decode, doc->pos, "missing key '%s'", key);
        return NULL;
    }
    if (list->kind == NODE_SEQ)
        return list;
    decode_error(&b->decode, list->pos, "%s: expected a list; found %s", key,
                 decode_found(list, found));
    return NULL;
}

/* ---- life ------------------------------------------------------------------------ */

void build_init(struct build *b, struct config *config, const struct config_tables *tables,
                struct diag *diag)
{
    *b = (struct build){.config = config, .tables = tables};
    b->decode = (struct decode){.arena = &config->arena, .diag = diag};
    b->probe_fields = probes_fields(&config->arena, tables);
    b->receiver_tables = receivers_tables(&config->arena, tables);
}

void build_release(struct build *b)
{
    vec_release(&b->probes);
    vec_release(&b->slos);
    vec_release(&b->receivers);
    vec_release(&b->exclusions);
    vec_release(&b->dependents);
    vec_release(&b->openslo);
    for (size_t i = 0; i < OPENSLO_KINDS; i++) {
        table_release(&b->openslo_names[i]);
        vec_release(&b->openslo_lists[i]);
    }
    vec_release(&b->probe_ids);
    vec_release(&b->renames);
    vec_release(&b->folders);
}
