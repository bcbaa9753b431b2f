/*
 * An answer as it comes in: bytes of a response go in, and the talk hears its events while
 * their times are taken. Of a stream nothing is kept but what the talk keeps and the first
 * METER_EVIDENCE_MAX bytes. For agent*.c alone; no clock: times are handed in.
 *
 * Its data comes inside of curl: nothing here starts or ends a call.
 */
#pragma once

#include "io/http.h"
#include "nines/probe.h"
#include "wire/agent.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define METER_EVIDENCE_MAX 1024
#define METER_FAULT_MAX 320
/* Of a stream, what one piece of it may unpack to: gzip makes a thousand times more of it if
 * it is meant to, all of which would be read before anybody else's turn. */
#define METER_BURST_MAX (256 << 10)

struct gunzip;
struct http_spec;

/* What a response turned out to be. */
enum meter_shape {
    SHAPE_NONE,     /* no head yet */
    SHAPE_STREAM,   /* of events */
    SHAPE_DOCUMENT, /* in the response's body, or in `packed` if it came so */
    SHAPE_OTHER,    /* not looked at: a status that is no answer, nothing, or a fault */
};

struct agent_meter {
    struct agent_talk *talk;
    struct agent_request request; /* that is out */
    const struct http_spec *http; /* max_body, what must not be shown */
    const struct probe_env *env;  /* for `watch` */
    int64_t begun_us;             /* the request, since the run began */

    enum meter_shape shape;
    bool ended;   /* by its protocol, or there is no use in reading on */
    bool refusal; /* a document with a status that is no answer */
    bool stopped; /* the data callback said so */
    bool cut;     /* what came packed has no end so far */
    enum reason fault;
    char fault_text[METER_FAULT_MAX];
    struct sse *sse;
    struct gunzip *gunzip; /* or NULL */
    struct str packed;     /* a document that came packed, as it unpacked */
    int64_t unpacked, now_us, piece_us, ended_us;
    int64_t burst_from; /* `unpacked` before the piece that is being read */
    unsigned bits;      /* of all events */
    struct answer answer;
    char evidence[METER_EVIDENCE_MAX];
    size_t evidence_len;
};

/* For the next request of the run; what was kept of the one before goes. */
void agent_meter_begin(struct agent_meter *m, const struct agent_request *r, int64_t begun_us);
void agent_meter_release(struct agent_meter *m);

/* From the callbacks of the call; times since the request began. */
bool agent_meter_head(struct agent_meter *m, int64_t first_us, const struct http_response *head);
bool agent_meter_data(struct agent_meter *m, int64_t since_us, const char *data, size_t n);

/* Whether a document waits to be read by agent_meter_read(), which may take long. */
bool agent_meter_document(const struct agent_meter *m, const struct http_response *r,
                          const char **ret_text, size_t *ret_len);
/* Reads it: on any thread, while nobody else looks at the talk. */
void agent_meter_read(struct agent_meter *m, int64_t done_us, const char *text, size_t n);
/* The response is over; the answer's numbers are complete. `r` is the response, whose
 * reason does not count when the run has ended the transfer itself. */
void agent_meter_end(struct agent_meter *m, const struct http_response *r);

/* Tells whoever watches, with times since the run began. */
void agent_meter_mark(const struct agent_meter *m, enum mark_kind kind, int64_t since_us,
                      const char *name, const struct str *text, int64_t bytes);
