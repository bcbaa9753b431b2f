/*
 * One file per mistake in tests/golden/config, with what the loader says about
 * it beside it (.err): "line:column: error: text". A new file gets its .err
 * with NINES_GOLDEN_UPDATE=1; read it before you believe it.
 */
#include "../cmocka_all.h"
#include "fake.h"

#include "base/mem.h"
#include "base/str.h"
#include "nines/diag.h"

#include <glob.h>
#include <stdio.h>
#include <unistd.h>

#define TEXT_MAX ((size_t)1 << 20)

static void slurp(const char *path, struct str *out)
{
    char buf[4096];
    FILE *f = fopen(path, "re");
    if (!f)
        return;
    for (size_t n; (n = fread(buf, 1, sizeof(buf), f)) > 0;)
        str_addn(out, buf, n);
    fclose(f);
}

static void load(const char *path, struct str *out)
{
    struct diag diag = {0};
    struct config *config = NULL;
    struct config_sources src = {.paths = &path, .path_count = 1};
    int rc = config_load(&src, &fake_tables, &config, &diag);
    for (size_t i = 0; i < diag.n; i++) {
        const struct diag_item *item = &diag.items[i];
        assert_string_equal(item->pos.file, path);
        str_addf(out, "%d:%d: %s: %s\n", item->pos.line, item->pos.column,
                 item->warning ? "warning" : "error", item->text);
    }
    assert_int_equal(rc, diag.errors ? -1 : 0);
    assert_int_equal(config == NULL, rc != 0);
    assert_null(strstr(out->buf, "hunter2")); /* the secret of all these files */
    config_unref(config);
    diag_release(&diag);
    struct fake_counts n = fake_take_counts();
    assert_int_equal(n.prepared, n.released);
    assert_int_equal(n.zones_opened, n.zones_freed);
}

static int compare(const char *path)
{
    struct str got, want;
    mem_auto char *golden = mem_printf("%.*s.err", (int)(strrchr(path, '.') - path), path);
    str_init(&got, TEXT_MAX);
    str_init(&want, TEXT_MAX);
    load(path, &got);
    if (getenv("NINES_GOLDEN_UPDATE")) {
        FILE *f = fopen(golden, "we");
        assert_non_null(f);
        fputs(got.buf, f);
        fclose(f);
    }
    slurp(golden, &want);
    bool same = str_eq(got.buf, want.buf) && access(golden, R_OK) == 0;
    /* What is called valid has no errors, all else has some. */
    bool valid = str_starts(path, "valid");
    same = same && valid == !strstr(got.buf, ": error: ");
    if (!same)
        print_error("---- %s: expected\n%s---- found\n%s", path, want.buf, got.buf);
    str_release(&got);
    str_release(&want);
    return same ? 0 : 1;
}

static void golden(void **state)
{
    (void)state;
    glob_t files;
    int bad = 0;
    assert_int_equal(chdir(GOLDEN_DIR), 0);
    assert_int_equal(glob("*.yaml", 0, NULL, &files), 0);
    for (size_t i = 0; i < files.gl_pathc; i++)
        bad += compare(files.gl_pathv[i]);
    globfree(&files);
    assert_int_equal(bad, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(golden)};
    unsetenv("NINES_TEST_UNSET");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
