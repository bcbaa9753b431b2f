/*
 * `watchdog` of the Daemon document: who is told that this process does its work.
 */
#pragma once

#include "config/build.h"

/* For FIELD_CUSTOM: a struct watchdog_config. */
void decode_watchdog(struct decode *c, const struct node *n, void *out);

/* When all receivers are known: whether its own is one of them. */
void watchdog_check(struct build *b);
