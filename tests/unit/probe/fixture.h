/* Probe specs from YAML text, as the loader would make them. */
#pragma once

#include "base/arena.h"
#include "nines/config.h"
#include "probe/expect.h"
#include "probe/http.h"

struct fixture {
    struct arena arena;
    struct diag diag;
    struct http_probe spec; /* of the http kind */
    struct probe_def def;   /* timeout 5 s, interval 15 s */
};

/* Decodes and prepares an `http:` block; look at f->diag.errors. */
void fixture_init(struct fixture *f, const char *yaml);

/* The same for the block of another kind. */
void fixture_init_kind(struct fixture *f, const struct probe_kind *kind, const char *yaml);

/* The same around an `expect:` block, given as flow YAML: "{status: 200}". */
void fixture_expect(struct fixture *f, const char *expect);
void fixture_release(struct fixture *f);

/* Fails the test unless the only error mentions `text`. */
void fixture_refused(const char *yaml, const char *text);
void fixture_refused_kind(const struct probe_kind *kind, const char *yaml, const char *text);
