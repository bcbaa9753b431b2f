#include "io/jsonpath.h"

#include "base/mem.h"
#include "base/str.h"

#include <assert.h>
#include <sqlite3.h>

#define DOC_MAX (1 << 20)
#define DEPTH_MAX 1000
#define PATH_MAX_BYTES 1024

enum query { QUERY_VALID, QUERY_GET, QUERY_LENGTH, QUERY_CONTAINS, QUERY_COUNT };

/* Text that users write is bound, never part of the SQL. */
static const char *const query_sql[QUERY_COUNT] = {
    [QUERY_VALID] = "SELECT json_valid(?1)",
    [QUERY_GET] = "SELECT json_type(?1, ?2), json_extract(?1, ?2)",
    [QUERY_LENGTH] = "SELECT json_array_length(?1, ?2)",
    [QUERY_CONTAINS] = "SELECT 1 FROM json_each(?1, ?2)"
                       " WHERE json_type(?1, ?2) = 'array' AND instr(?3, type) AND atom IS ?4"
                       " LIMIT 1",
};

struct jsonpath {
    sqlite3 *db;
    sqlite3_stmt *query[QUERY_COUNT];
    sqlite3_stmt *row; /* its columns are what the last value points into */
    const char *doc;
    size_t len;
};

/* Second line of defence: even a defect of ours cannot make this connection
 * read or write anything but the bound document. */
static int allow_json_only(void *ctx, int action, const char *a, const char *b, const char *db,
                           const char *trigger)
{
    (void)ctx, (void)db, (void)trigger;
    if (action == SQLITE_SELECT)
        return SQLITE_OK;
    if (action == SQLITE_READ)
        return str_eq(a, "json_each") ? SQLITE_OK : SQLITE_DENY;
    if (action == SQLITE_FUNCTION)
        return str_starts(b, "json_") || str_eq(b, "instr") ? SQLITE_OK : SQLITE_DENY;
    return SQLITE_DENY;
}

int jsonpath_new(struct jsonpath **ret, struct err *reterr)
{
    struct jsonpath *j = mem_alloc(sizeof(*j));
    int flags =
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MEMORY | SQLITE_OPEN_NOMUTEX;
    int rc = sqlite3_open_v2(":memory:", &j->db, flags, NULL);
    if (rc == SQLITE_OK) {
        sqlite3_limit(j->db, SQLITE_LIMIT_LENGTH, 2 * DOC_MAX);
        sqlite3_limit(j->db, SQLITE_LIMIT_SQL_LENGTH, 1024);
        sqlite3_limit(j->db, SQLITE_LIMIT_ATTACHED, 0);
        /* The first use of json_each declares its columns, which the
         * authorizer would take for a CREATE TABLE. */
        rc = sqlite3_exec(j->db, "SELECT 1 FROM json_each('[]')", NULL, NULL, NULL);
        sqlite3_set_authorizer(j->db, allow_json_only, NULL);
    }
    for (int i = 0; rc == SQLITE_OK && i < QUERY_COUNT; i++)
        rc = sqlite3_prepare_v3(j->db, query_sql[i], -1, SQLITE_PREPARE_PERSISTENT, &j->query[i],
                                NULL);
    if (rc != SQLITE_OK) {
        err_set(reterr, "JSON engine: %s", sqlite3_errmsg(j->db));
        jsonpath_free(j);
        return -1;
    }
    *ret = j;
    return 0;
}

void jsonpath_free(struct jsonpath *j)
{
    if (!j)
        return;
    for (int i = 0; i < QUERY_COUNT; i++)
        sqlite3_finalize(j->query[i]);
    sqlite3_close(j->db);
    free(j);
}

/* ---- paths --------------------------------------------------------------- */

/* SQLite checks a path only as far as the document leads it, so the whole of
 * it is checked here. Each step returns what follows it, or NULL. */
static const char *key_step(const char *p)
{
    if (*p == '"') {
        const char *end = strchr(p + 1, '"');
        return end && end > p + 1 ? end + 1 : NULL;
    }
    size_t n = strcspn(p, ".[");
    return n && !memchr(p, '"', n) && !memchr(p, ']', n) && !memchr(p, '*', n) ? p + n : NULL;
}

static const char *index_step(const char *p)
{
    if (*p == '#') {
        if (p[1] == ']')
            return p + 2;
        if (p[1] != '-')
            return NULL;
        p += 2;
    }
    size_t n = strspn(p, "0123456789");
    return n >= 1 && n <= 9 && p[n] == ']' ? p + n + 1 : NULL;
}

int jsonpath_check(const char *path, struct err *reterr)
{
    if (path[0] != '$')
        return err_set(reterr, "a JSON path begins with '$', like $.checks.redis.status");
    if (strlen(path) > PATH_MAX_BYTES)
        return err_set(reterr, "a JSON path has at most %d bytes", PATH_MAX_BYTES);
    const char *p = path + 1;
    while (*p) {
        const char *step = p;
        if (*p == '.')
            p = key_step(p + 1);
        else if (*p == '[')
            p = index_step(p + 1);
        else
            p = NULL;
        if (!p)
            return err_set(reterr,
                           "JSON path '%s' is wrong at '%s': a step is .key, .\"odd key\", "
                           "[0] or [#-1]",
                           path, step);
    }
    return 0;
}

/* ---- documents ------------------------------------------------------------- */

/* SQLite's parser recurses, so depth is bounded before it sees the text. */
static int check_depth(const char *doc, size_t n, struct err *reterr)
{
    int depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < n; i++) {
        char c = doc[i];
        if (quoted) {
            if (c == '\\')
                i++;
            else
                quoted = c != '"';
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            if (++depth > DEPTH_MAX)
                return err_set(reterr, "JSON nested deeper than %d", DEPTH_MAX);
        } else if (c == '}' || c == ']') {
            depth--;
        }
    }
    return 0;
}

