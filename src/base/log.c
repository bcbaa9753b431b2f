#include "base/log.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/str.h"
#include "base/when.h"

#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES 4096 /* of one line, PIPE_BUF; a field past it is left out */
#define VALUE_MAX 1800      /* of one value; the rest is cut off */

/* The one state of this kind: stderr is one per process, and a log call has no
 * place to carry a handle through. */
static atomic_int min_level = LOG_INFO;
static atomic_int line_format = LOG_AUTO;
static atomic_bool use_color;

static const char *const level_names[] = {"debug", "info", "warn", "error"};

void log_setup(enum log_level min, enum log_format format, bool color)
{
    atomic_store(&min_level, (int)min);
    atomic_store(&line_format, (int)format);
    atomic_store(&use_color, color);
}

static void json_field(struct str *s, const char *key, size_t key_len, const char *value,
                       bool number)
{
    str_addc(s, ',');
    json_add_stringn(s, key, key_len);
    str_addc(s, ':');
    if (!value)
        str_add(s, "null");
    else if (number)
        str_add(s, value);
    else
        json_add_stringn(s, value, strnlen(value, VALUE_MAX));
}

static void json_head(struct str *s, enum log_level level, const char *caller, const char *msg)
{
    char ts[WHEN_MAX];
    str_addf(s, "{\"ts\":\"%s\",\"level\":\"%s\"", when_text(ts, clock_wall_us()),
             level_names[level]);
    json_field(s, "msg", 3, msg, false);
    json_field(s, "caller", 6, caller, false);
}

static bool is_bare(const char *value)
{
    if (!*value)
        return false;
    for (; *value; value++)
        if ((unsigned char)*value <= ' ' || strchr("\"\\=\x7f", *value))
            return false;
    return true;
}

static void text_field(struct str *s, const char *key, size_t key_len, const char *value)
{
    str_addc(s, ' ');
    str_addn(s, key, key_len);
    str_addc(s, '=');
    if (!value)
        str_add(s, "null");
    else if (is_bare(value))
        str_addn(s, value, strnlen(value, VALUE_MAX));
    else
        json_add_stringn(s, value, strnlen(value, VALUE_MAX)); /* control bytes escaped */
}

static void text_head(struct str *s, enum log_level level, const char *msg)
{
    static const char *const colors[] = {"\033[2m", "\033[32m", "\033[33m", "\033[31m"};
    char ts[WHEN_MAX];
    when_text(ts, clock_wall_us() / 1000 * 1000);
    bool color = atomic_load(&use_color);
    str_addf(s, "%.8s %s%-5s%s %s", ts + 11, color ? colors[level] : "", level_names[level],
             color ? "\033[0m" : "", msg);
}

static bool as_json(void)
{
    int format = atomic_load(&line_format);
    return format == LOG_JSON || (format == LOG_AUTO && !isatty(STDERR_FILENO));
}

/*
 * A reader that does not keep up must not hold the caller: what would wait is
 * lost and counted, and the next line that fits tells how many were. A pipe
 * that polls writable takes PIPE_BUF bytes at once.
 */
static void put(struct str *s)
{
    static atomic_ullong lost;
    struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};
    if (poll(&p, 1, 0) == 0) {
        atomic_fetch_add(&lost, 1);
        return;
    }
    unsigned long long n = atomic_exchange(&lost, 0);
    if (n)
        dprintf(STDERR_FILENO, "nines: %llu log lines were lost: nobody read them in time\n", n);
    /* Nobody to tell when stderr is gone. */
    ssize_t written = write(STDERR_FILENO, s->buf, s->len);
    (void)written;
}

void log_event(enum log_level level, const char *caller, const char *msg, ...)
{
    if ((int)level < atomic_load(&min_level))
        return;
    bool json = as_json();
    struct str s;
    str_init(&s, LINE_MAX_BYTES);
    if (json)
        json_head(&s, level, caller, msg);
    else
        text_head(&s, level, msg);

    va_list ap;
    va_start(ap, msg);
    for (const char *key; (key = va_arg(ap, const char *));) {
        const char *value = va_arg(ap, const char *);
        size_t key_len = strlen(key), mark = s.len;
        bool number = key_len > 1 && key[key_len - 1] == '#';
        key_len -= number;
        if (json)
            json_field(&s, key, key_len, value, number);
        else
            text_field(&s, key, key_len, value);
        if (s.overflow || s.len > LINE_MAX_BYTES - 2) { /* "}\n" must fit */
            s.overflow = false;
            s.len = mark;
        }
    }
    va_end(ap);
    str_add(&s, json ? "}\n" : "\n");
    put(&s);
    str_release(&s);
}
