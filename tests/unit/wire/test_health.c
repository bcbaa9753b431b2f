/* Health documents: what each says, in one line. */
#include "wire/health.h"

#include "base/mem.h"
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define TOLD_MAX (1 << 20)

/* "unhealthy(not_ready): redis=unhealthy(refused)@2000 db=healthy; 503; v1.0" */
static void tell(const struct health *h, struct str *out)
{
    str_addf(out, "%s", health_state_name(h->state));
    if (*h->said)
        str_addf(out, "(%s%s%s)", h->said, *h->why ? ", " : "", h->why);
    for (size_t i = 0; i < h->component_count; i++) {
        const struct health_component *c = &h->components[i];
        str_addf(out, "%s%s=%s", i ? " " : ": ", c->name, health_state_name(c->state));
        if (*c->why)
            str_addf(out, "(%s)", c->why);
        if (c->latency_us >= 0)
            str_addf(out, "@%lld", (long long)c->latency_us);
    }
    if (h->claimed_status)
        str_addf(out, "; %d", h->claimed_status);
    if (h->version)
        str_addf(out, "; v%s", h->version);
}

static void told(const char *type, const char *body, size_t n, struct str *out)
{
    struct arena a = {0};
    struct health h;
    struct err err;
    char *exact = mem_alloc(n); /* for a sanitizer to see reads past the end */
    memcpy(exact, body, n);
    str_clear(out);
    if (health_read(&a, type, exact, n, &h, &err) < 0)
        str_addf(out, "error: %s", err.msg);
    else
        tell(&h, out);
    free(exact);
    arena_release(&a);
}

struct sample {
    const char *body, *told;
};

static void check(const struct sample *samples, size_t n)
{
    struct str out;
    str_init(&out, TOLD_MAX);
    size_t wrong = 0;
    for (size_t i = 0; i < n; i++) {
        told("text/plain", samples[i].body, strlen(samples[i].body), &out);
        if (str_eq(out.buf, samples[i].told))
            continue;
        print_error("%s\n  is   %s\n  not  %s\n", samples[i].body, out.buf, samples[i].told);
        wrong++;
    }
    str_release(&out);
    assert_int_equal(wrong, 0);
}

static void test_documents_of_the_guides(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"{\"status\": \"healthy\", \"version\": \"1.0.3\"}", "healthy(healthy); v1.0.3"},
        {"{\"status\": \"healthy\"}", "healthy(healthy)"},
        {"{\"status\": \"alive\"}", "healthy(alive)"},
        {"[{\"ready\":false,\"services\":{\"database\":true,\"redis\":false,\"storage\":true}},"
         "503]",
         "unhealthy(not ready): database=healthy redis=unhealthy storage=healthy; 503"},
        {"[{\"ready\":true,\"services\":{\"database\":true,\"redis\":true}},200]",
         "healthy(ready): database=healthy redis=healthy; 200"},
        {"{\"status\": \"ready\", \"checks\": {\"database\": \"healthy\", \"redis\": \"healthy\"}}",
         "healthy(ready): database=healthy redis=healthy"},
        {"{\"status\": \"not_ready\", \"checks\": {\"database\": \"healthy\","
         " \"redis\": \"unhealthy: Error 111 connecting to redis:6379. Connection refused.\"}}",
         "unhealthy(not_ready): database=healthy"
         " redis=unhealthy(Error 111 connecting to redis:6379. Connection refused)"},
        {"{\"status\": \"healthy\", \"checks\": {"
         "\"postgres\": {\"status\": \"healthy\", \"latency_ms\": 2},"
         "\"clickhouse\": {\"status\": \"unhealthy\", \"latency_ms\": 5, \"error\": \"dial tcp:"
         " timeout\"}, \"redis\": {\"status\": \"healthy\", \"latency_ms\": 1}},"
         "\"version\": \"1.0.0\", \"uptime\": \"2h15m30s\"}",
         "healthy(healthy): postgres=healthy@2000 clickhouse=unhealthy(dial tcp: timeout)@5000"
         " redis=healthy@1000; v1.0.0"},
        {"{\"version\": \"1.4.0\", \"commit\": \"abc\", \"uptime\": \"2h\"}", "unknown; v1.4.0"},
    };
    check(samples, countof(samples));
}

