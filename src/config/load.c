/* Finds the files, parses them all, then decodes what they hold. */
#include "config/load.h"

#include "config/build.h"
#include "config/file.h"
#include "config/openslo.h"
#include "config/tree.h"
#include "config/watchdog.h"

#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define BYTES_MAX ((size_t)64 << 20) /* of all files together */
#define DEFAULT_FILE "nines.yaml"
#define API_VERSION "nines/v1"

enum document_kind {
    DOC_ALERTMANAGER,
    DOC_UNKNOWN,
    DOC_DAEMON,
    DOC_PROBES,
    DOC_EXCLUSIONS,
    DOC_SLOS,
    DOC_OPENSLO
};

static const char *const kind_names[] = {"Daemon", "Probes", "Exclusions", "SLOs"};

struct document {
    const struct node *node;
    enum document_kind kind;
    bool in_folder; /* of a file that a folder of the configuration holds */
    bool instead;   /* of what takes the place of the configuration's SLOs */
};

/* A file is read once, by however many ways it is found. */
struct file_id {
    dev_t device;
    ino_t inode;
};

struct load {
    struct build build;
    struct diag *diag;
    struct arena nodes; /* of all documents */
    VEC(struct document) documents;
    VEC(struct file_id) seen;
    size_t bytes, errors_before;
    bool alertmanager;       /* so are those of the file that nines.yaml names so */
    bool in_folder, instead; /* what is added to the documents now */
    bool replaced;           /* SLOs that are not `instead` of others are left out */
};

static bool seen_before(struct load *l, const char *path)
{
    struct stat st;
    if (stat(path, &st) < 0)
        return false;
    for (size_t i = 0; i < l->seen.len; i++)
        if (l->seen.at[i].device == st.st_dev && l->seen.at[i].inode == st.st_ino)
            return true;
    vec_push(&l->seen, ((struct file_id){st.st_dev, st.st_ino}));
    return false;
}

static enum document_kind kind_of(const struct node *doc)
{
    const struct node *kind = node_get(doc, "kind");
    if (openslo_is(doc))
        return DOC_OPENSLO;
    for (int i = 0; kind && kind->kind == NODE_SCALAR && i < (int)countof(kind_names); i++)
        if (str_eq(kind->text, kind_names[i]))
            return (enum document_kind)(DOC_DAEMON + i);
    return DOC_UNKNOWN;
}

/* ---- reading --------------------------------------------------------------------------- */

static void add_document(struct load *l, const struct node *doc)
{
    enum document_kind kind = l->alertmanager ? DOC_ALERTMANAGER : kind_of(doc);
    vec_push(&l->documents, ((struct document){doc, kind, l->in_folder, l->instead}));
}

/* OpenSLO's documents may be lists of objects. */
static void add_documents(struct load *l, const struct node *doc)
{
    bool list = false;
    for (size_t i = 0; doc->kind == NODE_SEQ && i < doc->n; i++)
        list = list || openslo_is(doc->items[i]);
    if (!list)
        add_document(l, doc);
    for (size_t i = 0; list && i < doc->n; i++)
        add_document(l, doc->items[i]);
}

static void parse_file(struct load *l, const char *name, const char *text, size_t len)
{
    struct yaml_documents docs = {0};
    l->bytes += len;
    l->build.config->file_count++;
    if (yaml_parse(&l->nodes, &l->build.config->arena, name, text, len, l->diag, &docs) < 0)
        l->build.unread = true;
    for (size_t i = 0; i < docs.n; i++)
        add_documents(l, docs.at[i]);
}

static void load_file(struct load *l, const char *path)
{
    struct err err;
    struct str text;
    struct pos pos = {.file = path};
    if (seen_before(l, path))
        return;
    pos.file = arena_strdup(&l->build.config->arena, path);
    str_init(&text, YAML_FILE_MAX);
    if (file_read(path, &text, &err) < 0) {
        diag_error(l->diag, pos, "%s", err.msg);
        l->build.unread = true;
    } else if (text.len > BYTES_MAX - l->bytes) {
        diag_error(l->diag, pos, "all files together are larger than %zu MiB", BYTES_MAX >> 20);
        l->build.unread = true;
    } else {
        parse_file(l, pos.file, text.buf, text.len);
    }
    str_release(&text);
}

