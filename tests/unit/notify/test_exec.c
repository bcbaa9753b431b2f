/* The exec receiver: its fields, and runs of real programs on a loop. */
#include "page.h"

#include "notify/exec.h"
#include "wire/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

static const struct exec_spec *spec_of(struct page *p, const char *yaml)
{
    return page_spec(p, &notifier_exec, yaml);
}

struct seen {
    struct verdict verdict;
    struct str output;
};

static void on_done(void *ctx, const struct command_result *r)
{
    struct seen *s = ctx;
    exec_judge(r, &s->verdict);
    str_addn(&s->output, r->output, r->output_len);
}

static void runs(const char *yaml, enum delivery want, const char *detail, const char *said)
{
    struct page p;
    struct seen seen = {0};
    struct command_request r;
    struct str input;
    struct err err;
    uv_loop_t loop;
    page_init(&p);
    str_init(&seen.output, 1 << 20);
    const struct exec_spec *s = spec_of(&p, yaml);
    assert_int_equal(p.diag.errors, 0);
    struct message m = page_message(&p.arena, 1, 1, "$(id) `id` ; 'x'", "\xff\"");
    const struct notification n = {.dedup_key = "key-1", .message = &m};
    assert_int_equal(exec_build(s, &n, &p.arena, &input, &r, &err), 0);
    assert_int_equal(uv_loop_init(&loop), 0);
    command_start(&loop, &r, on_done, &seen);
    str_release(&input);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    assert_int_equal(seen.verdict.delivery, want);
    assert_string_equal(seen.verdict.detail, detail);
    if (said)
        assert_string_equal(seen.output.buf, said);
    str_release(&seen.output);
    page_release(&p);
}

static void test_runs(void **state)
{
    (void)state;
    setenv("NINES_TEST_WORD", "w0rd", 1);
    setenv("NINES_TEST_LEAK", "leak", 1);
    runs("{command: [/usr/bin/env], env: {A: b, C: {env: NINES_TEST_WORD}}}", DELIVERY_OK,
         "exit code 0: NINES_STATUS=firing",
         "NINES_STATUS=firing\nNINES_RECEIVER=ops\nNINES_DEDUP_KEY=key-1\nA=b\nC=w0rd\n"
         "PATH=/usr/local/bin:/usr/bin:/bin\nLANG=C.UTF-8\n");
    runs("{command: [/bin/echo, '$(id)', '*']}", DELIVERY_OK, "exit code 0: $(id) *", "$(id) *\n");
    runs("{command: /bin/false}", DELIVERY_RETRY, "exit code 1", "");
    runs("{command: [/bin/sh, -c, 'echo no such room; exit 65']}", DELIVERY_REJECTED,
         "exit code 65: no such room", NULL);
    runs("{command: [/bin/sh, -c, 'exit 75']}", DELIVERY_RETRY, "exit code 75", "");
    runs("{command: [/bin/sh, -c, 'kill -9 $$']}", DELIVERY_RETRY, "ended by signal 9", "");
    runs("{command: [/bin/sleep, '600'], timeout: 100ms}", DELIVERY_RETRY, "timed out", "");
    runs("{command: [/nonexistent/x]}", DELIVERY_RETRY,
         "cannot be started: no such file or directory", "");
}

static bool has(const char *const *env, const char *want)
{
    while (*env && !str_eq(*env, want))
        env++;
    return *env != NULL;
}

/* What the program reads is the message. */
static void test_input(void **state)
{
    struct page p;
    struct message back;
    struct command_request r;
    struct str input;
    struct err err;
    (void)state;
    page_init(&p);
    const struct exec_spec *s = spec_of(&p, "{command: [/bin/cat, -]}");
    struct message m = page_message(&p.arena, 3, 2, "s", "d");
    struct notification n = {.dedup_key = "k", .message = &m};
    assert_int_equal(exec_build(s, &n, &p.arena, &input, &r, &err), 0);
    assert_string_equal(r.argv[0], "/bin/cat");
    assert_null(r.argv[2]);
    assert_int_equal(r.timeout_us, 30000000);
    assert_int_equal(message_read(r.input, r.input_len, &p.arena, &back, &err), 0);
    assert_int_equal(back.alert_count, 3);
    assert_false(has(r.env, "NINES_UNRECORDED=true"));
    str_release(&input);
    n.unrecorded = true; /* which nothing else says */
    assert_int_equal(exec_build(s, &n, &p.arena, &input, &r, &err), 0);
    assert_true(has(r.env, "NINES_UNRECORDED=true"));
    str_release(&input);
    page_release(&p);
}

static void refused(const char *yaml, const char *want)
{
    struct page p;
    char line[1200] = "";
    page_init(&p);
    spec_of(&p, yaml);
    for (size_t i = 0; i < p.diag.n && !*line; i++)
        if (!p.diag.items[i].warning)
            snprintf(line, sizeof(line), "%d:%d: %s", p.diag.items[i].pos.line,
                     p.diag.items[i].pos.column, p.diag.items[i].text);
    assert_string_equal(line, want);
    page_release(&p);
}

static void test_refusals(void **state)
{
    (void)state;
    refused("{env: {A: b}}", "1:1: missing key 'command'");
    refused("{command: [cat]}", "1:11: command: expected the absolute path of a program first");
    refused("{command: []}", "1:11: command: expected the absolute path of a program first");
    refused("{command: /bin/cat, env: {NINES_X: a}}",
            "1:26: env: NINES_X is no name for a variable of yours: letters, digits and _, not "
            "NINES_");
    refused("{command: /bin/cat, env: {A=B: a}}",
            "1:26: env: A=B is no name for a variable of yours: letters, digits and _, not "
            "NINES_");
    refused("{command: /bin/cat, timeout: 1h}",
            "1:30: timeout: must be from 100ms to 10m; found '1h'");
    refused("{comand: /bin/cat}", "1:2: unknown key 'comand'; did you mean 'command'?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_runs),
        cmocka_unit_test(test_input),
        cmocka_unit_test(test_refusals),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
