/* Names on a loop against a real name server that misbehaves by name. */
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "io/hosts.h"
#include "io/resolve.h"
#include "support/spawn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

struct fixture {
    struct spawned *dns;
    uv_loop_t loop;
    struct resolver *r;
    char dir[64], hosts[96], resolv[96];
    int closed;
    /* the last answer */
    int answers;
    struct resolve_addrs addrs;
    char error[128];
    bool local_fault;
};

static void write_file(const char *path, const char *text)
{
    mem_auto char *tmp = mem_printf("%s.new", path);
    FILE *f = fopen(tmp, "w");

    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    assert_int_equal(rename(tmp, path), 0);
}

static void on_closed(void *ctx)
{
    ((struct fixture *)ctx)->closed++;
}

static void on_answer(void *ctx, const struct resolve_addrs *addrs, const char *error,
                      bool local_fault)
{
    struct fixture *f = ctx;

    f->answers++;
    f->addrs = *addrs;
    f->local_fault = local_fault;
    str_copy(f->error, sizeof(f->error), error ? error : "");
}

static struct resolver *open_resolver(struct fixture *f, const char *servers)
{
    struct resolver_options o = {
        .servers = servers, .hosts_path = f->hosts, .resolv_path = f->resolv, .watch_ms = 10};
    struct resolver *r = NULL;
    struct err e;

    assert_int_equal(resolver_new(&f->loop, &o, &r, &e), 0);
    return r;
}

static void close_resolver(struct fixture *f, struct resolver *r)
{
    int before = f->closed;

    resolver_close(r, on_closed, f);
    while (f->closed == before)
        uv_run(&f->loop, UV_RUN_ONCE);
}