/* Runs a query over the bound document: 1 with a row, 0 without, -1 on error.
 * The row stays until the next one. */
static int run(struct jsonpath *j, enum query q, const char *path, struct err *reterr)
{
    sqlite3_stmt *s = j->query[q];
    sqlite3_bind_text(s, 1, j->doc, (int)j->len, SQLITE_STATIC);
    if (path)
        sqlite3_bind_text(s, 2, path, -1, SQLITE_TRANSIENT);
    j->row = s;
    int rc = sqlite3_step(s);
    if (rc == SQLITE_ROW)
        return 1;
    if (rc == SQLITE_DONE)
        return 0;
    return err_set(reterr, "%s", sqlite3_errmsg(j->db));
}

static void forget_row(struct jsonpath *j)
{
    if (j->row)
        sqlite3_reset(j->row);
    j->row = NULL;
}

int jsonpath_open(struct jsonpath *j, const char *doc, size_t n, struct err *reterr)
{
    forget_row(j);
    j->doc = NULL;
    if (n > DOC_MAX)
        return err_set(reterr, "JSON of %zu bytes: at most 1 MiB is read", n);
    if (n == 0)
        return err_set(reterr, "an empty body is not JSON");
    if (check_depth(doc, n, reterr) < 0)
        return -1;
    j->doc = doc;
    j->len = n;
    int rc = run(j, QUERY_VALID, NULL, reterr);
    bool valid = rc == 1 && sqlite3_column_int(j->row, 0) == 1;
    forget_row(j);
    if (valid)
        return 0;
    j->doc = NULL;
    return rc < 0 ? -1 : err_set(reterr, "not valid JSON");
}

static int json_type(const char *name)
{
    static const struct {
        const char *name;
        enum json_type type;
    } types[] = {
        {"null", JSON_TYPE_NULL},   {"true", JSON_TYPE_BOOL},     {"false", JSON_TYPE_BOOL},
        {"integer", JSON_TYPE_INT}, {"real", JSON_TYPE_REAL},     {"text", JSON_TYPE_STRING},
        {"array", JSON_TYPE_ARRAY}, {"object", JSON_TYPE_OBJECT},
    };
    for (size_t i = 0; name && i < countof(types); i++) {
        if (str_eq(name, types[i].name))
            return types[i].type;
    }
    return JSON_TYPE_ABSENT;
}

static int array_length(struct jsonpath *j, const char *path, int64_t *ret, struct err *reterr)
{
    sqlite3_stmt *kept = j->row;
    int rc = run(j, QUERY_LENGTH, path, reterr);
    if (rc == 1)
        *ret = sqlite3_column_int64(j->row, 0);
    sqlite3_reset(j->row);
    j->row = kept;
    return rc < 0 ? -1 : 0;
}

int jsonpath_get(struct jsonpath *j, const char *path, struct json_value *ret, struct err *reterr)
{
    assert(j->doc);
    forget_row(j);
    if (run(j, QUERY_GET, path, reterr) < 0)
        return -1;
    struct json_value v = {.type = json_type((const char *)sqlite3_column_text(j->row, 0))};
    if (v.type == JSON_TYPE_INT && sqlite3_column_type(j->row, 1) == SQLITE_FLOAT)
        v.type = JSON_TYPE_REAL; /* does not fit in 64 bits */
    if (v.type == JSON_TYPE_BOOL || v.type == JSON_TYPE_INT)
        v.i = sqlite3_column_int64(j->row, 1);
    if (v.type == JSON_TYPE_INT || v.type == JSON_TYPE_REAL)
        v.r = sqlite3_column_double(j->row, 1);
    if (v.type == JSON_TYPE_ARRAY && array_length(j, path, &v.i, reterr) < 0)
        return -1;
    if (v.type == JSON_TYPE_BOOL)
        v.text = v.i ? "true" : "false";
    else if (v.type == JSON_TYPE_NULL)
        v.text = "null";
    else if (v.type != JSON_TYPE_ABSENT)
        v.text = (const char *)sqlite3_column_text(j->row, 1);
    if (!v.text)
        v.text = "";
    bool from_row = v.type > JSON_TYPE_BOOL;
    v.text_len = from_row ? (size_t)sqlite3_column_bytes(j->row, 1) : strlen(v.text);
    *ret = v;
    return 0;
}

int jsonpath_contains(struct jsonpath *j, const char *path, const struct json_value *want,
                      struct err *reterr)
{
    assert(j->doc && want->type > JSON_TYPE_ABSENT && want->type < JSON_TYPE_ARRAY);
    forget_row(j);
    sqlite3_stmt *s = j->query[QUERY_CONTAINS];
    const char *types = "text";
    if (want->type == JSON_TYPE_NULL) {
        types = "null";
        sqlite3_bind_null(s, 4);
    } else if (want->type == JSON_TYPE_BOOL) {
        types = want->i ? "true" : "false";
        sqlite3_bind_int64(s, 4, want->i);
    } else if (want->type == JSON_TYPE_STRING) {
        sqlite3_bind_text(s, 4, want->text, (int)want->text_len, SQLITE_TRANSIENT);
    } else {
        types = "integer real";
        if (want->type == JSON_TYPE_INT)
            sqlite3_bind_int64(s, 4, want->i);
        else
            sqlite3_bind_double(s, 4, want->r);
    }
    sqlite3_bind_text(s, 3, types, -1, SQLITE_STATIC);
    int rc = run(j, QUERY_CONTAINS, path, reterr);
    forget_row(j);
    return rc;
}
