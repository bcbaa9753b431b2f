/* The sample platform as a process of its own, met with raw sockets: what its
 * faults do is judged by the bytes and errors that arrive. */
#include "../cmocka_all.h"

#include "base/mem.h"
#include "base/str.h"
#include "demo/platform.h"
#include "fixture.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

static void test_endpoints(void **state)
{
    static const char *const fine[] = {"GET /health",  "GET /live",    "GET /livez",
                                       "GET /ready",   "GET /readyz",  "GET /health/ready",
                                       "GET /version", "GET /metrics", "GET /incidents"};
    struct str a;
    str_init(&a, ANSWER_MAX);
    for (size_t i = 0; i < countof(fine); i++) {
        assert_int_equal(ask(*state, fine[i], NULL, NULL, &a), 0);
        assert_status(&a, 200);
    }
    ask(*state, "GET /health", NULL, NULL, &a);
    assert_non_null(strstr(body_of(&a), "{\"status\":\"healthy\",\"checks\":{\"postgres\":{\"sta"));
    ask(*state, "GET /nope", NULL, NULL, &a);
    assert_status(&a, 404);
    ask(*state, "GET /v1/alerts", NULL, NULL, &a);
    assert_status(&a, 405);
    ask(*state, "HEAD /health", NULL, NULL, &a);
    assert_string_equal(body_of(&a), "");
    ask(*state, "POST /v1/agents/researcher/execute", NULL, "{\"task\":\"a \\\"b\\\"\"}", &a);
    assert_non_null(
        strstr(body_of(&a), "\"status\":\"completed\",\"output\":\"Done: a \\\"b\\\"\""));
    ask(*state, "POST /v1/agents/nobody/execute", NULL, "{}", &a);
    assert_status(&a, 404);
    ask(*state, "POST /v1/chat/completions", NULL, "{\"messages\":[]}", &a);
    assert_status(&a, 400);
    str_release(&a);
}

static void test_stream_is_whole(void **state)
{
    struct str a;
    str_init(&a, ANSWER_MAX);
    ask(*state, "POST /v1/chat/completions", NULL, "{\"stream\":true,\"messages\":[{}]}", &a);
    assert_status(&a, 200);
    assert_non_null(strstr(a.buf, "Content-Type: text/event-stream"));
    assert_non_null(strstr(a.buf, "data: [DONE]\n\n\r\n0\r\n\r\n"));
    /* cut short, it says so: no last chunk */
    ask(*state, "POST /v1/chat/completions", "truncate", "{\"stream\":true,\"messages\":[{}]}", &a);
    assert_status(&a, 200);
    assert_non_null(strstr(a.buf, "data: {"));
    assert_null(strstr(a.buf, "[DONE]"));
    assert_null(strstr(a.buf, "\r\n0\r\n"));
    str_release(&a);
}

static void test_readiness(void **state)
{
    struct str a;
    str_init(&a, ANSWER_MAX);
    ask(*state, "GET /ready", "not-ready=redis", NULL, &a);
    assert_status(&a, 503);
    assert_non_null(strstr(a.buf, "\"redis\":{\"status\":\"unhealthy\""));
    /* the list form lies with its status */
    ask(*state, "GET /ready?form=list", "not-ready=redis", NULL, &a);
    assert_status(&a, 200);
    assert_string_equal(body_of(&a), "[{\"ready\":false,\"lost\":\"redis\"},503]\n");
    str_release(&a);
}

static void test_faults_on_the_wire(void **state)
{
    struct str a;
    str_init(&a, ANSWER_MAX);
    ask(*state, "GET /health", "status=418", NULL, &a);
    assert_status(&a, 418);
    assert_int_equal(ask(*state, "GET /health", "reset", NULL, &a), ECONNRESET);
    assert_int_equal(a.len, 0);
    assert_int_equal(ask(*state, "GET /health", "truncate", NULL, &a), 0);
    size_t announced = strtoul(strstr(a.buf, "Content-Length: ") + 16, NULL, 10);
    assert_int_equal(strlen(body_of(&a)), announced / 2);
    ask(*state, "GET /health", "bogus", NULL, &a);
    assert_status(&a, 400);
    str_release(&a);
}

/* No byte comes; the connection stays. Its end is the platform's, at tear-down. */
static void test_hang_and_drip(void **state)
{
    static const char hang[] = "GET /health HTTP/1.1\r\nX-Nines-Fault: hang\r\n\r\n";
    static const char slow[] = "GET /health HTTP/1.1\r\nX-Nines-Fault: drip\r\n\r\n";
    char buf[4096];
    int fd = dial(*state);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    send_text(fd, hang, sizeof(hang) - 1);
    assert_int_equal(poll(&p, 1, 200), 0);
    close(fd);
    fd = dial(*state);
    send_text(fd, slow, sizeof(slow) - 1);
    ssize_t n = recv(fd, buf, sizeof(buf) - 1, 0);
    assert_true(n > 5);
    buf[n] = '\0';
    assert_string_equal(strstr(buf, "\r\n\r\n") + 4, "{");
    close(fd);
}

