/*
 * Text of strangers on its way to a terminal, a log, a message: which of its
 * characters do more than stand there. Pure.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* The code point of the well-formed sequence at p, `bytes` long (json_utf8()). */
uint32_t steer_code_point(const char *p, size_t bytes);

/* Length of the character at p if it is a control character of either set, turns the
 * direction of writing, or breaks lines in its own way; 0: it is none, or not UTF-8. */
size_t steer_at(const char *p, size_t n);

/* Puts a question mark in the place of each such character. */
void steer_blank(char *text);
