/*
 * Work that would hold up the loop, done by uv's worker pool.
 *
 * run() is called on a worker thread, then `done` on the loop thread, exactly
 * once and never from inside work_start(), unless work_cancel() came first.
 * What run() reads must not change until then.
 */
#pragma once

struct uv_loop_s;
struct work;

struct work *work_start(struct uv_loop_s *loop, void (*run)(void *ctx), void (*done)(void *ctx),
                        void *ctx);

/*
 * Neither run() nor `done` will be called any more when this returns: if run()
 * is under way it is waited for, so keep it short. Its ctx may then be freed.
 * The loop must turn once more before it can be closed.
 */
void work_cancel(struct work *w);
