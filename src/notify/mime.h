/*
 * A mail as RFC 5322 and MIME have it: lines of at most 76 characters that end in CRLF,
 * all ASCII, whatever its texts are. Headers that are not plain ASCII are encoded words
 * (RFC 2047), parts are base64. No text can begin another header or end a part early.
 */
#pragma once

#include "base/str.h"

#include <stddef.h>

/* Appends `Name: value` and CRLF, folded. What is a control character becomes a space. */
void mime_header(struct str *out, const char *name, const char *value);

/* Appends n bytes as base64 in lines. */
void mime_base64(struct str *out, const void *data, size_t n);

/* Appends a part of multipart/alternative: "text/plain", its UTF-8 text. Line ends become
 * CRLF. */
void mime_part(struct str *out, const char *boundary, const char *type, const char *text);
