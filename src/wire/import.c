#include "wire/import.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "wire/answer_json.h"

#include <jansson.h>
#include <math.h>

static const char *const line_keys[] = {"probe", "time",       "outcome",   "reason",
                                        "code",  "latency_ms", "phases_ms", "answer"};
static const char *const sample_keys[] = {"probe", "time", "series", "value"};
static const char *const phase_keys[] = {"dns", "connect", "tls", "send", "wait", "transfer"};

static bool listed(const char *key, const char *const *keys, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(key, keys[i]))
            return true;
    return false;
}

static int check_keys(json_t *object, const char *const *keys, size_t n, struct err *reterr)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        if (listed(key, keys, n))
            continue;
        const char *near = str_nearest(key, keys, n);
        return err_set(reterr, "unknown key \"%.64s\"%s%s%s", key, near ? "; did you mean \"" : "",
                       near ? near : "", near ? "\"?" : "");
    }
    return 0;
}

static const char *get_string(json_t *line, const char *key, struct err *reterr)
{
    json_t *v = json_object_get(line, key);
    if (!v)
        err_set(reterr, "\"%s\" is missing", key);
    else if (!json_is_string(v))
        err_set(reterr, "\"%s\" must be a string", key);
    else
        return json_string_value(v);
    return NULL;
}

static int parse_probe(json_t *line, struct import_line *ret, struct err *reterr)
{
    const char *id = get_string(line, "probe", reterr);
    if (!id)
        return -1;
    size_t n = strlen(id);
    if (n == 0 || n > IMPORT_PROBE_MAX)
        return err_set(reterr, "\"probe\" must have 1 to %d bytes", IMPORT_PROBE_MAX);
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)id[i] < ' ' || id[i] == 127)
            return err_set(reterr, "\"probe\" must not hold control characters");
    str_copy(ret->probe, sizeof(ret->probe), id);
    return 0;
}

static int parse_time(json_t *line, struct import_line *ret, struct err *reterr)
{
    struct err why;
    const char *text = get_string(line, "time", reterr);
    if (!text)
        return -1;
    if (when_parse(text, strlen(text), &ret->result.slot_us, &why) < 0)
        return err_set(reterr, "\"time\": %s", why.msg);
    return 0;
}

static int parse_reason(json_t *line, struct result *r, struct err *reterr)
{
    json_t *v = json_object_get(line, "reason");
    if (v && !json_is_null(v) && !json_is_string(v))
        return err_set(reterr, "\"reason\" must be a string");
    const char *name = json_string_value(v);
    bool none = !name || !*name || str_eq(name, reason_name(REASON_NONE));
    if (none && r->outcome == OUTCOME_BAD)
        return err_set(reterr, "\"reason\" is missing: why is it bad?");
    if (none)
        return 0;
    if (r->outcome == OUTCOME_GOOD)
        return err_set(reterr, "a good result has no \"reason\", this one says \"%.64s\"", name);
    int reason = reason_parse(name);
    if (reason < 0)
        return err_set(reterr, "unknown \"reason\" \"%.64s\"", name);
    r->reason = (uint8_t)reason;
    return 0;
}

static int parse_outcome(json_t *line, struct result *r, struct err *reterr)
{
    const char *name = get_string(line, "outcome", reterr);
    if (!name)
        return -1;
    int outcome = outcome_parse(name);
    if (outcome < 0)
        return err_set(reterr, "\"outcome\" must be good, bad, excluded or skipped, not \"%.64s\"",
                       name);
    r->outcome = (uint8_t)outcome;
    return parse_reason(line, r, reterr);
}

static int parse_code(json_t *line, struct result *r, struct err *reterr)
{
    json_t *v = json_object_get(line, "code");
    if (!v || json_is_null(v))
        return 0;
    json_int_t code = json_integer_value(v);
    if (!json_is_integer(v) || code < 0 || code > IMPORT_CODE_MAX)
        return err_set(reterr, "\"code\" must be a whole number from 0 to %d", IMPORT_CODE_MAX);
    r->code = (int16_t)code;
    return 0;
}

/* A double holds a millionth of a day to far below a microsecond, so rounding
 * gives back exactly the decimals that were written. */
static int parse_ms(json_t *v, const char *key, int64_t *ret_us, struct err *reterr)
{
    double ms = json_number_value(v);
    if (!json_is_number(v) || !(ms >= 0) || ms * 1000 > (double)IMPORT_LATENCY_MAX_US)
        return err_set(reterr, "\"%s\" must be a number of milliseconds from 0 to a day", key);
    *ret_us = (int64_t)llround(ms * 1000);
    return 0;
}

