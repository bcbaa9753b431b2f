#include "answers.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "io/http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define WALL_US (1000 * USEC_PER_DAY)

static const struct field answer_fields[] = {
    {"expect", FIELD_OBJECT, offsetof(struct answer_spec, expect), .fields = agent_expect_fields},
    {"document", FIELD_BOOL, offsetof(struct answer_spec, document)},
    {0},
};

static void prepare(struct decode *c, const struct node *n, const struct probe_def *def, void *spec)
{
    struct answer_spec *s = spec;
    agent_expect_prepare(c, node_get(n, "expect"), def, !s->document, &s->expect);
}

static void release(void *spec)
{
    struct answer_spec *s = spec;
    agent_expect_release(&s->expect);
}

const struct probe_kind answer_kind = {.name = "answer",
                                       .fields = answer_fields,
                                       .spec_size = sizeof(struct answer_spec),
                                       .prepare = prepare,
                                       .release = release};

struct told *told_new(const char *text)
{
    struct told *t = mem_alloc(sizeof(*t));
    *t = (struct told){
        .resp = {.status = 200, .message = "", .headers = "", .body = ""},
        .answer = {.first_event_us = 1000,
                   .first_token_us = 250000,
                   .last_token_us = 1250000,
                   .last_event_us = 1300000,
                   .gap_us = 40000,
                   .events = 12,
                   .flags = ANSWER_STREAMED | ANSWER_ENDED,
                   .tokens_in = 10,
                   .tokens_out = 30,
                   .tokens_cached = -1,
                   .tokens_reasoning = -1,
                   .cost = 1500000000},
        .total_us = 1400000,
    };
    str_init(&t->said.text, AGENT_TEXT_MAX);
    str_add(&t->said.text, text);
    t->said.text_bytes = (int64_t)strlen(text);
    str_copy(t->said.finish, sizeof(t->said.finish), "stop");
    return t;
}

void told_free(struct told *t)
{
    str_release(&t->said.text);
    for (size_t i = 0; i < t->said.tool_count; i++)
        str_release(&t->said.tools[i].arguments);
    free(t);
}

void told_call(struct told *t, const char *name, const char *arguments)
{
    struct agent_tool *tool = &t->said.tools[t->said.tool_count++];
    str_copy(tool->name, sizeof(tool->name), name);
    str_init(&tool->arguments, AGENT_ARGUMENTS_MAX);
    str_add(&tool->arguments, arguments);
    t->said.calls++;
}

struct verdict *told_judge(const struct told *t, const char *expect)
{
    struct fixture f;
    struct jsonpath *json = NULL;
    struct verdict *v = mem_alloc(sizeof(*v));
    mem_auto char *yaml = mem_printf("{expect: %s}", expect);
    fixture_init_kind(&f, &answer_kind, yaml);
    if (f.diag.errors)
        fail_msg("%s: %s", expect, f.diag.items[0].text);
    const struct answer_spec *s = f.def.spec;
    if (s->expect.reads_json)
        assert_int_equal(jsonpath_new(&json, NULL), 0);
    struct answer_input in = {.resp = &t->resp,
                              .total_us = t->total_us,
                              .wall_us = WALL_US,
                              .fault = t->fault,
                              .fault_text = t->fault_text,
                              .answer = &t->answer,
                              .said = &t->said,
                              .json = json};
    answer_judge(&s->expect, &in, v);
    for (size_t i = 0; i < v->seen_count; i++) /* outlives the expectations */
        v->seen[i].what = "";
    jsonpath_free(json);
    fixture_release(&f);
    return v;
}

void told_verdict(const struct told *t, const char *expect, enum reason reason, const char *seen)
{
    struct verdict *v = told_judge(t, expect);
    if (v->reason != reason)
        fail_msg("%s: %s, not %s (%s)", expect, reason_name(v->reason), reason_name(reason),
                 v->message);
    assert_int_equal(v->outcome, reason == REASON_NONE ? OUTCOME_GOOD : OUTCOME_BAD);
    assert_int_equal(v->message[0] == '\0', reason == REASON_NONE);
    size_t i = 0;
    while (i + 1 < v->seen_count && v->seen[i].ok)
        i++;
    const char *got = v->seen_count ? v->seen[i].seen : "";
    if (seen && strcmp(got, seen) != 0)
        fail_msg("%s: saw %s, not %s", expect, got, seen);
    free(v);
}

void text_verdict(const char *text, const char *expect, enum reason reason, const char *seen)
{
    struct told *t = told_new(text);
    told_verdict(t, expect, reason, seen);
    told_free(t);
}
