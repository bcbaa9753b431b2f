/*
 * The part of `nines check` that knows what asking agents costs: tokens and money that a
 * day may come to, by intervals, service hours, what a run may take and the prices.
 */
#pragma once

#include <stdbool.h>

struct config;
struct diag;
struct str;

/* Caps that most slots would not get through, questions that a cache may answer, and
 * what else costs more, or says less, than was meant. Unsorted. */
void check_agents_warn(const struct config *c, struct diag *d);

/* A line for each agent, on stdout; nothing without any. */
void check_agents_print(const struct config *c, bool color);

/* The same as the JSON member `,"agents":[...]`, for programs. */
void check_agents_json(const struct config *c, struct str *out);
