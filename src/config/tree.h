/*
 * YAML text to document trees. The only file that knows libyaml.
 *
 * A subset of YAML 1.1 on purpose: no anchors, aliases or tags, keys are
 * scalars and distinct, text is UTF-8 without NUL. Every limit holds while
 * events come in, before anything is built from them.
 */
#pragma once

#include "base/arena.h"
#include "nines/config.h"
#include "nines/diag.h"

#include <stddef.h>

#define YAML_FILE_MAX ((size_t)1 << 20)
#define YAML_DEPTH_MAX 64
#define YAML_EVENTS_MAX 100000

struct yaml_documents {
    struct node **at; /* in `nodes`; documents that hold nothing are left out */
    size_t n;
};

/*
 * Parses `len` bytes of the file called `file` (kept in positions: it must
 * live as long as both arenas): the trees into `nodes`, what they say into
 * `texts`, which may be the same. Returns 0 when the text was read to its end,
 * though errors such as duplicate keys may have been reported; -1 when an
 * error stopped it, and then there are no documents.
 */
int yaml_parse(struct arena *nodes, struct arena *texts, const char *file, const char *text,
               size_t len, struct diag *diag, struct yaml_documents *ret);
