#include "model/regex.h"

#include "base/mem.h"

#include <stdbool.h>
#include <stdint.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#define PATTERN_MAX 4096
#define MATCH_LIMIT 1000000
#define MATCH_LIMIT_WHOLE 100000 /* one start position: it bounds all the work */
#define DEPTH_LIMIT 100000
#define HEAP_LIMIT_KIB (16 * 1024)
#define PARENS_LIMIT 64
#define CPU_BUDGET_NS 20000000LL
#define CALLOUTS_PER_LOOK 64

struct regex {
    pcre2_code *code;
    pcre2_match_context *limits;
    bool whole;
};

/* Auto callouts are where the CPU budget is looked at. Bodies need not be
 * UTF-8: what is not simply does not match. */
#define SEARCH_OPTIONS                                                                             \
    (PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C | PCRE2_AUTO_CALLOUT)
#define WHOLE_OPTIONS                                                                              \
    (PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C | PCRE2_ANCHORED | PCRE2_ENDANCHORED |                    \
     PCRE2_DOLLAR_ENDONLY)

#define GO_OPTIONS (SEARCH_OPTIONS | PCRE2_DOLLAR_ENDONLY)

/* The CPU a match has used: PCRE2's own limits count from zero at every start
 * position, so that a quadratic pattern would pass them all. */
struct meter {
    unsigned callouts;
    int64_t started_ns;
};

static int64_t thread_cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int on_callout(pcre2_callout_block *block, void *arg)
{
    (void)block;
    struct meter *m = arg;
    if (++m->callouts % CALLOUTS_PER_LOOK != 0)
        return 0;
    int64_t now = thread_cpu_ns();
    if (!m->started_ns)
        m->started_ns = now;
    return now - m->started_ns > CPU_BUDGET_NS ? PCRE2_ERROR_MATCHLIMIT : 0;
}

static int compile(const char *pattern, uint32_t options, struct regex **ret, struct err *reterr)
{
    bool whole = options & PCRE2_ENDANCHORED, search = options == SEARCH_OPTIONS;
    size_t len = strlen(pattern);
    if (len > PATTERN_MAX)
        return err_set(reterr, "pattern of %zu bytes: at most %d are allowed", len, PATTERN_MAX);

    pcre2_compile_context *ctx = pcre2_compile_context_create(NULL);
    pcre2_set_parens_nest_limit(ctx, PARENS_LIMIT);
    pcre2_set_newline(ctx, PCRE2_NEWLINE_LF);
    int code = 0;
    PCRE2_SIZE offset = 0;
    pcre2_code *compiled = pcre2_compile((PCRE2_SPTR)pattern, len, options, &code, &offset, ctx);
    pcre2_compile_context_free(ctx);
    if (!compiled) {
        char text[256];
        pcre2_get_error_message(code, (PCRE2_UCHAR *)text, sizeof(text));
        return err_set(reterr, "bad pattern at character %zu: %s", (size_t)offset + 1, text);
    }

    struct regex *re = mem_alloc(sizeof(*re));
    *re = (struct regex){compiled, pcre2_match_context_create(NULL), whole};
    pcre2_set_match_limit(re->limits, search ? MATCH_LIMIT : MATCH_LIMIT_WHOLE);
    pcre2_set_depth_limit(re->limits, DEPTH_LIMIT);
    pcre2_set_heap_limit(re->limits, HEAP_LIMIT_KIB);
    *ret = re;
    return 0;
}

int regex_compile(const char *pattern, struct regex **ret, struct err *reterr)
{
    return compile(pattern, SEARCH_OPTIONS, ret, reterr);
}

int regex_compile_whole(const char *pattern, struct regex **ret, struct err *reterr)
{
    if (regex_check_re2(pattern, reterr) < 0)
        return -1;
    return compile(pattern, WHOLE_OPTIONS, ret, reterr);
}

int regex_compile_search(const char *pattern, struct regex **ret, struct err *reterr)
{
    if (regex_check_re2(pattern, reterr) < 0)
        return -1;
    return compile(pattern, GO_OPTIONS, ret, reterr);
}

void regex_free(struct regex *re)
{
    if (!re)
        return;
    pcre2_match_context_free(re->limits);
    pcre2_code_free(re->code);
    free(re);
}

static int search(const struct regex *re, const char *text, size_t n, size_t from,
                  pcre2_match_data *data)
{
    /* The pattern is shared between threads, so what a match changes is not. */
    struct meter meter = {0};
    pcre2_match_context *limits = pcre2_match_context_copy(re->limits);
    pcre2_set_callout(limits, on_callout, &meter);
    int rc = pcre2_match(re->code, (PCRE2_SPTR)text, n, from, 0, data, limits);
    pcre2_match_context_free(limits);
    return rc;
}

static int outcome(int rc, struct err *reterr)
{
    if (rc >= 0)
        return 1;
    bool not_utf8 = rc <= PCRE2_ERROR_UTF8_ERR1 && rc >= PCRE2_ERROR_UTF8_ERR21;
    if (rc == PCRE2_ERROR_NOMATCH || not_utf8)
        return 0;
    if (rc == PCRE2_ERROR_MATCHLIMIT || rc == PCRE2_ERROR_DEPTHLIMIT || rc == PCRE2_ERROR_HEAPLIMIT)
        return err_set(reterr, "the pattern needs too much work on this text");
    char msg[256];
    pcre2_get_error_message(rc, (PCRE2_UCHAR *)msg, sizeof(msg));
    return err_set(reterr, "the pattern failed: %s", msg);
}

int regex_match(const struct regex *re, const char *text, size_t n, struct err *reterr)
{
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    text = text ? text : "";
    int rc = re->whole ? pcre2_match(re->code, (PCRE2_SPTR)text, n, 0, 0, data, re->limits)
                       : search(re, text, n, 0, data);
    pcre2_match_data_free(data);
    return outcome(rc, reterr);
}

size_t regex_groups(const struct regex *re)
{
    uint32_t n = 0;
    pcre2_pattern_info(re->code, PCRE2_INFO_CAPTURECOUNT, &n);
    return n;
}

size_t regex_group(const struct regex *re, const char *name)
{
    int n = pcre2_substring_number_from_name(re->code, (PCRE2_SPTR)name);
    return n > 0 ? (size_t)n : 0;
}

int regex_find(const struct regex *re, const char *text, size_t n, size_t from,
               struct regex_span *spans, size_t n_spans, struct err *reterr)
{
    pcre2_match_data *data = pcre2_match_data_create_from_pattern(re->code, NULL);
    int rc = search(re, text, n, from, data);
    const PCRE2_SIZE *at = pcre2_get_ovector_pointer(data);
    uint32_t known = pcre2_get_ovector_count(data);
    for (size_t i = 0; rc >= 0 && i < n_spans; i++) {
        spans[i] = (struct regex_span){SIZE_MAX, SIZE_MAX};
        if (i < known && at[2 * i] != PCRE2_UNSET)
            spans[i] = (struct regex_span){at[2 * i], at[2 * i + 1]};
    }
    pcre2_match_data_free(data);
    return outcome(rc, reterr);
}
