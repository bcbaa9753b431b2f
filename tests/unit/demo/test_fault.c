#include "../cmocka_all.h"

#include "base/mem.h"
#include "base/str.h"
#include "demo/fault.h"

#include <unistd.h>

static void test_every_fault_reads_back(void **state)
{
    static const char *const texts[] = {"status=500",
                                        "delay=800ms",
                                        "hang",
                                        "reset",
                                        "truncate",
                                        "drip",
                                        "not-ready=redis",
                                        "slow-token=3s",
                                        "stall=5s",
                                        "error-event",
                                        "malformed",
                                        "reasoning-only",
                                        "rate-limited=20s",
                                        "overloaded=1m"};
    (void)state;
    for (size_t i = 0; i < countof(texts); i++) {
        struct fault f;
        char text[FAULT_TEXT_MAX];
        assert_int_equal(fault_parse(texts[i], &f, NULL), 0);
        assert_string_equal(fault_text(text, &f), texts[i]);
    }
}

static void test_wrong_faults_are_refused(void **state)
{
    static const char *const texts[] = {"",
                                        "status",
                                        "status=",
                                        "status=99",
                                        "status=600",
                                        "status=5x",
                                        "delay=800",
                                        "delay=11m",
                                        "hang=1",
                                        "hangs",
                                        "not-ready=",
                                        "not-ready=../x",
                                        "not-ready=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                                        "stall",
                                        "stall=11m",
                                        "error-event=1",
                                        "overloaded=1500ms"};
    (void)state;
    for (size_t i = 0; i < countof(texts); i++) {
        struct fault f = {.status = 7};
        struct err err = {{0}};
        assert_int_equal(fault_parse(texts[i], &f, &err), -1);
        assert_int_equal(f.status, 7);
        assert_true(err.msg[0]);
    }
}

static void test_incidents(void **state)
{
    struct incident in;
    (void)state;
    assert_int_equal(incident_parse("20s+1m30s /v1/agents status=503", &in, NULL), 0);
    assert_int_equal(in.start_us, 20 * USEC_PER_SEC);
    assert_int_equal(in.length_us, 90 * USEC_PER_SEC);
    assert_string_equal(in.prefix, "/v1/agents");
    assert_int_equal(in.fault.status, 503);
    assert_int_equal(incident_parse("now+1s / hang\n", &in, NULL), 0);
    assert_int_equal(in.start_us, 0);
    static const char *const wrong[] = {
        "",           "now+1s /",           "now / hang",   "now+1s v1 hang",
        "+1s / hang", "now+1s / hang more", "now+0s / hang"};
    for (size_t i = 0; i < countof(wrong); i++)
        assert_int_equal(incident_parse(wrong[i], &in, NULL), -1);
}

static void test_script_errors_name_the_line(void **state)
{
    struct incident list[2];
    struct err err;
    size_t n = 9;
    char path[] = "/tmp/nines-script-XXXXXX";
    static const char text[] = "# calm first\n\n5s+1s /a reset # note\n6s+1s /b bogus\n";
    (void)state;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
    assert_int_equal(incident_load(path, list, 2, &n, &err), -1);
    assert_non_null(strstr(err.msg, ":4: expected status=N"));
    assert_int_equal(n, 9);
    assert_int_equal(ftruncate(fd, (off_t)(strstr(text, "6s") - text)), 0);
    assert_int_equal(incident_load(path, list, 2, &n, &err), 0);
    assert_int_equal(n, 1);
    assert_int_equal(list[0].fault.kind, FAULT_RESET);
    close(fd);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_fault_reads_back),
        cmocka_unit_test(test_wrong_faults_are_refused),
        cmocka_unit_test(test_incidents),
        cmocka_unit_test(test_script_errors_name_the_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