static void test_spring(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"{\"status\":\"UP\"}", "healthy(UP)"},
        {"{\"status\":\"OUT_OF_SERVICE\"}", "unhealthy(OUT_OF_SERVICE)"},
        {"{\"status\":\"UNKNOWN\"}", "unknown(UNKNOWN)"},
        {"{\"status\":\"DOWN\",\"components\":{"
         "\"db\":{\"status\":\"DOWN\",\"components\":{"
         "\"main\":{\"status\":\"UP\",\"details\":{\"database\":\"H2\",\"validationQuery\":"
         "\"isValid()\"}},"
         "\"validation\":{\"status\":\"DOWN\",\"details\":{\"error\":\"SQLException: closed\"}}}},"
         "\"diskSpace\":{\"status\":\"UP\",\"details\":{\"total\":250,\"free\":10,\"exists\":true}}"
         ","
         "\"ping\":{\"status\":\"UP\"}},\"groups\":[\"liveness\",\"readiness\"]}",
         "unhealthy(DOWN): db=unhealthy db/main=healthy"
         " db/validation=unhealthy(SQLException: closed) diskSpace=healthy ping=healthy"},
        {"{\"status\":\"UP\",\"details\":{\"redis\":{\"status\":\"UP\",\"details\":{\"version\":"
         "\"7.0\"}},\"free\":12,\"mode\":\"cluster\"}}",
         "healthy(UP): redis=healthy"},
    };
    check(samples, countof(samples));
}

static void test_health_json_draft(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"{\"status\":\"pass\",\"version\":\"1\",\"releaseId\":\"1.2.2\",\"output\":\"\","
         "\"checks\":{\"cassandra:responseTime\":[{\"componentId\":\"a\",\"observedValue\":250,"
         "\"observedUnit\":\"ms\",\"status\":\"pass\"},{\"observedValue\":0.3,\"observedUnit\":"
         "\"s\",\"status\":\"warn\",\"output\":\"slow node\"}],"
         "\"cassandra:connections\":[{\"observedValue\":75,\"status\":\"pass\"}],"
         "\"uptime\":[{\"observedValue\":1209600.245,\"observedUnit\":\"s\",\"status\":\"pass\"}],"
         "\"cpu:utilization\":[{\"observedValue\":85,\"observedUnit\":\"percent\",\"status\":"
         "\"fail\",\"output\":\"too hot\"}],"
         "\"memory:utilization\":[{\"observedValue\":8.5}]}}",
         "healthy(pass): cassandra=degraded(slow node)@300000 uptime=healthy"
         " cpu=unhealthy(too hot); v1.2.2"},
        {"{\"status\":\"warn\",\"output\":\"cache is cold\"}", "degraded(warn, cache is cold)"},
        {"{\"status\":\"fail\"}", "unhealthy(fail)"},
    };
    check(samples, countof(samples));
}

