/* What strangers send to the judge: three lines of the input are a JSON path,
 * a pattern and a Location; the rest is the body. */
#include "fuzz.h"

#include "io/http.h"
#include "io/jsonpath.h"
#include "model/regex.h"
#include "probe/judge.h"
#include "probe/redact.h"
#include "probe/redirect.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define LINES 3

static void judge_all(struct check *checks, size_t n, const char *body, size_t len)
{
    struct jsonpath *json = NULL;
    int rc = jsonpath_new(&json, NULL);
    assert(rc == 0);
    struct expect e = {.checks = checks, .check_count = n, .reads_body = true, .reads_json = true};
    struct http_response r = {.status = 200,
                              .message = "",
                              .body = body,
                              .body_len = len,
                              .headers = body,
                              .headers_len = len};
    struct judge_input in = {.resp = &r, .json = json};
    struct verdict *v = malloc(sizeof(*v));
    judge(&e, &in, v);
    assert(v->seen_count == n);
    assert((v->outcome == OUTCOME_GOOD) == (v->message[0] == '\0'));
    for (size_t i = 0; i < n; i++)
        assert(memchr(v->text[i], 0, SEEN_TEXT_MAX));
    free(v);
    jsonpath_free(json);
}

static void conditions(const char *path, const char *pattern, const char *body, size_t len)
{
    static const struct json_value number = {
        .type = JSON_TYPE_INT, .i = 1, .r = 1, .text = "1", .text_len = 1};
    static const struct json_value text = {.type = JSON_TYPE_STRING, .text = "a", .text_len = 1};
    struct regex *re = NULL;
    struct check checks[8];
    size_t n = 0;
    checks[n++] = (struct check){.kind = CHECK_HEADER, .op = OP_PRESENT, .subject = "Server"};
    if (regex_compile(pattern, &re, NULL) == 0)
        checks[n++] = (struct check){.kind = CHECK_BODY, .op = OP_LIKE, .re = re};
    if (jsonpath_check(path, NULL) == 0) {
        checks[n++] = (struct check){.kind = CHECK_JSON, .op = OP_EQ, .want = text};
        checks[n++] = (struct check){.kind = CHECK_JSON, .op = OP_GE, .want = number};
        checks[n++] = (struct check){.kind = CHECK_JSON, .op = OP_CONTAINS, .want = text};
        checks[n++] =
            (struct check){.kind = CHECK_JSON, .op = OP_GT, .of_length = true, .want = number};
    }
    for (size_t i = 0; i < n; i++) {
        checks[i].what = "";
        if (checks[i].kind == CHECK_JSON)
            checks[i].subject = path;
    }
    judge_all(checks, n, body, len);
    regex_free(re);
}

static void redirects(const char *location)
{
    struct arena a = {0};
    struct target now = {"https://h:8443/a/b?c=d", "POST", true, true}, next;
    if (redirect_next(&a, &now, 302, location, &next, NULL) == 0)
        assert(strncmp(next.url, "https://", 8) == 0 && !strchr(next.url, ' '));
    arena_release(&a);
}

static void secrets_of(const char *url)
{
    struct arena a = {0};
    const char *values[REDACT_QUERY_MAX];
    size_t n = redact_query_values(&a, url, values);
    assert(n <= REDACT_QUERY_MAX);
    for (size_t i = 0; i < n; i++)
        assert(strlen(values[i]) <= strlen(url));
    arena_release(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = malloc(size + 1);
    memcpy(copy, data, size);
    copy[size] = '\0';
    char *line[LINES], *p = copy;
    for (int i = 0; i < LINES; i++) {
        char *end = memchr(p, '\n', (size_t)(copy + size - p));
        line[i] = p;
        if (!end) {
            free(copy);
            return 0;
        }
        *end = '\0';
        p = end + 1;
    }
    size_t len = (size_t)(copy + size - p);
    conditions(line[0], line[1], p, len);
    redirects(line[2]);
    redact(p, len, line[1]);
    redact_query(p, len);
    secrets_of(line[2]);
    free(copy);
    return 0;
}
