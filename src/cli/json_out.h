/*
 * Members of JSON objects that are written one after another. A comma comes before
 * each that is not the first: behind '{', '[' and ',' there is none.
 */
#pragma once

#include "base/json.h"
#include "report/fmt.h"

#include <stdbool.h>
#include <stdint.h>

typedef char *json_number_text(char buf[static FMT_MAX], double v);

void json_put_key(struct str *out, const char *key);
void json_put_string(struct str *out, const char *key, const char *value); /* NULL: null */
void json_put_bool(struct str *out, const char *key, bool value);
void json_put_int(struct str *out, const char *key, int64_t value);
void json_put_id(struct str *out, const char *key, int64_t id); /* 0: null */
void json_put_time(struct str *out, const char *key, int64_t us);
void json_put_time_if(struct str *out, const char *key, int64_t us);    /*  0: null */
void json_put_seconds_if(struct str *out, const char *key, int64_t us); /* negative: null */
/* As `text` says it; `has` false: null. */
void json_put_number(struct str *out, const char *key, bool has, double v, json_number_text *text);