static void test_other_json(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        /* ASP.NET, MicroProfile, a group, an envelope */
        {"{\"status\":\"Degraded\",\"totalDuration\":\"00:00:00.2\",\"entries\":{\"sql\":{"
         "\"status\""
         ":\"Degraded\",\"duration\":\"00:00:00.1234567\",\"description\":\"slow\",\"data\":{}}}}",
         "degraded(Degraded): sql=degraded(slow)@123457"},
        {"{\"status\":\"DOWN\",\"checks\":[{\"name\":\"db\",\"status\":\"DOWN\",\"data\":{\"error\""
         ":\"x\"}},{\"name\":\"disk\",\"status\":\"UP\"},{\"status\":\"UP\"}]}",
         "unhealthy(DOWN): db=unhealthy disk=healthy 2=healthy"},
        {"{\"status\":\"ok\",\"components\":{\"databases\":{\"primary\":{\"state\":\"up\"},"
         "\"replica\":{\"state\":\"down\",\"reason\":\"lag\"}}}}",
         "healthy(ok): databases/primary=healthy databases/replica=unhealthy(lag)"},
        {"{\"success\":true,\"data\":{\"status\":\"unhealthy\",\"message\":\"no disk\"}}",
         "unhealthy(unhealthy, no disk)"},
        {"[{\"name\":\"db\",\"status\":\"up\"},{\"name\":\"mq\",\"status\":\"down\"}]",
         "unhealthy: db=healthy mq=unhealthy"},
        {"\"ok\"", "healthy(ok)"},
        {"\xef\xbb\xbf {\"status\":\"ok\"}\n", "healthy(ok)"},
        {"{\"commit\":\"00a\",\"database\":\"ok\",\"version\":\"9.5\"}",
         "healthy: database=healthy; v9.5"},
        {"{\"database\":\"failing\",\"version\":\"9.5\",\"error\":\"down\",\"n\":1,\"t\":true}",
         "unhealthy: database=unhealthy; v9.5"},
        {"{\"db\":{\"status\":\"up\"},\"redis\":{\"status\":\"down\",\"msg\":\"refused\"}}",
         "unhealthy: db=healthy redis=unhealthy(refused)"},
        /* only components: as well as the worst */
        {"{\"checks\":{\"a\":\"ok\",\"b\":\"degraded - slow\"}}",
         "degraded: a=healthy b=degraded(slow)"},
        {"{\"services\":{\"a\":true,\"b\":null}}", "unknown: a=healthy b=unknown"},
        {"{\"status\":\"ok\",\"details\":{\"mail\":\"disabled\",\"host\":\"a1\"}}",
         "healthy(ok): mail=unknown"},
        {"{\"status\":\"ok\",\"checks\":{\"a:latency\":[{\"ok\":true,\"latency_ms\":1}],"
         "\"a:p99\":[{\"ok\":true,\"latency_ms\":7}],\"a:p50\":[{\"ok\":true}]}}",
         "healthy(ok): a=healthy@7000"},
        /* claims that differ: the worse of what is known */
        {"{\"status\":\"ok\",\"ready\":false}", "unhealthy(not ready)"},
        {"{\"status\":\"idle\",\"healthy\":true}", "healthy(healthy)"},
        {"{\"status\":200,\"message\":\"fine\"}", "healthy(200); 200"},
        {"{\"status\":503,\"error\":\"Service Unavailable\"}",
         "unhealthy(503, Service Unavailable); 503"},
        {"{\"up\":\"3 days\",\"status\":\"ok\",\"checks\":{\"passed\":3,\"failed\":0}}",
         "healthy(ok)"},
        {"{\"status\":\"ok\",\"checks\":{\"a\":{\"error\":\"gone\"},\"b\":{\"error\":null},"
         "\"c\":{\"error\":{\"message\":\"inner\"},\"ok\":false}}}",
         "healthy(ok): a=unhealthy(gone) b=unknown c=unhealthy(inner)"},
        {"{\"status\":\"ok\",\"build\":{\"version\":\"2.1\"}}", "healthy(ok); v2.1"},
        {"{\"status\":\"ok\",\"version\":3,\"checks\":{\"\":true,\"a\\nb\":true}}",
         "healthy(ok): unnamed=healthy a?b=healthy; v3"},
    };
    check(samples, countof(samples));
}