static int set_up(void **state)
{
    struct fixture *f = mem_alloc(sizeof(*f));
    char servers[64];

    f->dns = spawn_python("dnsserver.py");
    assert_int_equal(uv_loop_init(&f->loop), 0);
    str_copy(f->dir, sizeof(f->dir), "/tmp/test-resolve-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->hosts, sizeof(f->hosts), "%s/hosts", f->dir);
    snprintf(f->resolv, sizeof(f->resolv), "%s/resolv.conf", f->dir);
    write_file(f->hosts, "# comment\n10.1.2.3 In-File.example alias # x\n"
                         "fe80::1 in-file.example\nnonsense line\n10.9.9.9\n");
    write_file(f->resolv, "nameserver 127.0.0.1\n");
    snprintf(servers, sizeof(servers), "127.0.0.1:%d", spawn_port(f->dns, "dns"));
    f->r = open_resolver(f, servers);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    close_resolver(f, f->r);
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    spawn_stop(f->dns);
    unlink(f->hosts);
    unlink(f->resolv);
    rmdir(f->dir);
    free(f);
    return 0;
}

static void ask(struct fixture *f, const char *name, int family, bool fresh)
{
    int want = f->answers + 1;

    assert_non_null(resolver_start(f->r, name, family, fresh, on_answer, f));
    assert_int_equal(f->answers, want - 1); /* never from inside */
    while (f->answers < want)
        uv_run(&f->loop, UV_RUN_ONCE);
}

static const char *text(const struct resolve_addrs *a, size_t i)
{
    static char buf[64];

    assert_true(i < a->n);
    return resolve_addr_text(buf, sizeof(buf), &a->at[i], 80);
}

static void test_now(void **state)
{
    struct fixture *f = *state;
    struct resolve_addrs a;

    assert_true(resolver_now(f->r, "10.0.0.1", AF_UNSPEC, false, &a));
    assert_string_equal(text(&a, 0), "10.0.0.1:80");
    assert_true(resolver_now(f->r, "::1", AF_INET6, true, &a));
    assert_string_equal(text(&a, 0), "[::1]:80");
    assert_true(resolver_now(f->r, "LOCALHOST", AF_UNSPEC, true, &a));
    assert_int_equal(a.n, 2);
    assert_string_equal(text(&a, 0), "127.0.0.1:80");
    assert_true(resolver_now(f->r, "a.b.localhost.", AF_INET6, false, &a));
    assert_string_equal(text(&a, 0), "[::1]:80");
    assert_false(resolver_now(f->r, "notlocalhost", AF_UNSPEC, false, &a));
    assert_false(resolver_now(f->r, "ok.example", AF_UNSPEC, false, &a));
    assert_false(resolver_now(f->r, "10.0.0.1", AF_INET6, false, &a));
}

static void test_hosts(void **state)
{
    struct fixture *f = *state;
    struct resolve_addrs a;

    assert_true(resolver_now(f->r, "in-file.EXAMPLE", AF_UNSPEC, true, &a));
    assert_int_equal(a.n, 2);
    assert_string_equal(text(&a, 0), "10.1.2.3:80");
    assert_true(resolver_now(f->r, "alias", AF_INET, false, &a));
    assert_int_equal(a.n, 1);
    assert_false(resolver_now(f->r, "alias", AF_INET6, false, &a));
    assert_false(resolver_now(f->r, "x", AF_UNSPEC, false, &a));
}

static void test_answers(void **state)
{
    struct fixture *f = *state;

    ask(f, "ok.example", AF_UNSPEC, false);
    assert_string_equal(f->error, "");
    assert_string_equal(text(&f->addrs, 0), "127.0.0.1:80");
    ask(f, "two.example", AF_INET, false);
    assert_int_equal(f->addrs.n, 2);
    ask(f, "dual.example", AF_UNSPEC, false);
    assert_int_equal(f->addrs.n, 2);
    ask(f, "six.example", AF_INET6, false);
    assert_string_equal(text(&f->addrs, 0), "[::1]:80");
}

static void test_failures(void **state)
{
    struct fixture *f = *state;
    static const char *const cases[][2] = {
        {"nx.example", "no such name (NXDOMAIN)"},
        {"servfail.example", "the name server failed (SERVFAIL)"},
        {"refused.example", "the name server refused the query (REFUSED)"},
        {"empty.example", "the name has no address"},
        {"bad..name", "not a valid name"},
        {"", "not a valid name"},
    };

    for (size_t i = 0; i < countof(cases); i++) {
        ask(f, cases[i][0], AF_UNSPEC, false);
        assert_int_equal(f->addrs.n, 0);
        assert_string_equal(f->error, cases[i][1]);
        assert_false(f->local_fault);
    }
    ask(f, "10.0.0.1", AF_INET6, false);
    assert_string_equal(f->error, "the address is of the other IP family");
}

static int hits(struct fixture *f, const char *name)
{
    mem_auto char *counter = mem_printf("hits.%s", name);

    ask(f, counter, AF_INET, true);
    assert_int_equal(f->addrs.n, 1);
    return f->addrs.at[0].ip[3];
}

static void test_cache(void **state)
{
    struct fixture *f = *state;
    struct resolve_addrs a;

    ask(f, "ok.cache", AF_INET, false);
    assert_true(resolver_now(f->r, "ok.cache", AF_INET, false, &a));
    assert_true(resolver_now(f->r, "OK.cache.", AF_INET, false, &a));
    assert_false(resolver_now(f->r, "ok.cache", AF_INET, true, &a));   /* fresh */
    assert_false(resolver_now(f->r, "ok.cache", AF_INET6, false, &a)); /* part of the key */
    ask(f, "zero.cache", AF_INET, false); /* a TTL of 0 is kept for 1 s */
    assert_true(resolver_now(f->r, "zero.cache", AF_INET, false, &a));
    ask(f, "nx.cache", AF_INET, false);
    ask(f, "nx.cache", AF_INET, false); /* failures are asked again */
    assert_int_equal(hits(f, "nx.cache"), 2);
    assert_int_equal(hits(f, "ok.cache"), 1);
}

static void test_expiry(void **state)
{
    struct dnscache *c = dnscache_new();
    struct resolve_addrs a = {0}, got;
    const unsigned char ip[4] = {10, 0, 0, 1};
    char name[32];

    (void)state;
    resolve_addrs_add(&a, AF_INET, ip);
    resolve_addrs_add(&a, AF_INET, ip);
    assert_int_equal(a.n, 1);
    dnscache_put(c, "x", AF_INET, 0, 1000, &a);
    assert_true(dnscache_get(c, "x", AF_INET, 999, &got));
    assert_false(dnscache_get(c, "x", AF_INET, 1000, &got));
    for (int i = 0; i < DNSCACHE_MAX * 2; i++) {
        snprintf(name, sizeof(name), "n%d", i);
        dnscache_put(c, name, AF_INET, 0, 1000, &a);
        assert_true(dnscache_get(c, name, AF_INET, 1, &got));
    }
    int held = 0;

    for (int i = 0; i < DNSCACHE_MAX * 2; i++) {
        snprintf(name, sizeof(name), "n%d", i);
        held += dnscache_get(c, name, AF_INET, 1, &got);
    }
    assert_int_equal(held, DNSCACHE_MAX);
    dnscache_free(c);
}

static void test_sharing(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 5; i++)
        resolver_start(f->r, "late.shared", AF_INET, false, on_answer, f);
    resolver_start(f->r, "late.shared", AF_INET, true, on_answer, f);
    while (f->answers < 6)
        uv_run(&f->loop, UV_RUN_ONCE);
    assert_int_equal(hits(f, "late.shared"), 2); /* the fresh one asked for itself */
}