static void load_folder(struct load *l, const char *path, struct pos pos)
{
    char **files;
    size_t n;
    struct err err;
    if (file_list(path, &files, &n, &err) < 0) {
        diag_error(l->diag, pos, "the folder '%s': %s", path, err.msg);
        l->build.unread = true;
        return;
    }
    for (size_t i = 0; i < n; i++) {
        load_file(l, files[i]);
        free(files[i]);
    }
    free(files);
}

/* A file or a folder; `pos` is where it was asked for. */
static void load_path(struct load *l, const char *path, struct pos pos, bool required)
{
    struct err err;
    int type = file_type(path, &err);
    if (type == 2) {
        load_folder(l, path, pos);
    } else if (type == 1) {
        load_file(l, path);
    } else if (type < 0) {
        diag_error(l->diag, pos, "'%s' %s", path, err.msg);
        l->build.unread = true;
    } else if (required) {
        diag_error(l->diag, pos, "there is no file or folder '%s'", path);
        l->build.unread = true;
    }
}

/* ---- the documents ------------------------------------------------------------------------ */

static void unknown_document(struct build *b, const struct node *doc)
{
    char found[FOUND_MAX];
    const struct node *kind = node_get(doc, "kind");
    b->unread = true;
    if (!kind) {
        decode_error(&b->decode, doc->pos,
                     "missing key 'kind': one of Probes, SLOs, "
                     "Exclusions and Daemon");
        return;
    }
    const char *near =
        kind->kind == NODE_SCALAR ? str_nearest(kind->text, kind_names, countof(kind_names)) : NULL;
    decode_error(&b->decode, kind->pos,
                 "kind: expected Probes, SLOs, Exclusions or Daemon; found "
                 "%s%s%s%s",
                 decode_found(kind, found), near ? "; did you mean '" : "", near ? near : "",
                 near ? "'?" : "");
}

static void check_version(struct build *b, const struct node *doc)
{
    char found[FOUND_MAX];
    const struct node *version = node_get(doc, "apiVersion");
    if (!version)
        decode_error(&b->decode, doc->pos, "missing key 'apiVersion'; it is " API_VERSION);
    else if (version->kind != NODE_SCALAR || !str_eq(version->text, API_VERSION))
        decode_error(&b->decode, version->pos, "apiVersion: expected " API_VERSION "; found %s",
                     decode_found(version, found));
}

static void build_document(struct load *l, const struct document *d)
{
    struct build *b = &l->build;
    if (d->node->kind != NODE_MAP) {
        decode_error(&b->decode, d->node->pos,
                     "expected a document with 'apiVersion: " API_VERSION "' and 'kind:'");
        b->unread = true;
        return;
    }
    if (d->kind != DOC_OPENSLO && d->kind != DOC_ALERTMANAGER)
        check_version(b, d->node);
    switch (d->kind) {
    case DOC_ALERTMANAGER:
        build_alertmanager(b, d->node);
        break;
    case DOC_PROBES:
        build_probes(b, d->node);
        break;
    case DOC_EXCLUSIONS:
        build_exclusions(b, d->node);
        break;
    case DOC_SLOS:
        build_slos(b, d->node);
        break;
    case DOC_DAEMON:
        if (d->node == b->daemon)
            build_daemon(b, d->node);
        else if (d->in_folder)
            decode_error(&b->decode, d->node->pos,
                         "a Daemon document does not belong here: it is what --config names");
        else
            decode_error(&b->decode, d->node->pos,
                         "a second Daemon document; the first one is at %s:%d:%d",
                         b->daemon->pos.file, b->daemon->pos.line, b->daemon->pos.column);
        break;
    case DOC_OPENSLO:
        openslo_add(b, d->node);
        break;
    case DOC_UNKNOWN:
        unknown_document(b, d->node);
        break;
    }
}

/* ---- in order ------------------------------------------------------------------------------- */

static void load_named(struct load *l, const struct config_sources *src)
{
    for (size_t i = 0; i < src->path_count; i++)
        load_path(l, src->paths[i], (struct pos){.file = src->paths[i]}, true);
    const char *file = src->config_file;
    if (!file && src->path_count == 0)
        file = DEFAULT_FILE;
    if (file && file_type(file, NULL) == 2) {
        diag_error(l->diag, (struct pos){.file = file},
                   "is a folder; what is expected here is a file like nines.yaml");
        l->build.unread = true;
    } else if (file) {
        load_path(l, file, (struct pos){.file = file}, src->config_file != NULL);
    }
}