static void test_latencies(void **state)
{
    (void)state;
    static const struct {
        const char *member;
        int64_t us;
    } samples[] = {
        {"\"latency_ms\":0.25", 250},
        {"\"latency\":3", 3000},
        {"\"latency\":\"3\"", 3000},
        {"\"response_time\":\"1.5 s\"", 1500000},
        {"\"responseTime\":\"250\xc2\xb5s\"", 250},
        {"\"duration\":\"01:00:01.5\"", 3601500000},
        {"\"latency_seconds\":0.002", 2000},
        {"\"latency_us\":7", 7},
        {"\"latency_ms\":-1", -1},
        {"\"latency_ms\":1e300", -1},
        {"\"latency_ms\":\"nan\"", -1},
        {"\"latency_ms\":\"inf\"", -1},
        {"\"latency_ms\":\"fast\"", -1},
        {"\"latency\":\"2 parsecs\"", -1},
        {"\"latency_ms\":true", -1},
    };
    for (size_t i = 0; i < countof(samples); i++) {
        struct arena a = {0};
        struct health h;
        struct err err;
        mem_auto char *body =
            mem_printf("{\"checks\":{\"x\":{\"ok\":true,%s}}}", samples[i].member);
        if (health_read(&a, NULL, body, strlen(body), &h, &err) < 0)
            fail_msg("%s: %s", body, err.msg);
        if (h.components[0].latency_us != samples[i].us)
            fail_msg("%s: %lld", body, (long long)h.components[0].latency_us);
        arena_release(&a);
    }
}

static void test_words(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"ok", "healthy(ok)"},
        {"OK.\n", "healthy(OK)"},
        {"Healthy", "healthy(Healthy)"},
        {"true", "healthy(true)"},
        {"alive", "healthy(alive)"},
        {"Not ready", "unhealthy(Not ready)"},
        {"not-live", "unhealthy(not-live)"},
        {"unavailable", "unhealthy(unavailable)"},
        {"degraded: 1 of 3 replicas", "degraded(degraded, 1 of 3 replicas)"},
        {"down (maintenance until 9)", "unhealthy(down, maintenance until 9)"},
        {"error connecting to redis", "unhealthy(error, error connecting to redis)"},
        {"unknown", "unknown(unknown)"},
        {"Prometheus Server is Ready.\n", "healthy(Ready)"},
        {"Ingester not ready: waiting for 15s", "unhealthy(not ready, waiting for 15s)"},
        {"healthz check passed", "healthy(passed)"},
        {"service is not ready", "unhealthy(not ready)"},
    };
    check(samples, countof(samples));
}

/* The word ends where its line does. */
static void test_a_nul_in_a_line(void **state)
{
    static const char body[] = "[-]etcd failed: late\nhe\0x";
    struct str out;
    (void)state;
    str_init(&out, TOLD_MAX);
    told("text/plain", body, sizeof(body) - 1, &out);
    assert_string_equal(out.buf, "unhealthy: etcd=unhealthy(late)");
    str_release(&out);
}

static void test_kubernetes(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"[+]ping ok\n[+]log ok\n[-]etcd failed: reason withheld\n"
         "[+]poststarthook/start-informers ok\n[+]slow excluded: ok\nreadyz check failed\n",
         "unhealthy(failed): ping=healthy log=healthy etcd=unhealthy(reason withheld)"
         " poststarthook/start-informers=healthy slow=healthy"},
        {"[+]ping ok\r\n[+]etcd ok\r\nlivez check passed\r\n",
         "healthy(passed): ping=healthy etcd=healthy"},
        {"[+]ping ok\n[-]etcd", "unhealthy: ping=healthy etcd=unhealthy"},
        {"[+] x", "error: a list of checks that names none"},
    };
    check(samples, countof(samples));
}

