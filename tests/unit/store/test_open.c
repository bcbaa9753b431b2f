/* What may be opened, what is refused, and with which words. */
#include "fixture.h"

#include "base/mem.h"
#include "io/sqlite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Opening for writing must fail with `words` in the message. */
static void refused(const char *path, const char *words)
{
    struct store_options o = {.path = path};
    struct store *s = NULL;
    struct err err = {{0}};
    assert_int_equal(store_open(&o, &s, &err), -1);
    if (!strstr(err.msg, words))
        fail_msg("\"%s\" does not say \"%s\"", err.msg, words);
}

static void reader_refused(const char *path, const char *words)
{
    struct store_reader *r = NULL;
    struct err err = {{0}};
    assert_int_equal(store_reader_open(path, &r, &err), -1);
    if (!strstr(err.msg, words))
        fail_msg("\"%s\" does not say \"%s\"", err.msg, words);
}

static void make_file(const struct fixture *f, const char *sql)
{
    struct sqlite *db;
    assert_int_equal(sqlite_open(f->path, SQLITE_ACCESS_WRITE, 0, &db, NULL), 0);
    assert_int_equal(sqlite_exec(db, sql, NULL), 0);
    sqlite_close(db);
}

static void a_second_writer_is_refused(void **state)
{
    (void)state;
    struct fixture f;
    char words[64];
    fixture_init(&f);
    assert_int_equal(store_lock_holder(f.path), 0);
    fixture_open(&f);
    assert_int_equal(store_lock_holder(f.path), getpid());
    snprintf(words, sizeof(words), "in use by process %ld", (long)getpid());
    refused(f.path, words);
    fixture_close(&f);
    assert_int_equal(store_lock_holder(f.path), 0);
    fixture_open(&f); /* and may come later */
    fixture_release(&f);
}

static void foreign_files_are_left_alone(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    make_file(&f, "PRAGMA application_id = 7; CREATE TABLE t(x)");
    refused(f.path, "another application");
    reader_refused(f.path, "another application");
    assert_int_equal(fixture_sql(&f, "SELECT count(*) FROM sqlite_schema"), 1);
    unlink(f.path);
    make_file(&f, "CREATE TABLE t(x)"); /* no id, but somebody's */
    refused(f.path, "another application");
    fixture_release(&f);
}

static void newer_files_are_left_alone(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    fixture_close(&f);
    make_file(&f, "PRAGMA user_version = 99");
    refused(f.path, "newer nines (schema 99");
    reader_refused(f.path, "newer nines");
    fixture_release(&f);
}

static void older_files_are_for_writers_first(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    make_file(&f, "PRAGMA application_id = 1852403301"); /* ours, of version 0 */
    reader_refused(f.path, "older nines");
    fixture_open(&f);
    fixture_close(&f);
    store_reader_free(fixture_reader(&f));
    fixture_release(&f);
}

static void other_files_are_no_databases(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    FILE *file = fopen(f.path, "w");
    for (int i = 0; i < 100; i++)
        fputs("this is not a database, it is a shopping list\n", file);
    fclose(file);
    refused(f.path, "not a database");
    reader_refused(f.path, "not a database");
    unlink(f.path);
    reader_refused(f.path, "no database at");
    file = fopen(f.path, "w"); /* empty: may become one */
    fclose(file);
    reader_refused(f.path, "empty");
    fixture_open(&f);
    fixture_release(&f);
    refused("/nonexistent/nines.db", "cannot create the lock file");
}

/* Root may write everything, so a child gives its rights up first. */
static void read_only_files_are_told(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    fixture_close(&f);
    chmod(f.path, 0444);
    chmod(f.dir, 0777);
    char lock[128];
    snprintf(lock, sizeof(lock), "%s.lock", f.path);
    chmod(lock, 0666);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct store_options o = {.path = f.path};
        struct store *s;
        struct err err = {{0}};
        if (geteuid() == 0 && setuid(65534) < 0)
            _exit(2);
        bool told = store_open(&o, &s, &err) < 0 && strstr(err.msg, "read-only");
        if (!told)
            fprintf(stderr, "%s\n", err.msg);
        _exit(told ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    fixture_release(&f);
}

static void readers_work_without_a_writer(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    struct probe_def def = probe_def("p", USEC_PER_SEC);
    struct sli_def sli = sli_def("p", 0, "p");
    struct result x = result_at(T0, OUTCOME_GOOD, REASON_NONE, 5);
    store_push_probe(f.store, 0, &def, T0);
    push_result(f.store, 0, &x);
    fixture_close(&f);
    struct store_reader *r = fixture_reader(&f);
    struct counts c;
    assert_int_equal(store_reader_counts(r, &sli, 0, T0 + 1, &c, NULL), 0);
    assert_int_equal(c.good, 1);
    /* A snapshot is of one call: the next one sees what a writer has done since. */
    fixture_open(&f);
    store_push_probe(f.store, 0, &def, T0);
    x.slot_us++;
    push_result(f.store, 0, &x);
    fixture_flush(&f);
    assert_int_equal(store_reader_counts(r, &sli, 0, T0 + 2, &c, NULL), 0);
    assert_int_equal(c.good, 2);
    fixture_close(&f);
    assert_int_equal(store_reader_counts(r, &sli, 0, T0 + 2, &c, NULL), 0);
    assert_int_equal(c.good, 2);
    store_reader_free(r);
    fixture_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_writer_is_refused),
        cmocka_unit_test(foreign_files_are_left_alone),
        cmocka_unit_test(newer_files_are_left_alone),
        cmocka_unit_test(older_files_are_for_writers_first),
        cmocka_unit_test(other_files_are_no_databases),
        cmocka_unit_test(read_only_files_are_told),
        cmocka_unit_test(readers_work_without_a_writer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
