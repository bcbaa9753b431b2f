#include "openslo_texts.h"

#include "../cmocka_all.h"
#include "fake.h"

#include "config/load.h"
#include "config/openslo_write.h"

#include "nines/diag.h"

struct config *openslo_load(const char *text)
{
    struct diag diag = {0};
    struct config *c = NULL;
    int rc = config_load_text("x.yaml", text, strlen(text), &fake_tables, &c, &diag);
    for (size_t i = 0; i < diag.n; i++)
        print_error("%d:%d: %s\n", diag.items[i].pos.line, diag.items[i].pos.column,
                    diag.items[i].text);
    if (diag.n)
        print_error("%s\n", text);
    assert_int_equal(diag.n, 0);
    assert_int_equal(rc, 0);
    diag_release(&diag);
    return c;
}

static void write_all(const struct config *c, struct str *out)
{
    struct err err;
    for (size_t i = 0, n; i < c->slo_count; i += n) {
        n = openslo_objectives(c->slos + i, c->slo_count - i);
        assert_int_equal(openslo_write(c->slos + i, n, out, &err), 0);
    }
}

static void same_text(const char *a, const char *b)
{
    assert_int_equal(a == NULL, b == NULL);
    if (a)
        assert_string_equal(a, b);
}

static void same_members(const struct slo_def *a, const struct slo_def *b)
{
    assert_int_equal(a->member_count, b->member_count);
    for (size_t i = 0; i < a->member_count; i++) {
        const struct slo_member *x = &a->members[i], *y = &b->members[i];
        assert_int_equal(decimal_cmp(x->weight, y->weight), 0);
        assert_string_equal(x->slo->name, y->slo->name);
        assert_string_equal(x->slo->objective_name, y->slo->objective_name);
    }
}

static void same_slo(const struct slo_def *a, const struct slo_def *b)
{
    assert_string_equal(a->name, b->name);
    assert_string_equal(a->objective_name, b->objective_name);
    assert_string_equal(a->sli.key, b->sli.key);
    same_text(a->description, b->description);
    same_text(a->runbook, b->runbook);
    same_text(a->dashboard, b->dashboard);
    assert_string_equal(a->service[0] ? a->service : a->name, b->service);
    assert_string_equal(a->window.text, b->window.text);
    assert_int_equal(a->method, b->method);
    assert_int_equal(a->slice_us, b->slice_us);
    assert_int_equal(decimal_cmp(a->slice_target, b->slice_target), 0);
    assert_int_equal(a->labels.n, b->labels.n);
    for (size_t i = 0; i < a->labels.n; i++) {
        assert_string_equal(a->labels.at[i].key, b->labels.at[i].key);
        assert_string_equal(a->labels.at[i].value, b->labels.at[i].value);
    }
    same_members(a, b);
    assert_true(a->content == b->content);
}

void openslo_there_and_back(const char *text)
{
    struct str out, again;
    struct config *before = openslo_load(text);
    str_init(&out, TEXT_MAX);
    str_init(&again, TEXT_MAX);
    str_add(&out, PROBES);
    write_all(before, &out);
    struct config *after = openslo_load(out.buf);
    assert_int_equal(before->slo_count, after->slo_count);
    for (size_t i = 0; i < before->slo_count; i++)
        same_slo(before->slos[i], after->slos[i]);
    str_add(&again, PROBES);
    write_all(after, &again);
    assert_string_equal(out.buf, again.buf);
    str_release(&out);
    str_release(&again);
    config_unref(before);
    config_unref(after);
    fake_take_counts();
}
