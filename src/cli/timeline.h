/*
 * The marks of one agent's answer as they come in, and the picture of them: a row for each
 * phase and each sort of piece on one axis of time, so that one look tells where an answer
 * was slow.
 *
 *                        0           500ms       1s           1.5s        2s
 *                        ├───────────┼───────────┼────────────┼───────────┼───────
 *   connect      1.20ms  ▏
 *   headers       299ms  ███████▍
 *   first event  2.00ms         ▍
 *   first token   598ms         ███████████████▏
 *   text             30                        █▄▃▃▂▃▂▂▂▂                  ▂▃▃▃▃▃▂
 *   pings             1                ·
 *   largest gap   800ms                                 ┣━━━━━━━━━━━━━━━━━━┫
 *                        after "n over the", before " lazy dog"
 *   end           2.30s                                                          ◆
 *
 * Bounded: TIMELINE_MARKS are kept one by one; of what comes after them only counts and
 * last times are. Pure; belongs to one thread.
 */
#pragma once

#include "base/arena.h"
#include "base/str.h"
#include "nines/probe.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TIMELINE_MARKS 50000
#define TIMELINE_TEXT (1u << 20) /* bytes of names and texts that are kept */
#define TIMELINE_KINDS (MARK_CLOSED + 1)

struct timeline {
    struct arena arena;
    struct answer_mark *marks; /* texts are copies, "" beyond TIMELINE_TEXT */
    size_t n, cap;
    size_t text_bytes;
    /* Of all marks since the last request, that one included. */
    int64_t count[TIMELINE_KINDS];
    int64_t last_us[TIMELINE_KINDS];
    int64_t bytes;   /* of events */
    int64_t dropped; /* marks that are not kept */
};

void timeline_init(struct timeline *t);
void timeline_release(struct timeline *t);
void timeline_add(struct timeline *t, const struct answer_mark *mark);

/* Instants of the request whose answer is measured, the last one, since the run began;
 * -1: it did not happen (yet). */
struct timeline_times {
    size_t from; /* the mark of that request */
    int64_t request_us, headers_us, event_us, token_us, end_us;
};
struct timeline_times timeline_times(const struct timeline *t);

/* The longest time without a piece of the answer, among the marks that are kept: from the
 * piece at `before` to the one at `after` (t->n: to now). False: there was no piece. */
struct timeline_gap {
    size_t before, after;
    int64_t from_us, to_us;
};
bool timeline_gap(const struct timeline *t, int64_t now_us, struct timeline_gap *ret);

struct timeline_view {
    const struct timeline *line;
    const struct observation *obs; /* NULL while it is under way */
    int64_t now_us;                /* since the run began; the whole run when it is over */
    bool color;
    int width; /* columns */
};

/* The picture. Lines are at most as wide as the view, which is at least 40 columns. */
void timeline_draw(const struct timeline_view *v, struct str *out);

/* Until when the axis goes: the run's end, or while it is under way a round time beyond
 * now, so that it is not redrawn in another scale each time. */
int64_t timeline_axis_us(const struct timeline_view *v);
