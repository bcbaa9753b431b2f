#include "demo/fault.h"

#include "base/mem.h"
#include "base/str.h"

#include <errno.h>
#include <inttypes.h>

#define DELAY_MAX_US (10 * USEC_PER_MIN)
#define LINE_SIZE 512

static const struct {
    const char *name;
    enum fault_kind kind;
    bool value;
} words[] = {
    {"status", FAULT_STATUS, true},
    {"delay", FAULT_DELAY, true},
    {"hang", FAULT_HANG, false},
    {"reset", FAULT_RESET, false},
    {"truncate", FAULT_TRUNCATE, false},
    {"drip", FAULT_DRIP, false},
    {"not-ready", FAULT_NOT_READY, true},
    {"slow-token", FAULT_SLOW_TOKEN, true},
    {"stall", FAULT_STALL, true},
    {"error-event", FAULT_ERROR_EVENT, false},
    {"malformed", FAULT_MALFORMED, false},
    {"reasoning-only", FAULT_REASONING_ONLY, false},
    {"rate-limited", FAULT_RATE_LIMITED, true},
    {"overloaded", FAULT_OVERLOADED, true},
};

static bool takes_duration(enum fault_kind kind)
{
    return kind == FAULT_DELAY || kind == FAULT_SLOW_TOKEN || kind == FAULT_STALL ||
           kind == FAULT_RATE_LIMITED || kind == FAULT_OVERLOADED;
}

static int parse_duration(const char *value, struct fault *f, struct err *reterr)
{
    bool whole = f->kind == FAULT_RATE_LIMITED || f->kind == FAULT_OVERLOADED;
    if (units_parse_duration(value, &f->delay_us, reterr) < 0)
        return -1;
    if (whole && f->delay_us % USEC_PER_SEC)
        return err_set(reterr, "Retry-After is told in whole seconds; found '%.20s'", value);
    return f->delay_us > DELAY_MAX_US ? err_set(reterr, "a delay is at most 10m") : 0;
}

static int parse_value(const char *value, struct fault *f, struct err *reterr)
{
    char *end;
    if (takes_duration(f->kind))
        return parse_duration(value, f, reterr);
    switch (f->kind) {
    case FAULT_STATUS:
        f->status = (int)strtol(value, &end, 10);
        if (*end || end == value || f->status < 200 || f->status > 599)
            return err_set(reterr, "expected a status from 200 to 599; found '%.20s'", value);
        return 0;
    default:
        if (!*value || strlen(value) >= sizeof(f->dependency) ||
            strspn(value, "abcdefghijklmnopqrstuvwxyz_") != strlen(value))
            return err_set(reterr, "expected a dependency like redis; found '%.30s'", value);
        str_copy(f->dependency, sizeof(f->dependency), value);
        return 0;
    }
}

int fault_parse(const char *text, struct fault *ret, struct err *reterr)
{
    size_t n = strcspn(text, "=");
    for (size_t i = 0; i < countof(words); i++) {
        if (strlen(words[i].name) != n || strncmp(text, words[i].name, n) != 0)
            continue;
        struct fault f = {.kind = words[i].kind};
        if (words[i].value != (text[n] == '='))
            return err_set(reterr,
                           words[i].value ? "%s needs a value, as in %s=..." : "%s takes no value",
                           words[i].name, words[i].name);
        if (words[i].value && parse_value(text + n + 1, &f, reterr) < 0)
            return -1;
        *ret = f;
        return 0;
    }
    return err_set(reterr,
                   "expected status=N, delay=DURATION, hang, reset, truncate, drip, "
                   "not-ready=NAME, slow-token=DURATION, stall=DURATION, error-event, malformed, "
                   "reasoning-only, rate-limited=DURATION or overloaded=DURATION; found '%.40s'",
                   text);
}

char *fault_text(char buf[static FAULT_TEXT_MAX], const struct fault *f)
{
    char delay[UNITS_MAX];
    const char *name = "none";
    for (size_t i = 0; i < countof(words); i++)
        if (words[i].kind == f->kind)
            name = words[i].name;
    if (f->kind == FAULT_STATUS)
        snprintf(buf, FAULT_TEXT_MAX, "%s=%d", name, f->status);
    else if (takes_duration(f->kind))
        snprintf(buf, FAULT_TEXT_MAX, "%s=%s", name, units_duration(delay, f->delay_us));
    else if (f->kind == FAULT_NOT_READY)
        snprintf(buf, FAULT_TEXT_MAX, "%s=%s", name, f->dependency);
    else
        snprintf(buf, FAULT_TEXT_MAX, "%s", name);
    return buf;
}

/* "20s+18s", "now+18s" */
static int parse_when(char *text, struct incident *in, struct err *reterr)
{
    char *plus = strchr(text, '+');
    if (!plus)
        return err_set(reterr, "expected START+LENGTH like 20s+18s; found '%.40s'", text);
    *plus = '\0';
    if (!str_eq(text, "now") && units_parse_duration(text, &in->start_us, reterr) < 0)
        return -1;
    return units_parse_duration(plus + 1, &in->length_us, reterr);
}

int incident_parse(const char *text, struct incident *ret, struct err *reterr)
{
    struct incident in = {0};
    char when[64], fault[64], rest[2];
    int n = sscanf(text, " %63s %127s %63s %1s", when, in.prefix, fault, rest);
    if (n != 3)
        return err_set(reterr, "expected START+LENGTH PATH FAULT, like "
                               "'20s+18s /v1/agents status=503'");
    if (parse_when(when, &in, reterr) < 0)
        return -1;
    if (in.prefix[0] != '/')
        return err_set(reterr, "a path begins with /; found '%.40s'", in.prefix);
    if (fault_parse(fault, &in.fault, reterr) < 0)
        return -1;
    *ret = in;
    return 0;
}

static int load_line(char *line, struct incident *list, size_t max, size_t *n, struct err *reterr)
{
    line[strcspn(line, "#\r\n")] = '\0';
    if (!line[strspn(line, " \t")])
        return 0;
    if (*n == max)
        return err_set(reterr, "at most %zu incidents", max);
    return incident_parse(line, &list[(*n)++], reterr);
}

int incident_load(const char *path, struct incident *list, size_t max, size_t *ret_n,
                  struct err *reterr)
{
    FILE *f = fopen(path, "re");
    if (!f)
        return err_errno(reterr, errno, "cannot open %s", path);
    char line[LINE_SIZE];
    struct err why;
    size_t n = 0;
    int number = 0, rc = 0;
    while (rc == 0 && fgets(line, sizeof(line), f)) {
        number++;
        if (load_line(line, list, max, &n, &why) < 0)
            rc = err_set(reterr, "%s:%d: %s", path, number, why.msg);
    }
    fclose(f);
    if (rc == 0)
        *ret_n = n;
    return rc;
}
