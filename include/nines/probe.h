/*
 * The contract of a probe kind.
 *
 * To add a kind: write src/probe/NAME.c with one `const struct probe_kind`,
 * and add its line to the table in src/engine/kinds.c. Nothing else changes.
 *
 * A run is one slot being measured. start() begins it and returns at once;
 * the kind calls `done` exactly once, never from inside start(), on the loop
 * thread. cancel() ends a run without calling `done`.
 */
#pragma once

#include "nines/answer.h"
#include "nines/condition.h"
#include "nines/config.h"
#include "nines/result.h"
#include "nines/sample.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hours;
struct http_client;
struct jsonpath;
struct selector;
struct spend;
struct uv_loop_s;

/* A declared probe. Immutable; lives in its config snapshot. */
struct probe_def {
    const char *id;
    const char *renamed_from; /* or NULL */
    struct pos pos;
    const struct probe_kind *kind;
    void *spec; /* the kind's own struct, decoded by its fields */
    int64_t interval_us, timeout_us;
    int64_t phase_us; /* hash(id) mod interval: slots are phase + k * interval */
    int max_in_flight;
    const struct hours *hours; /* its slots are those within (slo/hours.h); NULL: all are */
    const char *peer;          /* "host:port" that its runs connect to; NULL: not known */
    /* While the newest result of one of these is bad, alerts on this one wait. */
    const struct probe_def *const *depends_on;
    size_t depends_on_count;
    struct condition_list conditions; /* that alert of its runs */
    bool sees_certificates;           /* its runs may see one, by its spec */
    struct string_map labels;
    /* The series that SLOs want of its samples, made when all files are read;
     * what its own assertions want the kind knows itself. */
    const struct selector *const *wanted;
    size_t wanted_count;
    uint64_t revision; /* hash of what `expected` depends on: interval, phase, timeout, hours */
    uint64_t content;  /* hash of the whole definition: a reload compares it */
};

/* One assertion and what was seen, for people. */
struct assertion_seen {
    bool ok;
    bool open;        /* ok so far: it fails, but not for long enough, or cannot be told yet */
    const char *what; /* "status is 200" */
    const char *seen; /* "503" */
};

/* One request of a run: redirects make several. */
struct hop {
    const char *url;      /* credentials removed */
    const char *address;  /* "127.0.0.1:8000", or "" */
    const char *protocol; /* "HTTP/1.1", or "" */
    int status;
    bool reused;
    struct phases phases;
    int64_t bytes; /* body bytes received */
};

/* What happened to an answer while it came in, for somebody who looks. */
enum mark_kind {
    MARK_REQUEST, /* a request begins: `name` is what it asks for */
    MARK_HEADERS, /* `name` is the status */
    MARK_EVENT,   /* says nothing of the answer: a role, usage, progress */
    MARK_PING,    /* a comment or ping */
    MARK_TEXT,    /* a piece of the answer, `text` */
    MARK_TOOL,    /* of a tool call, `name` */
    MARK_REASONING,
    MARK_ERROR,
    MARK_MALFORMED,
    MARK_TERMINATOR,
    MARK_CLOSED, /* the response is over */
};

struct answer_mark {
    enum mark_kind kind;
    int64_t at_us;    /* since the run began */
    const char *name; /* of the event, redacted; "" */
    const char *text; /* UTF-8, redacted; "" */
    int64_t bytes;    /* that the event took */
};

/* What an agent answered, with nothing in it that opens a door. */
struct answer_told {
    const char *text;   /* UTF-8, the first ANSWER_SHOWN_MAX bytes; "" */
    const char *tools;  /* names of those it calls, with commas; "" */
    const char *model;  /* that it says it is of; "" */
    const char *finish; /* why it ended, in its protocol's words; "" */
    bool cut;           /* there is more text */
};
#define ANSWER_SHOWN_MAX 4096

