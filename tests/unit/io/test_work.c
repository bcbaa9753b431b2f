/* Work on the pool: done once, and nothing after a cancel. */
#include "io/work.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <uv.h>

#include <cmocka.h>

struct job {
    atomic_int ran, done;
    uv_sem_t *started, *go;
};

static void run_job(void *ctx)
{
    struct job *j = ctx;
    if (j->started)
        uv_sem_post(j->started);
    if (j->go)
        uv_sem_wait(j->go);
    j->ran++;
}

static void job_done(void *ctx)
{
    struct job *j = ctx;
    j->done++;
}

static void finish(uv_loop_t *loop)
{
    uv_run(loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(loop), 0);
}

static void test_done_once(void **state)
{
    (void)state;
    uv_loop_t loop;
    uv_loop_init(&loop);
    struct job j = {0};
    work_start(&loop, run_job, job_done, &j);
    assert_int_equal(j.done, 0);
    finish(&loop);
    assert_int_equal(j.ran, 1);
    assert_int_equal(j.done, 1);
}

static void post_go(void *arg)
{
    uv_sem_post(arg);
}

static void test_cancel_waits_for_what_runs(void **state)
{
    (void)state;
    uv_loop_t loop;
    uv_loop_init(&loop);
    uv_sem_t started, go;
    uv_sem_init(&started, 0);
    uv_sem_init(&go, 0);
    struct job *j = mem_alloc(sizeof(*j));
    j->started = &started;
    j->go = &go;
    struct work *w = work_start(&loop, run_job, job_done, j);
    uv_sem_wait(&started);
    uv_thread_t helper;
    assert_int_equal(uv_thread_create(&helper, post_go, &go), 0);
    work_cancel(w);
    assert_int_equal(j->ran, 1);
    assert_int_equal(j->done, 0);
    free(j); /* allowed now: nobody may touch it again */
    uv_thread_join(&helper);
    finish(&loop);
    uv_sem_destroy(&started);
    uv_sem_destroy(&go);
}

static void test_cancel_of_what_waits(void **state)
{
    (void)state;
    uv_loop_t loop;
    uv_loop_init(&loop);
    uv_sem_t go;
    uv_sem_init(&go, 0);
    struct job busy[8] = {0}, *late = mem_alloc(sizeof(*late));
    for (size_t i = 0; i < countof(busy); i++) {
        busy[i].go = &go;
        work_start(&loop, run_job, job_done, &busy[i]);
    }
    struct work *w = work_start(&loop, run_job, job_done, late);
    work_cancel(w);
    assert_int_equal(late->ran, 0);
    free(late);
    for (size_t i = 0; i < countof(busy); i++)
        uv_sem_post(&go);
    finish(&loop);
    for (size_t i = 0; i < countof(busy); i++)
        assert_int_equal(busy[i].done, 1);
    uv_sem_destroy(&go);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_done_once),
        cmocka_unit_test(test_cancel_waits_for_what_runs),
        cmocka_unit_test(test_cancel_of_what_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