/* A late answer meets nobody, and still is known to the next one. */
static void test_cancel(void **state)
{
    struct fixture *f = *state;
    struct resolve_addrs a;
    struct resolve_wait *w = resolver_start(f->r, "late.cancel", AF_INET, false, on_answer, f);

    resolver_cancel(w);
    while (!resolver_now(f->r, "late.cancel", AF_INET, false, &a))
        uv_run(&f->loop, UV_RUN_ONCE);
    assert_int_equal(f->answers, 0);
    resolver_cancel(resolver_start(f->r, "", AF_INET, false, on_answer, f));
    resolver_cancel(resolver_start(f->r, "silent.cancel", AF_INET, false, on_answer, f));
}

static void on_tick(uv_timer_t *t)
{
    (void)t;
}

static void test_hosts_change(void **state)
{
    struct fixture *f = *state;
    struct resolve_addrs a;
    uv_timer_t tick; /* the watchers alone do not keep a loop alive */

    uv_timer_init(&f->loop, &tick);
    uv_timer_start(&tick, on_tick, 5, 5);
    ask(f, "ok.change", AF_INET, false);
    while (!resolver_now(f->r, "new.example", AF_INET, false, &a)) {
        /* Again and again: the watcher may take its first look only later. */
        write_file(f->hosts, "10.1.1.1 new.example\n");
        uv_run(&f->loop, UV_RUN_ONCE);
    }
    assert_string_equal(text(&a, 0), "10.1.1.1:80");
    assert_false(resolver_now(f->r, "alias", AF_INET, false, &a));
    assert_false(resolver_now(f->r, "ok.change", AF_INET, false, &a)); /* what else changed? */
    uv_close((uv_handle_t *)&tick, NULL);
    uv_run(&f->loop, UV_RUN_NOWAIT);
}

/* Lookups under way move to the new channel, which has a new socket. */
static void test_resolv_change(void **state)
{
    struct fixture *f = *state;
    uv_timer_t tick;

    uv_timer_init(&f->loop, &tick);
    uv_timer_start(&tick, on_tick, 5, 5);
    resolver_start(f->r, "moved.example", AF_INET, false, on_answer, f);
    resolver_cancel(resolver_start(f->r, "moved.left", AF_INET, true, on_answer, f));
    while (!f->answers) {
        /* Again and again: the watcher may take its first look only later. */
        write_file(f->resolv, "nameserver 127.0.0.1\n");
        uv_run(&f->loop, UV_RUN_ONCE);
    }
    assert_string_equal(f->error, "");
    assert_string_equal(text(&f->addrs, 0), "127.0.0.1:80");
    uv_close((uv_handle_t *)&tick, NULL);
    uv_run(&f->loop, UV_RUN_NOWAIT);
}

static void test_close_with_lookups(void **state)
{
    struct fixture *f = *state;
    char servers[64];

    snprintf(servers, sizeof(servers), "127.0.0.1:%d", spawn_port(f->dns, "dns"));
    struct resolver *r = open_resolver(f, servers);

    resolver_cancel(resolver_start(r, "silent.example", AF_UNSPEC, false, on_answer, f));
    resolver_cancel(resolver_start(r, "..", AF_UNSPEC, false, on_answer, f));
    uv_run(&f->loop, UV_RUN_NOWAIT);
    close_resolver(f, r);
    assert_int_equal(f->answers, 0);
}

static void test_bad_servers(void **state)
{
    struct fixture *f = *state;
    struct resolver_options o = {
        .servers = "not an address", .hosts_path = f->hosts, .resolv_path = f->resolv};
    struct resolver *r = NULL;
    struct err e;

    assert_int_equal(resolver_new(&f->loop, &o, &r, &e), -1);
    assert_non_null(strstr(e.msg, "not an address"));
}

static void test_hostile_hosts(void **state)
{
    char text[2048];
    unsigned seed = 1;
    struct resolve_addrs a = {0};

    (void)state;
    for (int round = 0; round < 500; round++) {
        for (size_t i = 0; i < sizeof(text); i++) {
            seed = seed * 1103515245 + 12345;
            text[i] = "1.:a# \t\n\r\0z"[seed >> 16 & 7];
        }
        struct hosts *h = hosts_parse(text, sizeof(text));

        (void)hosts_find(h, "a", AF_UNSPEC, &a);
        hosts_free(h);
    }
    hosts_free(hosts_read("/nonexistent/hosts"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_now, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hosts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_answers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_failures, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cache, set_up, tear_down),
        cmocka_unit_test(test_expiry),
        cmocka_unit_test_setup_teardown(test_sharing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cancel, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hosts_change, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_resolv_change, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_close_with_lookups, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bad_servers, set_up, tear_down),
        cmocka_unit_test(test_hostile_hosts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
