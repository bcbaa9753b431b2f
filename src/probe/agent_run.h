/*
 * One run of an `agent` probe. For agent*.c alone.
 *
 *     start          STEP      the talk's next request is out; agent_meter takes what comes
 *     on_response    READ      a large document is read on the pool; then the next step
 *                    JUDGE     a large answer is judged there
 *     agent_finish() FINISHED  the one way out but cancel
 */
#pragma once

#include "base/arena.h"
#include "io/http.h"
#include "model/spend.h"
#include "probe/agent_ask.h"
#include "probe/agent_meter.h"
#include "probe/judge.h"

#include <stdint.h>

#define AGENT_HOPS_MAX AGENT_STEPS_MAX

enum agent_state { AGENT_STEP, AGENT_READ, AGENT_JUDGE, AGENT_FAILED, AGENT_FINISHED };

struct agent_run {
    struct probe_env *env;
    const struct probe_def *def;
    const struct agent_spec *spec;
    struct probe_memory *memory; /* or NULL */
    probe_done_fn done;
    void *ctx;

    enum agent_state state;
    int64_t started_ns, step_ns; /* the run, its step */
    int64_t total_us;
    struct arena arena;
    char nonce[AGENT_NONCE_MAX];
    struct agent_ask ask;
    struct agent_talk talk;
    struct agent_meter meter;
    struct http_call *call; /* STEP */
    struct timer *timer;
    bool starting;     /* within start() */
    bool expired;      /* before the head of the response was complete */
    bool lingered;     /* the answer was over, and the response went on */
    bool asked;        /* the request for the answer went out */
    struct work *work; /* READ, JUDGE */
    struct hop *hops;
    size_t hop_count;

    struct http_response resp; /* of the last step, kept; without a body */
    char *raw;                 /* READ: its body */
    const char *text;          /* READ: what is read */
    size_t text_len;
    struct verdict *verdict; /* once there is one; in the arena */
    int64_t wall_us;         /* when it was judged */
    struct spend_taken taken;
    bool took;
};

/* Of struct probe_kind. */
void *agent_run_start(struct probe_env *env, const struct probe_def *def,
                      struct probe_memory *memory, probe_done_fn done, void *ctx);
void agent_run_cancel(void *run);

/* What is still sent when the talk is over, beside the run. */
void agent_part_with(struct agent_run *run);

/* agent_done.c. From the verdict to the observation; frees the run. */
void agent_finish(struct agent_run *run);
void agent_run_free(struct agent_run *run);
/* Of an answer that came, as it told or by the prices; -1: not known. Any thread. */
int64_t agent_run_cost(const struct agent_run *run, const struct answer *a);
