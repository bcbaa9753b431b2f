/*
 * Texts of receivers: templates in their tables of fields, rendered within the limit
 * that a service has.
 *
 * What comes out is UTF-8 whatever was in the alert (bytes that are none are U+FFFD).
 * Beyond its limit a text is cut between characters and ends in "…": an alert whose
 * text is too long is told shortened, never not at all. Characters are counted as
 * UTF-16 units, the strictest of the ways in which services count them.
 *
 * In TEXT_HTML and TEXT_SLACK what the template itself says is markup, and what the
 * alert puts in is escaped, so no label can open a tag or call a channel. A text with
 * tags that must be cut loses its tags first.
 */
#pragma once

#include "base/arena.h"
#include "base/str.h"
#include "model/template.h"
#include "nines/config.h"
#include "nines/message.h"

#include <stddef.h>

#define TEXT_RENDER_MAX ((size_t)1 << 20) /* bytes of one rendering */

enum text_style { TEXT_PLAIN, TEXT_HTML, TEXT_SLACK };
enum text_unit { TEXT_CHARS, TEXT_BYTES };

/* The texts that are used where the configuration says nothing. */
#define TEXT_TITLE                                                                                 \
    "{{ if eq .Status \"firing\" }}Firing ({{ len .Alerts.Firing }}"                               \
    "{{ with .TruncatedAlerts }} and {{ . }} more{{ end }}){{ else }}Resolved"                     \
    "{{ end }}: {{ or .CommonAnnotations.summary (join \" \" .GroupLabels.SortedPairs.Values) }}"
/* What an alert is told by where a title, which has the summary of a single one, is above it. */
#define TEXT_HEAD                                                                                  \
    "{{ if gt (len $.Alerts) 1 }}{{ .Status | toUpper }} "                                         \
    "{{ or .Annotations.summary .Labels.alertname }}"
#define TEXT_SAYS "(or .Annotations.description .Annotations.summary .Labels.alertname)"
#define TEXT_BODY                                                                                  \
    "{{ range .Alerts }}" TEXT_HEAD "\n{{ end }}{{ print " TEXT_SAYS " }}\n{{ .Labels }}\n"        \
    "{{ if gt (len $.Alerts) 1 }}\n{{ end }}{{ end }}"                                             \
    "{{ if gt .TruncatedAlerts 0 }}and {{ .TruncatedAlerts }} more\n{{ end }}"

/* For FIELD_CUSTOM; the target is a `struct template *`. It lives as long as the arena. */
void text_decode(struct decode *c, const struct node *n, void *out);

/* Templates by name, in the order of the file. For FIELD_CUSTOM. */
struct text_map {
    struct text_pair {
        const char *key;
        struct template *text;
    } * at;
    size_t n;
};
void text_decode_map(struct decode *c, const struct node *n, void *out);

/* Compiles one of ours into *t if the configuration gave none. */
void text_default(struct decode *c, struct template **t, const char *text);

/* One message, in the forms that texts are rendered of. */
struct texts {
    const struct message *plain;
    struct message *guarded; /* made when it is needed */
    struct arena arena;
};

void texts_init(struct texts *x, const struct message *m); /* `m` outlives it */
void texts_release(struct texts *x);

/* Appends what `t` makes of the message. NULL: nothing. */
void texts_add(struct texts *x, const struct template *t, enum text_style style, size_t max,
               enum text_unit unit, struct str *out);

/* Appends n bytes cut to `max`; `more`: they are a beginning only. */
void text_cut(const char *text, size_t n, size_t max, enum text_unit unit, bool more,
              struct str *out);

/* Control characters become spaces, spaces around go: for what has one line. */
void text_one_line(struct str *s);
