/* `watchdog` of the Daemon document: what is read, and what is refused. */
#include "../cmocka_all.h"
#include "fake.h"

#include "base/str.h"
#include "base/units.h"
#include "config/load.h"
#include "nines/diag.h"

#include <stdio.h>
#include <stdlib.h>

#define HEAD                                                                                       \
    "apiVersion: nines/v1\nkind: Daemon\n"                                                         \
    "receivers: [{name: ops, log: {}}, {name: deadman, log: {}}]\n"

static struct config *load(const char *text, const char *said)
{
    struct diag diag = {0};
    struct config *config = NULL;
    char line[1200] = "";
    int rc = config_load_text("n.yml", text, strlen(text), &fake_tables, &config, &diag);
    if (diag.n)
        snprintf(line, sizeof(line), "%d:%d: %s", diag.items[0].pos.line, diag.items[0].pos.column,
                 diag.items[0].text);
    assert_string_equal(line, said);
    assert_int_equal(rc, diag.errors ? -1 : 0);
    diag_release(&diag);
    return config;
}

static void test_read(void **state)
{
    (void)state;
    struct config *c = load(HEAD, "");
    assert_int_equal(c->daemon.watchdog.every_us, 0);
    config_unref(c);

    c = load(HEAD "watchdog: {receiver: deadman}\n", "");
    assert_string_equal(c->daemon.watchdog.receiver, "deadman");
    assert_int_equal(c->daemon.watchdog.every_us, USEC_PER_MIN);
    config_unref(c);

    setenv("NINES_TEST_DEADMAN", "https://hc.example/ping/1", 1);
    c = load(HEAD "watchdog: {url: {env: NINES_TEST_DEADMAN}, method: POST, every: 30s}\n", "");
    assert_null(c->daemon.watchdog.receiver);
    assert_string_equal(c->daemon.watchdog.url.value, "https://hc.example/ping/1");
    assert_int_equal(c->daemon.watchdog.method, WATCHDOG_POST);
    assert_int_equal(c->daemon.watchdog.every_us, 30 * USEC_PER_SEC);
    config_unref(c);

    c = load("apiVersion: nines/v1\nkind: Daemon\nreceivers: [{name: deadman, log: {}}]\n"
             "watchdog: {receiver: deadman}\n",
             "4:22: watchdog: 'deadman' is the only receiver, so nobody is told of alerts");
    config_unref(c);
}

static void test_refused(void **state)
{
    (void)state;
    load(HEAD "watchdog: {receiver: deadmen}\n",
         "4:22: watchdog: no receiver has the name 'deadmen'; did you mean 'deadman'?");
    load(HEAD "watchdog: {receiver: somebody-else}\n",
         "4:22: watchdog: no receiver has the name 'somebody-else'");
    load(HEAD "watchdog: {receiver: deadman, url: {env: NINES_TEST_DEADMAN}}\n",
         "4:36: watchdog: one of receiver and url, not both");
    load(HEAD "watchdog: {every: 1m}\n", "4:11: watchdog: missing key 'receiver' or 'url'");
    load(HEAD "watchdog: {receiver: deadman, method: GET}\n",
         "4:39: watchdog: method is of the request to a url");
    load(HEAD "watchdog: {receiver: deadman, evry: 1m}\n",
         "4:31: unknown key 'evry'; did you mean 'every'?");
    load(HEAD "watchdog: {receiver: deadman, every: 10ms}\n",
         "4:38: every: must be from 1s to 1d; found '10ms'");
    load(HEAD "watchdog: deadman\n", "4:11: expected a mapping of keys to values; found 'deadman'");
    setenv("NINES_TEST_DEADMAN", "ftp://x", 1);
    load(HEAD "watchdog: {url: {env: NINES_TEST_DEADMAN}}\n",
         "4:17: watchdog: url is not an http:// or https:// address");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
