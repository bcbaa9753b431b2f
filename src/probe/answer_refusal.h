/*
 * Whether an answer refuses, by how its text begins. Built in are sentences of three
 * parts, in English, each part from a list (answer_refusal.c):
 *
 *     [I'm sorry, but] [I can't] [help with that]
 *     [As an AI language model,] [I am not able to] [assist with this request]
 *
 * so that "I'm sorry, but I can't find the order" is none. Case of ASCII letters,
 * typographic apostrophes, and white space, quotes and Markdown emphasis before the text make
 * no difference.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

bool refusal_begins(const char *text, size_t n);
/* The same comparison for a text of one's own. */
bool refusal_is(const char *text, size_t n, const char *beginning);