static const struct node *find_daemon(const struct load *l)
{
    for (size_t i = 0; i < l->documents.len; i++)
        if (l->documents.at[i].kind == DOC_DAEMON)
            return l->documents.at[i].node;
    return NULL;
}

/* Before the folders: a file that is in one of them too is read once. */
static void load_instead(struct load *l, const char *path)
{
    l->replaced = true;
    l->build.replaced = true;
    l->instead = true;
    load_path(l, path, (struct pos){.file = path}, true);
    l->instead = false;
}

/* Before the folders as well. */
static void load_alertmanager(struct load *l, const struct node *daemon)
{
    const struct node *n = daemon ? node_get(daemon, "alertmanager") : NULL;
    if (!n || n->kind != NODE_SCALAR || node_is_null(n) || !*n->text)
        return; /* decoding tells what is wrong */
    const char *path = decode_path(&l->build.config->arena, n->pos.file, n->text);
    if (file_type(path, NULL) == 2) {
        diag_error(l->diag, n->pos, "alertmanager: '%s' is a folder; it names one file", path);
        return;
    }
    l->alertmanager = true;
    load_path(l, path, n->pos, true);
    l->alertmanager = false;
}

static void load_folders(struct load *l)
{
    struct build *b = &l->build;
    for (size_t i = 0; i < b->folders.len; i++)
        load_path(l, b->folders.at[i].path, b->folders.at[i].pos, b->folders.at[i].required);
}

static void load_begin(struct load *l, const struct config_tables *tables, struct diag *diag)
{
    struct config *config = mem_alloc(sizeof(*config));
    config->refs = 1;
    config->zone_free = tables->zone_free;
    config->hours = tables->hours;
    *l = (struct load){.diag = diag, .errors_before = diag->errors};
    build_init(&l->build, config, tables, diag);
}

/* What stands from SLOs on are kinds of objectives. */
static bool is_replaced(const struct load *l, const struct document *d)
{
    return l->replaced && !d->instead && d->kind >= DOC_SLOS;
}

/* All files are parsed: decodes them. */
static int load_end(struct load *l, struct config **ret)
{
    struct config *config = l->build.config;
    for (size_t i = 0; i < l->documents.len; i++)
        if (!is_replaced(l, &l->documents.at[i]))
            build_document(l, &l->documents.at[i]);
    build_receivers(&l->build);
    watchdog_check(&l->build);
    openslo_build(&l->build);
    build_finish(&l->build);
    build_release(&l->build);
    arena_release(&l->nodes);
    vec_release(&l->documents);
    vec_release(&l->seen);
    diag_sort(l->diag);
    if (l->diag->errors != l->errors_before) {
        config_unref(config);
        return -1;
    }
    *ret = config;
    return 0;
}

int config_load(const struct config_sources *src, const struct config_tables *tables,
                struct config **ret, struct diag *diag)
{
    struct load l;
    load_begin(&l, tables, diag);
    load_named(&l, src);
    const struct node *daemon = find_daemon(&l);
    l.build.config->partial = !daemon && src->path_count;
    build_folders(&l.build, daemon ? daemon->pos.file : src->config_file, daemon);
    load_alertmanager(&l, daemon);
    l.in_folder = true;
    if (src->slos)
        load_instead(&l, src->slos);
    /* Files named one by one are all there is, unless nines.yaml is among them. */
    if (daemon || src->path_count == 0)
        load_folders(&l);
    return load_end(&l, ret);
}

int config_load_text(const char *name, const char *text, size_t len,
                     const struct config_tables *tables, struct config **ret, struct diag *diag)
{
    struct load l;
    load_begin(&l, tables, diag);
    parse_file(&l, arena_strdup(&l.build.config->arena, name), text, len);
    build_folders(&l.build, name, find_daemon(&l));
    return load_end(&l, ret);
}

int config_load_alertmanager_text(const char *name, const char *text, size_t len,
                                  const struct config_tables *tables, struct config **ret,
                                  struct diag *diag)
{
    struct load l;
    load_begin(&l, tables, diag);
    l.alertmanager = true;
    parse_file(&l, arena_strdup(&l.build.config->arena, name), text, len);
    build_folders(&l.build, NULL, NULL);
    return load_end(&l, ret);
}