static void test_requests_follow_each_other(void **state)
{
    static const char two[] = "GET /live HTTP/1.1\r\n\r\n"
                              "GET /version HTTP/1.1\r\nConnection: close\r\n\r\n";
    struct str a;
    str_init(&a, ANSWER_MAX);
    int fd = dial(*state);
    send_text(fd, two, sizeof(two) - 1);
    assert_int_equal(read_all(fd, &a), 0);
    close(fd);
    const char *second = strstr(a.buf, "{\"status\":\"alive\"}\n");
    assert_non_null(second);
    assert_non_null(strstr(second, "HTTP/1.1 200 OK"));
    assert_non_null(strstr(second, "\"uptime_seconds\""));
    str_release(&a);
}

static void test_bad_requests(void **state)
{
    static const struct {
        const char *text, *status;
    } table[] = {
        {"\r\n\r\n", "400"},
        {"GET /\r\n\r\n", "400"},
        {"GET health HTTP/1.1\r\n\r\n", "400"},
        {"GET / SPDY/1\r\n\r\n", "400"},
        {"GET / HTTP/1.1\r\nno colon\r\n\r\n", "400"},
        {"POST /v1/alerts HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "400"},
        {"POST /v1/alerts HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n", "413"},
        {"POST /v1/alerts HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", "411"},
    };
    struct str a;
    str_init(&a, ANSWER_MAX);
    for (size_t i = 0; i < countof(table); i++) {
        int fd = dial(*state);
        str_clear(&a);
        send_text(fd, table[i].text, strlen(table[i].text));
        read_all(fd, &a);
        close(fd);
        assert_int_equal(strncmp(a.buf + 9, table[i].status, 3), 0);
    }
    /* endless headers */
    mem_auto char *endless = mem_alloc(20001);
    memset(endless, 'a', 20000);
    int fd = dial(*state);
    str_clear(&a);
    send_text(fd, endless, 20000);
    read_all(fd, &a);
    close(fd);
    assert_status(&a, 431);
    str_release(&a);
}

static void test_incidents_begin_and_end(void **state)
{
    struct fixture *f = *state;
    char line[256];
    struct str a;
    str_init(&a, ANSWER_MAX);
    ask(f, "POST /incidents", NULL, "nonsense", &a);
    assert_status(&a, 400);
    ask(f, "POST /incidents", NULL, "now+1s /live status=503", &a);
    assert_status(&a, 202);
    ask(f, "GET /live", NULL, NULL, &a);
    assert_status(&a, 503);
    ask(f, "GET /health", NULL, NULL, &a); /* elsewhere all is well */
    assert_status(&a, 200);
    assert_non_null(fgets(line, sizeof(line), f->out));
    assert_string_equal(line, "incident begins: status=503 on /live for 1s\n");
    assert_non_null(fgets(line, sizeof(line), f->out));
    assert_string_equal(line, "incident over: status=503 on /live\n");
    ask(f, "GET /live", NULL, NULL, &a);
    assert_status(&a, 200);
    ask(f, "POST /v1/alerts", NULL,
        "{\"alerts\":[{\"status\":\"firing\",\"labels\":{\"severity\":\"critical\"},"
        "\"annotations\":{\"summary\":\"it\\u001b[2J burns\",\"description\":\"a\\nb\"}}]}",
        &a);
    assert_status(&a, 202);
    assert_non_null(fgets(line, sizeof(line), f->out));
    assert_string_equal(line, "alert received: critical firing: it?[2J burns\n");
    assert_non_null(fgets(line, sizeof(line), f->out));
    assert_string_equal(line, "alert says: a\n");
    assert_non_null(fgets(line, sizeof(line), f->out));
    assert_string_equal(line, "alert says: b\n");
    str_release(&a);
}

static void test_loopback_only(void **state)
{
    static const char *const wrong[] = {"0.0.0.0:0", "[::]:0",      "192.0.2.1:0",
                                        "127.0.0.1", "localhost:0", "127.0.0.1:99999",
                                        ":0",        "[::1:0"};
    (void)state;
    for (size_t i = 0; i < countof(wrong); i++) {
        struct platform_options o = {.listen = wrong[i], .out = stdout};
        assert_int_equal(platform_run(&o, NULL), -1);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_endpoints),
        TEST(test_stream_is_whole),
        TEST(test_readiness),
        TEST(test_faults_on_the_wire),
        TEST(test_hang_and_drip),
        TEST(test_requests_follow_each_other),
        TEST(test_bad_requests),
        TEST(test_incidents_begin_and_end),
        cmocka_unit_test(test_loopback_only),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