static int parse_latency(json_t *line, struct result *r, struct err *reterr)
{
    json_t *v = json_object_get(line, "latency_ms");
    if (v && !json_is_null(v))
        return parse_ms(v, "latency_ms", &r->total_us, reterr);
    if (r->outcome == OUTCOME_GOOD || r->outcome == OUTCOME_BAD)
        return err_set(reterr, "\"latency_ms\" is missing");
    return 0;
}

static int parse_phases(json_t *line, struct phases *p, struct err *reterr)
{
    int64_t *const targets[] = {&p->dns_us,  &p->connect_us, &p->tls_us,
                                &p->send_us, &p->wait_us,    &p->transfer_us};
    json_t *v = json_object_get(line, "phases_ms");
    if (!v || json_is_null(v))
        return 0;
    if (!json_is_object(v))
        return err_set(reterr, "\"phases_ms\" must be an object");
    if (check_keys(v, phase_keys, countof(phase_keys), reterr) < 0)
        return -1;
    for (size_t i = 0; i < countof(phase_keys); i++) {
        json_t *ms = json_object_get(v, phase_keys[i]);
        if (ms && parse_ms(ms, phase_keys[i], targets[i], reterr) < 0)
            return -1;
    }
    return 0;
}

static int parse_answer(json_t *line, struct result *r, struct err *reterr)
{
    json_t *v = json_object_get(line, "answer");
    if (!v || json_is_null(v))
        return 0;
    r->flags |= RESULT_ANSWER;
    return answer_json_read(v, &r->answer, reterr);
}

static int parse_value(json_t *line, double *ret, struct err *reterr)
{
    json_t *v = json_object_get(line, "value");
    const char *text = json_string_value(v);
    if (!v)
        return err_set(reterr, "\"value\" is missing");
    if (!json_is_number(v) && !str_eq(text, "+Inf") && !str_eq(text, "-Inf"))
        return err_set(reterr, "\"value\" must be a number, \"+Inf\" or \"-Inf\"");
    *ret = text ? (*text == '-' ? -(double)INFINITY : (double)INFINITY) : json_number_value(v);
    return 0;
}

static int parse_series(json_t *line, struct import_line *ret, struct err *reterr)
{
    const char *text = get_string(line, "series", reterr);
    if (!text)
        return -1;
    if (json_string_length(json_object_get(line, "series")) > IMPORT_SERIES_MAX)
        return err_set(reterr, "\"series\" must have at most %d bytes", IMPORT_SERIES_MAX);
    str_copy(ret->series, sizeof(ret->series), text);
    return 0;
}

static int parse_sample(json_t *line, struct import_line *ret, struct err *reterr)
{
    if (check_keys(line, sample_keys, countof(sample_keys), reterr) < 0 ||
        parse_probe(line, ret, reterr) < 0 || parse_time(line, ret, reterr) < 0 ||
        parse_series(line, ret, reterr) < 0 || parse_value(line, &ret->value, reterr) < 0)
        return -1;
    ret->sample = true;
    return 0;
}

static int parse_line(json_t *line, struct import_line *ret, struct err *reterr)
{
    struct result *r = &ret->result;
    if (!json_is_object(line))
        return err_set(reterr, "a line must be a JSON object");
    if (json_object_get(line, "series") || json_object_get(line, "value"))
        return parse_sample(line, ret, reterr);
    if (check_keys(line, line_keys, countof(line_keys), reterr) < 0 ||
        parse_probe(line, ret, reterr) < 0 || parse_time(line, ret, reterr) < 0 ||
        parse_outcome(line, r, reterr) < 0 || parse_code(line, r, reterr) < 0 ||
        parse_latency(line, r, reterr) < 0 || parse_phases(line, &r->phases, reterr) < 0)
        return -1;
    r->done_us = r->slot_us + r->total_us;
    r->flags = RESULT_IMPORTED;
    return parse_answer(line, r, reterr);
}

int import_line_read(const char *text, size_t n, struct import_line *ret, struct err *reterr)
{
    json_error_t why;
    json_t *line = json_loadb(text, n, JSON_REJECT_DUPLICATES, &why);
    if (!line)
        return err_set(reterr, "not JSON: %s (column %d)", why.text, why.column);
    struct import_line parsed = {0};
    int rc = parse_line(line, &parsed, reterr);
    json_decref(line);
    if (rc == 0)
        *ret = parsed;
    return rc;
}

int import_line_parse(const char *text, size_t n, struct import_line *ret, struct err *reterr)
{
    struct import_line plain;
    if (!import_line_scan(text, n, &plain))
        return import_line_read(text, n, ret, reterr);
    str_copy(ret->probe, sizeof(ret->probe), plain.probe);
    ret->result = plain.result;
    ret->sample = plain.sample;
    if (plain.sample) {
        ret->value = plain.value;
        str_copy(ret->series, sizeof(ret->series), plain.series);
    }
    return 0;
}