static void test_never_guessed_good(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"ok but slow", "error: 11 bytes of text/plain, neither JSON nor a word for a state"},
        {"running out of memory",
         "error: 21 bytes of text/plain, neither JSON nor a word for a state"},
        {"{\"status\":\"up and away\"}", "unknown(up and away, up and away)"},
        {"{\"status\":\"quux\",\"checks\":{\"a\":\"good enough\",\"b\":\"not configured\"}}",
         "unknown(quux, quux): a=unknown(good enough) b=unknown"},
        {"{\"status\":\"\"}", "error: JSON without a state: there is no \"status\", \"ready\", "
                              "\"checks\" or the like"},
        {"{\"message\":\"ok\"}", "error: JSON without a state: there is no \"status\", \"ready\", "
                                 "\"checks\" or the like"},
        {"{\"detail\":\"Not Found\"}", "error: JSON without a state: there is no \"status\", "
                                       "\"ready\", \"checks\" or the like"},
        {"[]", "error: JSON without a state: there is no \"status\", \"ready\", \"checks\" or the "
               "like"},
        {"[1,503]", "error: JSON without a state: there is no \"status\", \"ready\", \"checks\" "
                    "or the like"},
        {"{\"status\":\"ok\",\"status\":\"down\"}",
         "error: not valid JSON at 1:23: duplicate object key near '\"status\"'"},
        {"{\"status\":\"ok\",\"x\":NaN}",
         "error: not valid JSON at 1:22: invalid token near 'NaN'"},
        {"{\"status\":\"ok\"", "error: not valid JSON at 1:14: '}' expected near end of file"},
        {"{\"status\":\"ok\"} trailing",
         "error: not valid JSON at 1:24: end of file expected near 'trailing'"},
        {"{\"status\":\"ok\\u0000\"}", "error: not valid JSON at 1:20: a NUL character"},
        {"", "error: the body is empty"},
        {" \n ", "error: the body is empty"},
        {"<html><body>ok</body></html>",
         "error: 28 bytes of text/plain, neither JSON nor a word for a state"},
        {"ok\xff", "error: 3 bytes that are not UTF-8 text"},
        {"42", "error: 2 bytes of text/plain, neither JSON nor a word for a state"},
    };
    check(samples, countof(samples));
}

/* ---- limits -------------------------------------------------------------------------- */

static void put_many(struct str *s, int n, int bad)
{
    str_clear(s);
    str_add(s, "{\"status\":\"ok\",\"checks\":{");
    for (int i = 0; i < n; i++)
        str_addf(s, "%s\"c%d\":%s", i ? "," : "", i, i == bad ? "\"down: gone\"" : "true");
    str_add(s, "}}");
}

static void test_ten_thousand_components(void **state)
{
    (void)state;
    struct arena a = {0};
    struct health h;
    struct str s;
    str_init(&s, 1 << 20);
    put_many(&s, 10000, -1);
    assert_int_equal(health_read(&a, NULL, s.buf, s.len, &h, NULL), 0);
    assert_int_equal(h.component_count, HEALTH_COMPONENTS_MAX);
    assert_int_equal(h.component_total, 10000);
    assert_int_equal(h.state, HEALTH_OK);
    assert_string_equal(h.components[199].name, "c199");
    put_many(&s, 10000, 9999);
    assert_int_equal(health_read(&a, NULL, s.buf, s.len, &h, NULL), 0);
    assert_int_equal(h.state, HEALTH_BAD); /* though it is not kept */
    assert_string_equal(h.why, "a component past the first 200");
    s.len -= strlen("\"down: gone\"}}");
    str_add(&s, "\"odd\"}}"); /* an unknown one does not count beside the target's word */
    assert_int_equal(health_read(&a, NULL, s.buf, s.len, &h, NULL), 0);
    assert_int_equal(h.state, HEALTH_OK);
    put_many(&s, 200, 199);
    assert_int_equal(health_read(&a, NULL, s.buf, s.len, &h, NULL), 0);
    assert_int_equal(h.state, HEALTH_OK);
    assert_int_equal(h.components[199].state, HEALTH_BAD);
    str_release(&s);
    arena_release(&a);
}

