/*
 * Texts of messages: Go's template syntax as the notification templates of
 * Alertmanager use it, without what makes it a programming language. docs/templates.md
 * is the manual.
 *
 *   {{ .Status | toUpper }}: {{ .CommonAnnotations.summary }}
 *   {{ range .Alerts.Firing }}{{ .Labels.slo }} {{ .Annotations.summary }}
 *   {{ end }}
 *
 * Actions: paths of the message, `$`, `if` `else if` `else` `with` `range` `end`,
 * pipelines of a fixed table of functions with literals and paths as arguments,
 * trimming (`{{-`, `-}}`), comments. No variables, no definitions, no calls of other
 * templates: each is an error that names it. Every value has a type, so what does not
 * exist or does not fit is an error when the template is compiled, never when it is
 * rendered: a label that an alert lacks is "", an element past the end of a list is
 * empty, a text that is no number comes out of the humanize functions as it is.
 * Nothing is escaped: what HTML or JSON is made of it escapes it.
 *
 * Compiled templates are immutable and thread-safe. Pure: times are UTC, and now is
 * the message's at_us.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"
#include "nines/message.h"

#include <stddef.h>

#define TEMPLATE_TEXT_MAX (64 << 10)
#define TEMPLATE_DEPTH_MAX 16
#define TEMPLATE_STEPS_MAX 1000000 /* of one rendering: ranges of ranges end there */

struct template;

/* *ret_at: the byte of `text` at which the error lies. */
int template_compile(const char *text, struct template **ret, size_t *ret_at, struct err *reterr);
void template_free(struct template *t); /* NULL is fine */

/* Appends. -1: the steps or the room in `out` ended; `out` then holds what fitted. */
int template_render(const struct template *t, const struct message *m, struct str *out,
                    struct err *reterr);
