/*
 * What a database is made of: bytes of each table and index, results as rows
 * and in chunks and what one takes, how far back they go. Reads every page, in
 * one snapshot, so that all of it adds up; the write-ahead log of a running
 * daemon cannot begin anew meanwhile.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dbstats_table {
    char name[64];
    bool index;
    int64_t bytes;
    int64_t rows; /* of a table of ours; else -1 */
};

/* Probes that run equally often, by their newest schedule. */
struct dbstats_class {
    int64_t interval_us; /* 0: the database does not know it */
    int64_t probes, rows, sealed;
    int64_t oldest_us, newest_us; /* slots; meaningless without results */
};

#define DBSTATS_TABLES_MAX 64

struct dbstats {
    int64_t schema, page_size, pages, free_pages;
    int auto_vacuum;               /* 0 none, 1 full, 2 incremental */
    bool sized;                    /* SQLite can tell the bytes of tables */
    int64_t map_bytes;             /* that auto_vacuum needs, and a page that locks need */
    int64_t file_bytes, wal_bytes; /* on the disk */

    struct dbstats_table tables[DBSTATS_TABLES_MAX]; /* by size, largest first */
    size_t table_count;
    int64_t rows, sealed, chunks;                  /* results as rows, in chunks; chunks */
    int64_t row_bytes, sealed_bytes, rollup_bytes; /* with their indexes */
    int64_t samples, sample_bytes;                 /* with the names of their series */
    int64_t events, event_bytes;                   /* of metric SLIs */
    struct dbstats_class *classes;                 /* by interval */
    size_t class_count;
};

/* `path` is a database of this schema. Free with dbstats_release(). The pages
 * of all tables, free_pages and map_bytes together are `pages`. */
int dbstats_read(const char *path, struct dbstats *ret, struct err *reterr);
void dbstats_release(struct dbstats *s);
