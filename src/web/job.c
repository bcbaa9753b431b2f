#include "web/job.h"

#include "base/mem.h"
#include "base/thread.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <uv.h>

struct web_body {
    pthread_mutex_t mutex;
    pthread_cond_t moved;
    struct jobs *jobs;
    char buf[JOB_BUFFER]; /* len bytes from start on, in a ring */
    size_t start, len;
    bool ended;     /* nothing more will be added */
    bool aborted;   /* reads fail */
    bool paused;    /* the client waits for room */
    bool make_room; /* there is room again: resume it */
    bool finished;  /* the job's function has returned */
};

/* Freed when its thread is joined and its call is over. */
struct job {
    struct job *next;
    struct web_body body;
    struct httpd_call *call; /* NULL: over */
    pthread_t thread;
    bool joined;
    job_fn fn;
    void *arg;
    int status;
    struct str answer;
};

struct jobs {
    uv_async_t wake;
    struct job *list;
    size_t count;
    bool stopping, told;
    void (*idle)(void *ctx);
    void *ctx;
};

/* ---- the job's thread -------------------------------------------------------- */

static size_t ring_take(struct web_body *b, char *buf, size_t n)
{
    size_t taken = n < b->len ? n : b->len;
    size_t first = JOB_BUFFER - b->start < taken ? JOB_BUFFER - b->start : taken;

    memcpy(buf, b->buf + b->start, first);
    memcpy(buf + first, b->buf, taken - first);
    b->start = (b->start + taken) % JOB_BUFFER;
    b->len -= taken;
    return taken;
}

ssize_t web_body_read(struct web_body *b, void *buf, size_t n)
{
    bool wake = false;
    ssize_t rc;

    assert(n > 0);
    pthread_mutex_lock(&b->mutex);
    while (b->len == 0 && !b->ended && !b->aborted)
        pthread_cond_wait(&b->moved, &b->mutex);
    if (b->aborted)
        rc = -1;
    else
        rc = (ssize_t)ring_take(b, buf, n);
    if (b->paused && b->len <= JOB_BUFFER / 2) {
        b->paused = false;
        b->make_room = wake = true;
    }
    pthread_mutex_unlock(&b->mutex);
    if (wake)
        uv_async_send(&b->jobs->wake);
    return rc;
}

static void *job_main(void *arg)
{
    struct job *job = arg;
    thread_background();

    pthread_setname_np(pthread_self(), "nines-job");
    job->status = job->fn(job->arg, &job->body, &job->answer);
    pthread_mutex_lock(&job->body.mutex);
    job->body.finished = true;
    pthread_mutex_unlock(&job->body.mutex);
    uv_async_send(&job->body.jobs->wake);
    return NULL;
}

/* ---- the call, on the web thread ------------------------------------------------ */

static size_t on_body(void *user, const char *data, size_t n)
{
    struct job *job = user;
    struct web_body *b = &job->body;

    pthread_mutex_lock(&b->mutex);
    size_t room = JOB_BUFFER - b->len, taken = n < room ? n : room;
    size_t end = (b->start + b->len) % JOB_BUFFER;
    size_t first = JOB_BUFFER - end < taken ? JOB_BUFFER - end : taken;
    memcpy(b->buf + end, data, first);
    memcpy(b->buf, data + first, taken - first);
    b->len += taken;
    /* Nobody will read what comes after the end: let it flow past. */
    if (b->finished)
        taken = n;
    b->paused = taken < n;
    pthread_cond_signal(&b->moved);
    pthread_mutex_unlock(&b->mutex);
    return taken;
}

static void on_complete(void *user)
{
    struct job *job = user;

    pthread_mutex_lock(&job->body.mutex);
    job->body.ended = true;
    pthread_cond_signal(&job->body.moved);
    pthread_mutex_unlock(&job->body.mutex);
}

static void job_free(struct job *job)
{
    str_release(&job->answer);
    pthread_cond_destroy(&job->body.moved);
    pthread_mutex_destroy(&job->body.mutex);
    free(job->arg);
    free(job);
}

static void job_abort(struct job *job)
{
    pthread_mutex_lock(&job->body.mutex);
    job->body.aborted = true;
    pthread_cond_signal(&job->body.moved);
    pthread_mutex_unlock(&job->body.mutex);
}

static void on_call_ended(void *user)
{
    struct job *job = user;

    job->call = NULL;
    if (job->joined)
        job_free(job);
    else
        job_abort(job);
}

static const struct httpd_sink sink = {on_body, on_complete, on_call_ended};

/* Joined jobs leave the list; their answer keeps them until it is sent. */
static void finish_job(struct job *job)
{
    pthread_join(job->thread, NULL);
    job->joined = true;
    if (!job->call) {
        job_free(job);
        return;
    }
    struct httpd_answer a = {
        .status = job->status,
        .content_type = "application/json",
        .body = job->answer.buf,
        .len = job->answer.len,
    };
    httpd_resume(job->call);
    httpd_reply(job->call, &a);
}

static void on_wake(uv_async_t *w)
{
    struct jobs *j = w->data;

    for (struct job **at = &j->list; *at;) {
        struct job *job = *at;
        pthread_mutex_lock(&job->body.mutex);
        bool finished = job->body.finished, make_room = job->body.make_room;
        job->body.make_room = false;
        pthread_mutex_unlock(&job->body.mutex);
        if (make_room && job->call)
            httpd_resume(job->call);
        if (!finished) {
            at = &job->next;
            continue;
        }
        *at = job->next;
        j->count--;
        finish_job(job);
    }
    if (j->stopping && !j->list && !j->told) {
        j->told = true;
        j->idle(j->ctx);
    }
}

/* ---- all of them ------------------------------------------------------------------ */

struct jobs *jobs_new(struct uv_loop_s *loop, void (*idle)(void *ctx), void *ctx)
{
    struct jobs *j = mem_alloc(sizeof(*j));

    if (uv_async_init(loop, &j->wake, on_wake) < 0) {
        free(j);
        return NULL;
    }
    j->wake.data = j;
    j->idle = idle;
    j->ctx = ctx;
    return j;
}

bool jobs_start(struct jobs *j, struct httpd_call *call, job_fn fn, const void *arg,
                size_t arg_size)
{
    if (j->stopping || j->count >= JOBS_MAX)
        return false;
    struct job *job = mem_alloc(sizeof(*job));
    job->call = call;
    job->fn = fn;
    job->arg = mem_alloc(arg_size);
    memcpy(job->arg, arg, arg_size);
    job->body.jobs = j;
    str_init(&job->answer, JOB_ANSWER_MAX);
    pthread_mutex_init(&job->body.mutex, NULL);
    pthread_cond_init(&job->body.moved, NULL);
    /* The web thread has all signals blocked; this one inherits that. */
    if (pthread_create(&job->thread, NULL, job_main, job) != 0) {
        job_free(job);
        return false;
    }
    job->next = j->list;
    j->list = job;
    j->count++;
    httpd_take(call, &sink, job);
    return true;
}

void jobs_stop(struct jobs *j)
{
    j->stopping = true;
    for (struct job *job = j->list; job; job = job->next)
        job_abort(job);
    uv_async_send(&j->wake);
}

static void on_closed(uv_handle_t *h)
{
    free(h->data);
}

void jobs_close(struct jobs *j)
{
    assert(!j->list);
    uv_close((uv_handle_t *)&j->wake, on_closed);
}
