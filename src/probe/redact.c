#include "probe/redact.h"

#include <stdbool.h>
#include <string.h>

#define SECRET_MIN 4

void redact(char *text, size_t n, const char *secret)
{
    size_t len = secret ? strlen(secret) : 0;
    if (len < SECRET_MIN)
        return;
    for (size_t i = 0; i < n; i++) {
        size_t same = 0;
        while (same < len && i + same < n && text[i + same] == secret[same])
            same++;
        /* A cut is the end of the text, or the quote that judge_show() adds. */
        bool cut = same >= SECRET_MIN && (i + same == n || text[i + same] == '"');
        if (same == len || cut) {
            memset(text + i, '*', same);
            i += same - 1;
        }
    }
}