static void test_depth(void **state)
{
    (void)state;
    struct str s, out;
    str_init(&s, 1 << 20);
    str_init(&out, TOLD_MAX);
    for (int depth = HEALTH_DEPTH_MAX - 1; depth <= 200000;
         depth = depth < 100 ? depth + 1 : 200000) {
        str_clear(&s);
        str_add(&s, "{\"status\":\"ok\",\"x\":");
        for (int i = 0; i < depth; i++)
            str_addc(&s, '[');
        for (int i = 0; i < depth; i++)
            str_addc(&s, ']');
        str_add(&s, "}");
        told(NULL, s.buf, s.len, &out);
        assert_string_equal(out.buf, depth < HEALTH_DEPTH_MAX
                                         ? "healthy(ok)"
                                         : "error: JSON nested deeper than 64");
        if (depth == 200000)
            break;
    }
    str_clear(&s); /* brackets in texts are no depth */
    str_add(&s, "{\"status\":\"ok\",\"x\":\"\\\"");
    for (int i = 0; i < 100; i++)
        str_addc(&s, '[');
    str_add(&s, "\"}");
    told(NULL, s.buf, s.len, &out);
    assert_string_equal(out.buf, "healthy(ok)");
    /* Components within components, further than they are followed. */
    str_clear(&s);
    str_add(&s, "{\"status\":\"ok\"");
    for (int i = 0; i < 30; i++)
        str_add(&s, ",\"components\":{\"c\":{\"status\":\"ok\"");
    for (int i = 0; i < 30; i++)
        str_add(&s, "}}");
    str_add(&s, "}");
    told(NULL, s.buf, s.len, &out);
    assert_string_equal(out.buf, "healthy(ok): c=healthy c/c=healthy c/c/c=healthy c/c/c/c=healthy "
                                 "c/c/c/c/c=healthy c/c/c/c/c/c=healthy c/c/c/c/c/c/c=healthy "
                                 "c/c/c/c/c/c/c/c=healthy");
    str_release(&s);
    str_release(&out);
}

static void test_sizes(void **state)
{
    (void)state;
    struct str s, out;
    str_init(&s, 20 << 20);
    str_init(&out, TOLD_MAX);
    str_add(&s, "{\"status\":\"ok\",\"pad\":\"");
    while (s.len < 16 << 20)
        str_add(&s,
                "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
    str_add(&s, "\"}");
    told(NULL, s.buf, s.len, &out);
    assert_non_null(strstr(out.buf, "at most 1 MiB"));

    str_clear(&s); /* long names are cut between characters, and stay apart or become one */
    str_add(&s, "{\"checks\":{\"");
    for (int i = 0; i < 40; i++)
        str_add(&s, "\xc3\xa9");
    str_add(&s, "\":true,\"");
    for (int i = 0; i < 40; i++)
        str_add(&s, "\xc3\xa9");
    str_add(&s, "x\":\"down: ");
    for (int i = 0; i < 100; i++)
        str_add(&s, "\xe2\x82\xac");
    str_add(&s, "\"}}");
    struct arena a = {0};
    struct health h;
    assert_int_equal(health_read(&a, NULL, s.buf, s.len, &h, NULL), 0);
    assert_int_equal(h.component_count, 1);
    assert_int_equal(h.components[0].state, HEALTH_BAD);
    assert_int_equal(strlen(h.components[0].name), 62);
    assert_int_equal(strlen(h.components[0].why), 159);
    arena_release(&a);
    str_release(&s);
    str_release(&out);
}

/* Any bytes at any place: no crash, and what is told is clean text. */
static void test_bent_documents(void **state)
{
    (void)state;
    static const char doc[] =
        "[{\"ready\":false,\"checks\":{\"a:latency\":[{\"status\":\"warn\",\"observedValue\":2,"
        "\"observedUnit\":\"ms\"}],\"b\":{\"state\":\"up\",\"duration\":\"00:00:01\"}}},503]";
    struct str out;
    str_init(&out, TOLD_MAX);
    for (size_t i = 0; i < sizeof(doc) - 1; i++) {
        char bent[sizeof(doc)];
        memcpy(bent, doc, sizeof(doc));
        told(NULL, bent, i, &out);
        for (int c = 0; c < 256; c += 17) {
            bent[i] = (char)c;
            told(NULL, bent, sizeof(doc) - 1, &out);
            if (!str_starts(out.buf, "error"))
                for (const char *p = out.buf; *p; p++)
                    assert_true((unsigned char)*p >= 0x20);
        }
    }
    str_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_documents_of_the_guides),
        cmocka_unit_test(test_spring),
        cmocka_unit_test(test_health_json_draft),
        cmocka_unit_test(test_other_json),
        cmocka_unit_test(test_latencies),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_a_nul_in_a_line),
        cmocka_unit_test(test_kubernetes),
        cmocka_unit_test(test_never_guessed_good),
        cmocka_unit_test(test_ten_thousand_components),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_bent_documents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
