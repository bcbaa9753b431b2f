/* What the parts of an explanation share while it is computed. */
#pragma once

#include "engine/explain_spans.h"
#include "slo/sieve.h"

struct explain_job {
    struct store_reader *reader;
    const struct slo_def *def;
    struct sieve *sieve; /* what exclusions leave: all below is of that */
    const struct explain_query *query;
    struct explain *out;
    /* the schedules in force over time, at least one */
    const struct probe_revision *revisions;
    size_t revision_count;
    int64_t first_event_us, raw_since_us;
};

/* Fills the reasons, exact ends and neighbours of a span of bad events. */
int explain_detail(const struct explain_job *j, struct explain_span *s, struct err *reterr);

/* Adds up the worth of its slices; [from, to) are whole minutes. */
int explain_slices(const struct explain_job *j, struct explain_span *s, struct err *reterr);

/* Fills the rows of out->chosen. */
int explain_rows(const struct explain_job *j, struct err *reterr);
