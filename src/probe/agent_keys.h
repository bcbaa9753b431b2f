/*
 * The keys of an `agent` probe beyond what a field table can say. For agent*.c alone.
 */
#pragma once

#include "probe/agent.h"

/* FIELD_CUSTOM decoders: a struct agent_paths; JSON as a const char * (text as it is, or of
 * YAML); an int64_t that may be 0s. */
void agent_decode_read(struct decode *c, const struct node *n, void *out);
void agent_decode_body(struct decode *c, const struct node *n, void *out);
void agent_decode_tools(struct decode *c, const struct node *n, void *out);
void agent_decode_arguments(struct decode *c, const struct node *n, void *out);
void agent_decode_wait(struct decode *c, const struct node *n, void *out);
void agent_decode_protocol(struct decode *c, const struct node *n, void *out);

/* Fills the defaults and checks what belongs together; errors at the keys of `n`. */
void agent_prepare_keys(struct decode *c, const struct node *n, const struct probe_def *def,
                        struct agent_spec *s);
