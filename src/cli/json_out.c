#include "cli/json_out.h"

#include "base/when.h"

#include <inttypes.h>
#include <string.h>

void json_put_key(struct str *out, const char *key)
{
    bool first = out->len == 0 || strchr("{[,", out->buf[out->len - 1]);
    str_addf(out, "%s\"%s\":", first ? "" : ",", key);
}

void json_put_string(struct str *out, const char *key, const char *value)
{
    json_put_key(out, key);
    json_add_string(out, value);
}

void json_put_bool(struct str *out, const char *key, bool value)
{
    json_put_key(out, key);
    str_add(out, value ? "true" : "false");
}

void json_put_int(struct str *out, const char *key, int64_t value)
{
    json_put_key(out, key);
    str_addf(out, "%" PRId64, value);
}

void json_put_id(struct str *out, const char *key, int64_t id)
{
    if (id)
        json_put_int(out, key, id);
    else
        json_put_string(out, key, NULL);
}

void json_put_time(struct str *out, const char *key, int64_t us)
{
    char text[WHEN_MAX];
    json_put_string(out, key, when_text(text, us));
}

void json_put_time_if(struct str *out, const char *key, int64_t us)
{
    char text[WHEN_MAX];
    json_put_string(out, key, us > 0 ? when_text(text, us) : NULL);
}

void json_put_seconds_if(struct str *out, const char *key, int64_t us)
{
    char text[FMT_MAX];
    json_put_key(out, key);
    str_add(out, us < 0 ? "null" : fmt_seconds(text, us));
}

void json_put_number(struct str *out, const char *key, bool has, double v, json_number_text *text)
{
    char buf[FMT_MAX];
    json_put_key(out, key);
    str_add(out, has ? text(buf, v) : "null");
}
