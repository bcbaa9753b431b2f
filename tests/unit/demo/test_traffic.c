#include "../cmocka_all.h"

#include "base/str.h"
#include "demo/traffic.h"

#include <stdio.h>

static void draw(struct traffic *t, struct str *out)
{
    str_init(out, 1 << 20);
    traffic_init(t, 7);
    for (int i = 0; i < 30; i++)
        traffic_second(t, i > 20);
    traffic_request(t, "/health", "GET", 200, 2500, 0, 210);
    traffic_request(t, "/health", "BREW", 418, 1, 0, 0);
    traffic_write(t, out);
}

static void test_counters_move(void **state)
{
    static const char *const names[] = {
        "http_requests_total{",
        "http_request_duration_seconds_bucket{",
        "agent_executions_total{agent_id=\"coder\",status=\"failure\"}",
        "agent_execution_duration_seconds_count{",
        "agent_tokens_used_total{",
        "agent_cost_total ",
        "agent_sessions_total ",
        "paracle_agent_executions_total{",
        "paracle_llm_cost_usd_total{",
        "aragora_http_requests_total{status=\"503\"}",
        "aragora_queue_depth ",
        "traces_ingested_total ",
        "worker_jobs_processed_total{",
        "worker_queue_depth{",
        "db_query_duration_seconds_bucket{",
        "cache_hits_total ",
        "active_users "};
    struct traffic t;
    struct str out;
    (void)state;
    draw(&t, &out);
    assert_false(out.overflow);
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (!strstr(out.buf, names[i]))
            fail_msg("no %s", names[i]);
    assert_non_null(strstr(out.buf, "{method=\"other\",path=\"/health\",status=\"other\"} 1\n"));
    assert_null(strstr(out.buf, "traces_ingested_total 0\n"));
    str_release(&out);
}

/* `print`: for promtool.sh */
int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_counters_move)};
    struct traffic t;
    struct str out;
    if (argc == 1)
        return cmocka_run_group_tests(tests, NULL, NULL);
    draw(&t, &out);
    fputs(out.buf, stdout);
    str_release(&out);
    return strcmp(argv[1], "print") != 0;
}
