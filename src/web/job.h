/*
 * Requests that take their time: a job runs on a thread of its own, reads the
 * body through a bounded buffer (a full one pauses the client) and its answer
 * is sent when it ends. Everything here but web_body_read() is called on the
 * web thread.
 */
#pragma once

#include "base/str.h"
#include "io/httpd.h"
#include "web/web.h"

#include <stdbool.h>

#define JOBS_MAX 8
#define JOB_BUFFER (256 << 10)
#define JOB_ANSWER_MAX ((size_t)64 << 20)

struct jobs;

/* On the job's thread: does the work, writes a JSON answer, returns the HTTP
 * status. `arg` was given to jobs_start(). */
typedef int (*job_fn)(const void *arg, struct web_body *body, struct str *answer);

/* `idle` is called on the web thread when, after jobs_stop(), none is left. */
struct jobs *jobs_new(struct uv_loop_s *loop, void (*idle)(void *ctx), void *ctx);

/* Takes the call over and runs `fn` with a copy of the arg; false: too many
 * jobs (or no thread), the call is still the caller's to answer. */
bool jobs_start(struct jobs *j, struct httpd_call *call, job_fn fn, const void *arg,
                size_t arg_size);

/* Bodies end with -1 from now on; idle() comes when all threads are joined. */
void jobs_stop(struct jobs *j);

/* After idle() and after the calls are gone; frees once the loop has run. */
void jobs_close(struct jobs *j);
