#include "fixture.h"

#include "base/mem.h"
#include "base/units.h"
#include "config/tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void decode_spec(struct fixture *f, const struct probe_kind *kind, void *spec,
                        const char *yaml)
{
    f->def = (struct probe_def){.id = "p",
                                .kind = kind,
                                .spec = spec,
                                .pos = {"test.yaml", 1, 1},
                                .timeout_us = 5 * USEC_PER_SEC,
                                .interval_us = 15 * USEC_PER_SEC};
    struct decode c = {.arena = &f->arena, .diag = &f->diag};
    struct yaml_documents docs = {0};
    if (yaml_parse(&f->arena, &f->arena, "test.yaml", yaml, strlen(yaml), &f->diag, &docs) < 0 ||
        docs.n != 1)
        fail_msg("bad YAML in the test: %s", yaml);
    decode_object(&c, docs.at[0], kind->fields, spec);
    kind->prepare(&c, docs.at[0], &f->def, spec);
}

void fixture_init(struct fixture *f, const char *yaml)
{
    *f = (struct fixture){0};
    decode_spec(f, &probe_http, &f->spec, yaml);
}

void fixture_init_kind(struct fixture *f, const struct probe_kind *kind, const char *yaml)
{
    *f = (struct fixture){0};
    decode_spec(f, kind, arena_alloc(&f->arena, kind->spec_size), yaml);
}

void fixture_expect(struct fixture *f, const char *expect)
{
    mem_auto char *yaml = mem_printf("{url: 'https://h/', expect: %s}", expect);
    fixture_init(f, yaml);
    if (f->diag.errors)
        fail_msg("%s: %s", expect, f->diag.items[0].text);
}

void fixture_release(struct fixture *f)
{
    f->def.kind->release(f->def.spec);
    diag_release(&f->diag);
    arena_release(&f->arena);
}

void fixture_refused_kind(const struct probe_kind *kind, const char *yaml, const char *text)
{
    struct fixture f;
    fixture_init_kind(&f, kind, yaml);
    if (f.diag.errors != 1)
        fail_msg("%zu errors for %s: %s", f.diag.errors, yaml,
                 f.diag.errors ? f.diag.items[f.diag.n - 1].text : "");
    const struct diag_item *item = f.diag.items;
    while (item->warning) /* secrets in plain text */
        item++;
    if (!strstr(item->text, text))
        fail_msg("'%s' does not mention '%s'", item->text, text);
    if (item->pos.line < 1 || item->pos.column < 1)
        fail_msg("no position for '%s'", item->text);
    fixture_release(&f);
}

void fixture_refused(const char *yaml, const char *text)
{
    fixture_refused_kind(&probe_http, yaml, text);
}
