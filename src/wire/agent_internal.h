/*
 * What codecs of agents share: JSON documents of strangers, read one by one. For
 * src/wire/agent*.c alone.
 */
#pragma once

#include "wire/agent.h"

#include <jansson.h>

/* ---- the codecs, in the order in which people see them ---- */

#define AGENT_CODECS(XX)                                                                           \
    XX(json) /* both in agent_generic.c */                                                         \
    XX(sse)                                                                                        \
    XX(openai)                                                                                     \
    XX(anthropic)                                                                                  \
    XX(mcp)                                                                                        \
    XX(a2a)

#define XX(name) extern const struct agent_codec agent_##name##_codec;
AGENT_CODECS(XX)
#undef XX

/* ---- reading (agent_json.c) ---- */

/*
 * Any JSON value; NULL: it is none, and why is in reterr. Duplicate keys are an error,
 * NULs are not; halves of surrogate pairs, which some servers cut an emoji into, become
 * U+FFFD; a whole number of more than 18 digits may become a real. The caller owns it.
 */
json_t *agent_json_read(const char *text, size_t n, struct err *reterr);

/* The same of what must be an object: NULL is AGENT_MALFORMED, with answer.error set.
 * `what` is "event" or "document". */
json_t *agent_json_object(struct agent_answer *a, const char *what, const char *text, size_t n);

/* The member, or NULL if it is not there or null; `object` may be NULL or anything. */
json_t *agent_json_get(const json_t *object, const char *key);
/* The member if it is a string; or NULL. NULs may be within. */
const char *agent_json_string(const json_t *object, const char *key, size_t *ret_n);
/* Into a name of AGENT_NAME_MAX bytes; unchanged if there is no string, or an empty one. */
void agent_json_name(char *dst, const json_t *object, const char *key);

/* Any value as JSON, which the caller frees; NULL: it is none. */
char *agent_json_text(const json_t *v);

/* A string is said as it is; a list of parts by the `text` of each; null says nothing. */
unsigned agent_json_say(struct agent_answer *a, const json_t *content);
/* A string, or JSON of any other value as it is: a piece of the index-th call. */
unsigned agent_json_call(struct agent_answer *a, size_t index, const char *name,
                         const json_t *arguments);

/* Tokens that were told under the key; not there: *into stays. What is no whole number in
 * range is absurd. */
void agent_json_tokens(struct agent_answer *a, int64_t *into, const json_t *object,
                       const char *key);
/* Tokens of any value, as above; NULL and null are not there. */
void agent_json_count(struct agent_answer *a, int64_t *into, const json_t *told);
/* A cost that was told, as a number or as its text; as above. */
void agent_json_cost(struct agent_answer *a, const json_t *told);
/* Those cached are among those that went in, those of reasoning among those that came
 * out; if not, they are absurd. To be called when both may have changed. */
void agent_check_tokens(struct agent_answer *a);

/* AGENT_ERROR, with the message and code of an error object, or of a text. */
unsigned agent_json_error(struct agent_answer *a, const json_t *error);

/* Whether the event, by its name, is there to keep the connection. */
bool agent_is_ping(const struct sse_event *e);

/* ---- writing ---- */

#define AGENT_BODY_MAX (4u << 20)

/* "Content-Type: application/json" and what is accepted, of r->stream and r->either;
 * `more` is one header more, or NULL. */
void agent_headers(struct agent_request *r, const char *more);
/* The body that was written, into the arena; releases it. -1: it is over AGENT_BODY_MAX. */
int agent_body(struct agent_talk *t, struct agent_request *r, struct str *written,
               struct err *reterr);
/*
 * ask->body, as it was written but for `more` ("\"stream\":true"), which goes in as its
 * first members if it says no `stream` and the ask wants one. -1: it is no JSON object,
 * or says another `stream` than the ask.
 */
int agent_body_given(struct agent_talk *t, struct agent_request *r, const char *more,
                     struct err *reterr);

/* ---- paths (agent_path.c) ---- */

/* The value, borrowed of doc; NULL: there is none, or no path. */
json_t *agent_path_get(const struct agent_path *p, json_t *doc);
/* Whether anything is configured to match. */
bool agent_matches(const struct agent_match *m);
