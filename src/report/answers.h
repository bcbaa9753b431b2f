/*
 * What the runs of an agent's probe came to, in every format: times of their answers,
 * tokens, cost. Nothing of it is printed of an objective without `answers`.
 *
 * A sum that some runs did not tell is "at least" so much, and floored; one that no run
 * told is not there at all: never 0.
 */
#pragma once

#include "report/fmt.h"
#include "report/term.h"

/* ---- numbers ------------------------------------------------------------- */

/* Of COST_ONE, exactly: "0.000123", "12". */
char *fmt_cost(char buf[static FMT_MAX], int64_t cost);

/* For people, rounded to the nearest of two decimals, below 1 of three digits: "1.24",
 * "0.000123". `lower`: it is at least that: "≥1.23", rounded down. */
char *fmt_money(char buf[static FMT_MAX], int64_t cost, bool lower);

/* Nothing was sent, nor kept from being sent. */
bool answers_empty(const struct report_answers *a);

/* Whether cost is spoken of: there are prices, or answers told it. */
bool answers_priced(const struct report_answers *a);
/* Whether any run's cost is known, or none was. */
bool answers_cost_known(const struct answer_sums *sums);
/* Whether there is more of it than is known, or than can be said. */
bool answers_cost_lower(const struct answer_sums *sums);
/* The same of tokens: one of the sums is there, or nothing is unknown. */
bool answers_tokens_known(const struct answer_sums *sums);

/* Tokens a second from nanoseconds for each; false: it falls on a failed run, or nothing is
 * known. */
bool answers_speed(int64_t token_ns, bool lower, double *ret);

/* ---- words: without a full stop; of unknown origin, not cleaned ------------- */

/* "12,345 in (1,024 of them cached), 3,456 out (200 reasoning)"; "at least ...". */
void answers_tokens_text(struct str *out, const struct answer_sums *sums);
/* "1.23 USD, 0.00845 USD a good answer"; "not known: ...". */
void answers_cost_text(struct str *out, const struct report_answers *a);
/* "12 runs by spend caps; the target limited 5"; "": nothing is. */
void answers_held_text(struct str *out, const struct answer_sums *sums);
/* "41.2 tokens/s in half of the runs, 22.1 in 95%, 18 in 99%". */
void answers_speed_text(struct str *out, const struct report_answers *a);
/* "0.12 USD", "≥0.12 USD", FMT_NONE. */
void answers_day_cost(struct str *out, const struct report_answers *a, const struct answer_sums *s);

/* Whether the report has any. */
bool answers_any(const struct report *r);
/* Tokens and cost are those of the probe, told once: the one before it in the report that has
 * the same ones; NULL: it is the first. */
const struct report_slo *answers_told_by(const struct report *r, const struct report_slo *s);

/* ---- formats --------------------------------------------------------------- */

/* In the place of the line of latency, `indent` columns in. */
void answers_put_term(struct term *t, const struct report *r, const struct report_slo *s,
                      int indent);
void answers_put_markdown(struct str *out, const struct report *r, const struct report_slo *s,
                          void (*text)(struct str *out, const char *s));
/* The value of `answers`, on one line. */
void answers_put_json(struct str *out, const struct report_answers *a);
/* HTML: figures, tables of .detail, and charts. */
void answers_put_facts(struct str *out, const struct report *r, const struct report_slo *s);
void answers_put_tables(struct str *out, const struct report *r, const struct report_slo *s);
void answers_charts(struct str *out, const struct report *r, const struct report_slo *s);
