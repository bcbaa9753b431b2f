/*
 * Text as YAML that any reader takes for that text. Appends; that `out` is full
 * shows in its `overflow`.
 */
#pragma once

#include "base/str.h"

/* A scalar: plain where it is a word, else in quotes. `text` is UTF-8. */
void yaml_put_text(struct str *out, const char *text);

/* One line of comment, whatever bytes `text` is made of: what would end the
 * line, or is no text, is put as a blank or '?'. */
void yaml_put_comment(struct str *out, const char *indent, const char *text);
