/*
 * What `nines probe` says of a run of an agent, beside what it says of any run. Both
 * append to `out`; the view's `line` is set.
 */
#pragma once

#include "cli/probe.h"

/* The time line, the numbers, and how the answer begins. */
void probe_put_answer_text(const struct probe_view *v, struct str *out);

/* ,"answer":{...},"told":{...},"marks":[...],"marks_dropped":N */
void probe_put_answer_json(const struct probe_view *v, struct str *out);
