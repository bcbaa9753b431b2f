/*
 * Telling what an alert says from what its template says, after both are one text:
 * before a template is rendered, the characters of the message that are markup to
 * somebody (< > & ") are replaced by private ones; afterwards these become escapes.
 * So a text can be cut between characters without cutting an escape.
 */
#pragma once

#include "base/arena.h"
#include "base/str.h"
#include "nines/message.h"
#include "notify/text.h"

#include <stdbool.h>
#include <stddef.h>

/* A copy with guarded texts; it shares what needs no guard, and lives in the arena. */
struct message *guard_message(const struct message *m, struct arena *arena);

/* Takes out the tags of the template, and turns its own entities into guarded
 * characters. */
void guard_strip(const char *text, size_t n, struct str *out);

/* Appends the text with guarded characters as `style` escapes them. */
void guard_finish(const char *text, size_t n, enum text_style style, struct str *out);
