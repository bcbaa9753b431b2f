/*
 * What the sample platform does wrong on purpose, as text:
 *
 *     status=500   delay=800ms   hang   reset   truncate   drip   not-ready=redis
 *
 * and with answers of agents:
 *
 *     slow-token=3s   stall=5s   error-event   malformed   reasoning-only
 *     rate-limited=20s   overloaded=20s         (with Retry-After)
 *
 * Such a word is the value of the request header X-Nines-Fault, or the last
 * word of an incident, which says when and where too:
 *
 *     20s+18s /v1/agents status=503     from 20 s after the start, for 18 s
 *     now+1m  /          delay=800ms    at once
 *
 * A script is a file of incidents, one a line; # begins a comment.
 */
#pragma once

#include "base/err.h"
#include "base/units.h"

#include <stdint.h>

enum fault_kind {
    FAULT_NONE,
    FAULT_STATUS,    /* an error answer with this status */
    FAULT_DELAY,     /* the right answer, later */
    FAULT_HANG,      /* the request is taken and never answered */
    FAULT_RESET,     /* TCP reset instead of an answer */
    FAULT_TRUNCATE,  /* the connection ends in the middle of the body */
    FAULT_DRIP,      /* the answer comes one byte a second */
    FAULT_NOT_READY, /* readiness reports a dependency as lost */
    /* of agents; elsewhere the first five do nothing */
    FAULT_SLOW_TOKEN,     /* the first token comes later */
    FAULT_STALL,          /* a break in the middle of a stream */
    FAULT_ERROR_EVENT,    /* the answer says within a 200 that it failed */
    FAULT_MALFORMED,      /* an event of a stream is none of the protocol */
    FAULT_REASONING_ONLY, /* it thinks and says nothing */
    FAULT_RATE_LIMITED,   /* 429, come back later */
    FAULT_OVERLOADED,     /* 503, come back later */
};

#define FAULT_DEPENDENCY_MAX 24
#define FAULT_TEXT_MAX 64
#define INCIDENT_PREFIX_MAX 128
#define INCIDENTS_MAX 64

struct fault {
    enum fault_kind kind;
    int status;
    int64_t delay_us; /* of every kind that takes a duration */
    char dependency[FAULT_DEPENDENCY_MAX];
};

struct incident {
    int64_t start_us, length_us; /* relative to the platform's start, or to now */
    char prefix[INCIDENT_PREFIX_MAX];
    struct fault fault;
    bool begun, over; /* what was announced */
};

int fault_parse(const char *text, struct fault *ret, struct err *reterr);
char *fault_text(char buf[static FAULT_TEXT_MAX], const struct fault *f);

int incident_parse(const char *text, struct incident *ret, struct err *reterr);

/* A script file; at most `max` incidents. Errors name file and line. */
int incident_load(const char *path, struct incident *list, size_t max, size_t *ret_n,
                  struct err *reterr);
