/*
 * What a run asks: the texts of its spec with its nonce in them. For agent*.c alone.
 */
#pragma once

#include "probe/agent.h"

#define AGENT_NONCE_MAX 17 /* 16 random hex digits */
#define AGENT_LINES_MAX 96

void agent_nonce_new(char nonce[static AGENT_NONCE_MAX]);

/* The texts live in the arena, or are the spec's; all "{nonce}" are replaced. */
void agent_ask_make(struct arena *a, const struct agent_spec *s, const char *nonce,
                    struct agent_ask *ret);

/* Header lines of a request: the user's, with the nonce, and of the codec's those that the
 * user does not give. */
size_t agent_ask_lines(struct arena *a, const struct agent_spec *s, const char *nonce,
                       const struct agent_request *r, const char *lines[static AGENT_LINES_MAX]);
