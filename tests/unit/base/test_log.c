/* Log lines as they arrive on stderr, read back through a pipe. */
#include "../cmocka_all.h"

#include "base/log.h"

#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <unistd.h>

struct capture {
    int saved, read_end;
};

static void capture_begin(struct capture *c)
{
    int fds[2];
    assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
    c->saved = dup(STDERR_FILENO);
    c->read_end = fds[0];
    dup2(fds[1], STDERR_FILENO);
    close(fds[1]);
}

static void capture_end(struct capture *c, char *buf, size_t size)
{
    ssize_t n = read(c->read_end, buf, size - 1);
    buf[n > 0 ? n : 0] = '\0';
    dup2(c->saved, STDERR_FILENO);
    close(c->saved);
    close(c->read_end);
}

static void json_line(void **state)
{
    (void)state;
    struct capture c;
    char out[8192];
    capture_begin(&c);
    log_setup(LOG_INFO, LOG_AUTO, false); /* a pipe: JSON */
    log_warn("reload \"failed\"", "file", "a\nb", "count#", "3", "none", NULL, NULL);
    capture_end(&c, out, sizeof(out));
    json_error_t e;
    json_t *j = json_loads(out, JSON_REJECT_DUPLICATES, &e);
    assert_non_null(j);
    assert_int_equal(out[strlen(out) - 1], '\n');
    assert_string_equal(json_string_value(json_object_get(j, "level")), "warn");
    assert_string_equal(json_string_value(json_object_get(j, "msg")), "reload \"failed\"");
    assert_string_equal(json_string_value(json_object_get(j, "caller")), "json_line");
    assert_string_equal(json_string_value(json_object_get(j, "file")), "a\nb");
    assert_int_equal(json_integer_value(json_object_get(j, "count")), 3);
    assert_true(json_is_null(json_object_get(j, "none")));
    json_decref(j);
}

static void level_filters(void **state)
{
    (void)state;
    struct capture c;
    char out[100];
    capture_begin(&c);
    log_setup(LOG_WARN, LOG_JSON, false);
    log_info("quiet", NULL);
    capture_end(&c, out, sizeof(out));
    assert_string_equal(out, "");
}

static void text_line(void **state)
{
    (void)state;
    struct capture c;
    char out[1000];
    capture_begin(&c);
    log_setup(LOG_DEBUG, LOG_TEXT, false);
    log_debug("started", "db", "./n.db", "why", "two words", "esc", "\033[0m", "n#", "7", NULL);
    capture_end(&c, out, sizeof(out));
    assert_string_equal(out + 8, " debug started db=./n.db why=\"two words\" "
                                 "esc=\"\\u001b[0m\" n=7\n");
}

static void long_fields_are_bounded(void **state)
{
    (void)state;
    static char big[10001], out[40000];
    memset(big, '"', 10000);
    struct capture c;
    capture_begin(&c);
    log_setup(LOG_INFO, LOG_JSON, false);
    log_error("full", "a", big, "b", big, "c", big, "d", "last", NULL);
    capture_end(&c, out, sizeof(out));
    json_error_t e;
    json_t *j = json_loads(out, 0, &e);
    assert_non_null(j);
    assert_int_equal(json_string_length(json_object_get(j, "a")), 1800);
    assert_null(json_object_get(j, "b"));
    assert_string_equal(json_string_value(json_object_get(j, "d")), "last");
    json_decref(j);
}

static void a_stuck_reader_holds_nobody(void **state)
{
    (void)state;
    int ends[2], saved = dup(STDERR_FILENO);
    static char filler[65536], out[70000];
    assert_int_equal(pipe(ends), 0);
    memset(filler, '.', sizeof(filler));
    assert_int_equal(write(ends[1], filler, sizeof(filler)), sizeof(filler)); /* full now */
    dup2(ends[1], STDERR_FILENO);
    log_setup(LOG_INFO, LOG_JSON, false);
    log_error("one", NULL);
    log_error("two", NULL);
    assert_int_equal(read(ends[0], out, sizeof(filler)), sizeof(filler));
    log_error("three", NULL);
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(ends[1]);
    size_t len = 0;
    for (ssize_t n; (n = read(ends[0], out + len, sizeof(out) - 1 - len)) > 0;)
        len += (size_t)n;
    out[len] = '\0';
    close(ends[0]);
    assert_null(strstr(out, "one"));
    assert_non_null(strstr(out, "2 log lines were lost"));
    assert_non_null(strstr(out, "three"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_line),
        cmocka_unit_test(level_filters),
        cmocka_unit_test(text_line),
        cmocka_unit_test(long_fields_are_bounded),
        cmocka_unit_test(a_stuck_reader_holds_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
