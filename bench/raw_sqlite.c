/*
 * What the same results cost as the plain rows anybody would write first: one
 * table in SQLite with its key (probe, time), WAL, a prepared insert, a
 * transaction for each 500. Nothing is compressed, summed up or checked.
 *
 *   raw_sqlite --db FILE [--results N] [--probes N]
 *
 * The phases are those of lines.c. Results come as a prober makes them: by time,
 * probe after probe. Prints one JSON object.
 */
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <sqlite3.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define PHASES 5
#define SIGMA 0.6
#define BATCH 500
#define MADE 65536 /* draws, made before and taken in turn */
#define START 1760000000000000
#define INTERVAL 15000000

static const double medians_us[PHASES] = {100, 900, 2000, 11200, 100};

static void die(sqlite3 *db, const char *what)
{
    fprintf(stderr, "raw_sqlite: %s: %s\n", what, db ? sqlite3_errmsg(db) : "");
    exit(1);
}

static void must(sqlite3 *db, const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        die(db, sql);
}

static double uniform(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return ((double)((*state * 0x2545f4914f6cdd1du) >> 11) + 0.5) / 9007199254740992.0;
}

static int64_t (*draw(void))[PHASES]
{
    int64_t(*made)[PHASES] = calloc(MADE, sizeof(*made));
    uint64_t state = 0x9e3779b97f4a7c15u;

    if (!made)
        die(NULL, "out of memory");
    for (int i = 0; i < MADE; i++)
        for (int p = 0; p < PHASES; p++) {
            double normal = sqrt(-2 * log(uniform(&state))) * cos(2 * M_PI * uniform(&state));

            made[i][p] = (int64_t)(medians_us[p] * exp(SIGMA * normal) + 0.5);
        }
    return made;
}

static double cpu_us(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static void insert(sqlite3 *db, sqlite3_stmt *s, int64_t probe, int64_t slot, const int64_t *phases)
{
    int64_t total = 0;

    for (int p = 0; p < PHASES; p++) {
        total += phases[p];
        sqlite3_bind_int64(s, 6 + p, phases[p]);
    }
    sqlite3_bind_int64(s, 1, probe);
    sqlite3_bind_int64(s, 2, slot);
    sqlite3_bind_int64(s, 3, 0);
    sqlite3_bind_int64(s, 4, 200);
    sqlite3_bind_int64(s, 5, total);
    if (sqlite3_step(s) != SQLITE_DONE)
        die(db, "insert");
    sqlite3_reset(s);
}

static double fill(sqlite3 *db, int64_t results, int64_t probes)
{
    int64_t(*made)[PHASES] = draw();
    sqlite3_stmt *s;

    if (sqlite3_prepare_v2(db, "INSERT INTO result VALUES(?,?,?,?,?,?,?,?,?,?)", -1, &s, NULL) !=
        SQLITE_OK)
        die(db, "prepare");
    double before = cpu_us();

    must(db, "BEGIN");
    for (int64_t i = 0; i < results; i++) {
        insert(db, s, i % probes, START + i / probes * INTERVAL, made[i % MADE]);
        if (i % BATCH == BATCH - 1)
            must(db, "COMMIT; BEGIN");
    }
    must(db, "COMMIT");
    sqlite3_finalize(s);
    free(made);
    return (cpu_us() - before) / (double)results;
}

int main(int argc, char **argv)
{
    static const struct option known[] = {{"db", 1, NULL, 'd'},
                                          {"results", 1, NULL, 'r'},
                                          {"probes", 1, NULL, 'p'},
                                          {NULL, 0, NULL, 0}};
    const char *path = NULL;
    int64_t results = 1000000, probes = 100;
    sqlite3 *db = NULL;
    struct stat st;

    for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        if (c == 'd')
            path = optarg;
        else if (c == 'r')
            results = strtoll(optarg, NULL, 10);
        else if (c == 'p')
            probes = strtoll(optarg, NULL, 10);
        else
            return 2;
    }
    if (!path || results < 1 || probes < 1)
        die(NULL, "--db FILE is needed");
    if (sqlite3_open(path, &db) != SQLITE_OK)
        die(db, path);
    must(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
             "CREATE TABLE result(probe INTEGER, slot INTEGER, outcome INTEGER, code INTEGER,"
             " total INTEGER, dns INTEGER, connect INTEGER, tls INTEGER, wait INTEGER,"
             " transfer INTEGER, PRIMARY KEY(probe, slot)) WITHOUT ROWID");
    double us = fill(db, results, probes);

    sqlite3_close(db);
    if (stat(path, &st) != 0)
        die(NULL, path);
    printf("{\"results\":%" PRId64 ",\"insert_us\":%.3f,\"bytes_per_result\":%.2f}\n", results, us,
           (double)st.st_size / (double)results);
    return 0;
}
