/*
 * What `nines alerts route` prints. All go to stdout; -1 after a failure that they told.
 * And other verbs, whole.
 */
#pragma once

#include "nines/route.h"

/* Labels by rising key. */
int alerts_route_text(const struct routing_def *r, const struct string_map *labels);
int alerts_route_json(const struct routing_def *r, const struct string_map *labels);

/* An exit code. */
int alerts_tree_text(const struct routing_def *r);
int alerts_tree_json(const struct routing_def *r);

int alerts_history(int argc, char **argv);  /* an exit code */
int alerts_list(int argc, char **argv);     /* an exit code */
int alerts_render(int argc, char **argv);   /* an exit code */
int alerts_retry(int argc, char **argv);    /* an exit code */
int alerts_simulate(int argc, char **argv); /* an exit code */
int alerts_test(int argc, char **argv);     /* an exit code */
