/* Programs that end well and badly, hang, flood, ignore their input and leave children. */
#include "io/command.h"

#include "base/mem.h"
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

struct seen {
    int times;
    bool failed, timed_out, cut;
    int exit_code, signal;
    struct str output;
};

static void on_done(void *ctx, const struct command_result *r)
{
    struct seen *s = ctx;
    s->times++;
    s->failed = r->failed;
    s->timed_out = r->timed_out;
    s->cut = r->cut;
    s->exit_code = r->exit_code;
    s->signal = r->signal;
    str_addn(&s->output, r->output, r->output_len);
}

static struct seen run(const char *const *argv, const char *input, size_t n, int64_t timeout_us,
                       bool cancel)
{
    static const char *const env[] = {"WORD=one", NULL};
    struct seen seen = {0};
    uv_loop_t loop;
    str_init(&seen.output, 1 << 20);
    assert_int_equal(uv_loop_init(&loop), 0);
    struct command_request r = {argv, env, input, n, timeout_us};
    struct command_run *c = command_start(&loop, &r, on_done, &seen);
    assert_int_equal(seen.times, 0);
    if (cancel)
        command_cancel(c);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    assert_int_equal(seen.times, cancel ? 0 : 1);
    return seen;
}

static struct seen shell(const char *script, const char *input, int64_t timeout_us)
{
    const char *const argv[] = {"/bin/sh", "-c", script, NULL};
    return run(argv, input, strlen(input), timeout_us, false);
}

#define LONG 60000000

static void test_ends(void **state)
{
    (void)state;
    struct seen s = shell("cat; echo \" $WORD $HOME\" >&2; exit 3", "in\"put", LONG);
    assert_int_equal(s.exit_code, 3);
    assert_string_equal(s.output.buf, "in\"put one \n");
    str_release(&s.output);
    s = shell("kill -9 $$", "", LONG);
    assert_int_equal(s.signal, SIGKILL);
    assert_false(s.timed_out);
    str_release(&s.output);
}

static void test_not_started(void **state)
{
    (void)state;
    const char *const argv[] = {"/nonexistent/program", NULL};
    struct seen s = run(argv, "x", 1, LONG, false);
    assert_true(s.failed);
    str_release(&s.output);
    s = run(argv, "x", 1, LONG, true);
    str_release(&s.output);
}

/* Megabytes of input that nobody reads, and of output that is not kept. */
static void test_floods(void **state)
{
    (void)state;
    size_t n = 4 << 20;
    char *input = mem_alloc(n + 1);
    memset(input, 'x', n);
    struct seen s = shell("exit 0", input, LONG);
    assert_int_equal(s.exit_code, 0);
    str_release(&s.output);
    s = shell("cat; exit 4", input, LONG);
    assert_int_equal(s.exit_code, 4);
    assert_true(s.cut);
    assert_int_equal(s.output.len, COMMAND_OUTPUT_MAX);
    str_release(&s.output);
    free(input);
}

static void test_hangs(void **state)
{
    (void)state;
    struct seen s = shell("echo begun; exec sleep 600", "", 200000);
    assert_true(s.timed_out);
    assert_int_equal(s.signal, SIGTERM);
    assert_string_equal(s.output.buf, "begun\n");
    str_release(&s.output);
    s = shell("trap '' TERM; while :; do sleep 600; done", "", 200000);
    assert_true(s.timed_out);
    assert_int_equal(s.signal, SIGKILL);
    str_release(&s.output);
    /* A child that keeps the output open goes with its parent. */
    s = shell("sleep 600 & exit 5", "", LONG);
    assert_int_equal(s.exit_code, 5);
    assert_false(s.timed_out);
    str_release(&s.output);
}

static void test_cancel(void **state)
{
    (void)state;
    const char *const argv[] = {"/bin/sh", "-c", "sleep 600", NULL};
    struct seen s = run(argv, "input", 5, LONG, true);
    str_release(&s.output);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ends),   cmocka_unit_test(test_not_started),
        cmocka_unit_test(test_floods), cmocka_unit_test(test_hangs),
        cmocka_unit_test(test_cancel),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