/* What a run saw. Valid only during the `done` call. */
struct observation {
    struct result result; /* slot_us, done_us and lag_us are the engine's to fill */
    const char *message;  /* why it is not good, one line; "" when good */
    const struct hop *hops;
    size_t hop_count;
    const struct assertion_seen *assertions;
    size_t assertion_count;
    const char *body; /* first bytes, for evidence; may be NULL */
    size_t body_len;
    const char *headers; /* of the last response, without secrets; NULL unless env.verbose */
    size_t headers_len;
    /* With RESULT_SCRAPED in result.flags: all there was of what is wanted, each
     * series once. */
    const struct sample *samples;
    size_t sample_count;
    const char *version;            /* what the target says it runs; NULL: it does not say */
    int64_t cert_not_after_us;      /* 0: no certificate seen */
    const struct answer_told *told; /* with RESULT_ANSWER in result.flags; else NULL */
};

typedef void (*probe_done_fn)(void *ctx, const struct observation *obs);

/* What the loop offers to kinds. One per loop; no file-static state. */
struct probe_env {
    struct uv_loop_s *loop; /* for work that does not fit on it: io/work.h */
    struct http_client *http;
    struct jsonpath *json;
    int64_t (*wall_us)(void *ctx); /* for certificate days left */
    void *ctx;
    bool verbose;        /* somebody looks: headers are kept, and the body of good runs too */
    struct spend *spend; /* what runs may cost (model/spend.h); NULL: whatever they do */
    /* Called as an answer comes in, inside of curl: it may start no calls. NULL: nobody
     * looks. */
    void (*watch)(void *ctx, const struct answer_mark *mark);
};

/* Why a slot is not run, and what it is instead. */
struct held_slot {
    enum outcome outcome; /* not good */
    enum reason reason;
    char message[256];
};

/*
 * What a probe remembers from run to run, for assertions on change and for
 * `for`. Made by its kind, kept by the scheduler as long as the definition stays
 * the same; touched by the loop thread alone. One-off runs have none.
 */
struct probe_memory;

struct probe_kind {
    const char *name; /* the key that selects it in YAML: `http:` */
    const char *help;
    const struct field *fields;
    size_t spec_size;
    bool samples;    /* its runs give samples: metric SLIs may be built on it. Such a
                     probe's timeout is at most its interval, so that its runs end
                     in order */
    bool components; /* its samples are those of a document's components */
    bool answers;    /* its runs give answers: SLIs may promise an enum answer_measure */
    /* Whether they come as streams, so that there is a first token; with `answers`. */
    bool (*streams)(const void *spec);

    /* Whether a run may give series that this selects: what SLOs want is checked
     * with it. NULL: it may give any. */
    bool (*gives)(const void *spec, const struct selector *s);

    /* Tells the selectors of what runs give though no SLO wants it: "{}" for all that
     * their target has. NULL: nothing. */
    void (*given)(const void *spec, void (*tell)(void *ctx, const char *selector), void *ctx);
    /* A hash of where samples come from: as long as it is the same counters go on.
     * NULL: always. */
    uint64_t (*source)(const void *spec);

    /* After decoding without errors: cross-field checks, compile patterns.
     * Errors to c->diag. `n` is the map under the kind's key. */
    void (*prepare)(struct decode *c, const struct node *n, const struct probe_def *def,
                    void *spec);
    /* Releases what prepare() made outside of the arena, also when it stopped at
     * an error half way. May be NULL. */
    void (*release)(void *spec);

    /* Both NULL: the kind remembers nothing. */
    struct probe_memory *(*memory_new)(const struct probe_def *def);
    void (*memory_free)(struct probe_memory *memory);

    /* Whether a slot is not to be run: nobody may spend more, or the target asked to be
     * left alone until later. NULL: every slot is run. Not asked for one-off runs. */
    bool (*held)(struct probe_env *env, const struct probe_def *def,
                 const struct probe_memory *memory, int64_t now_us, struct held_slot *ret);

    /* `def` stays valid until done or cancel, and so does `memory` (or NULL).
     * Returns the run. */
    void *(*start)(struct probe_env *env, const struct probe_def *def, struct probe_memory *memory,
                   probe_done_fn done, void *ctx);
    void (*cancel)(void *run);
};
