/*
 * Keeps secrets out of what is shown and stored: servers echo them.
 */
#pragma once

#include <stddef.h>

/* Overwrites each occurrence of `secret` in the n bytes of `text` with '*',
 * also where the text was cut in its middle. Secrets under 4 bytes are left:
 * they would blank out half of every page. NULL is fine. */
void redact(char *text, size_t n, const char *secret);
