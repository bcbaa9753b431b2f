/*
 * Configuration: files become one immutable, counted snapshot, or a diag full
 * of errors. Rank 3 (src/config) knows YAML and these generic tables; what the
 * keys of a probe kind or a receiver are, it learns from the tables that rank
 * 5 hands in.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "nines/condition.h"
#include "nines/diag.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config;
struct exclusion;
struct exclusion_ops;
struct hours;
struct probe_def;
struct probe_kind;
struct zone;
struct slo_def;
struct notifier_kind;
struct receiver_def;
struct routing_def;

/* ---- the document tree ------------------------------------------------ */

enum node_kind { NODE_SCALAR, NODE_MAP, NODE_SEQ };

/*
 * A YAML node with its place in the file. Lives while the configuration is
 * loaded; its `text` as long as the snapshot. For a map, items[2*i] is the key
 * (a scalar) and items[2*i+1] its value; keys are known to be distinct. `text`
 * is NUL-terminated and holds no NUL inside.
 */
struct node {
    enum node_kind kind;
    bool plain; /* scalar written without quotes: may be null, bool or number */
    struct pos pos;
    const char *text;
    size_t n; /* entries: pairs for a map, elements for a sequence */
    struct node **items;
};

const struct node *node_get(const struct node *map, const char *key); /* or NULL */
bool node_is_null(const struct node *n); /* plain `null`, `~` or empty */

/* ---- field tables ------------------------------------------------------ */

/*
 * A struct is decoded from a map by a table of fields, each naming a key, a
 * type and an offset. A NULL-named entry ends the table. Absent keys leave the
 * target as it was (decode starts from zeroes or from copied defaults).
 *
 *     static const struct field spec_fields[] = {
 *         {"url", FIELD_STRING, offsetof(struct spec, url), .flags = FIELD_REQUIRED},
 *         {"timeout", FIELD_DURATION, offsetof(struct spec, timeout_us), .min = 1000},
 *         {0},
 *     };
 */
enum field_type {
    FIELD_STRING,      /* const char * in the arena */
    FIELD_PATH,        /* const char *; a relative path starts at the folder of the file
                          that it is written in */
    FIELD_BOOL,        /* bool: true or false */
    FIELD_INT,         /* int64_t, decimal digits */
    FIELD_DURATION,    /* int64_t microseconds */
    FIELD_SIZE,        /* int64_t bytes */
    FIELD_PERCENT,     /* struct decimal, ratio: "99.9%" is 0.999 */
    FIELD_ENUM,        /* int: index into `names`, a NULL-ended list */
    FIELD_SECRET,      /* struct secret */
    FIELD_STRING_LIST, /* struct string_list: a sequence, or one scalar */
    FIELD_STRING_MAP,  /* struct string_map: scalar to scalar */
    FIELD_SECRET_MAP,  /* struct secret_map: scalar to plain text or secret */
    FIELD_OBJECT,      /* a struct at the offset, by `fields` */
    FIELD_CUSTOM,      /* `decode` is called with the node */
};

#define FIELD_REQUIRED 1u

struct decode {
    struct arena *arena; /* everything decoded lives here */
    struct diag *diag;
    uint64_t secrets;  /* hash of the secrets read so far: a reload sees a new one */
    const char *peer;  /* from prepare(): becomes probe_def.peer; or NULL */
    bool certificates; /* from prepare(): becomes probe_def.sees_certificates */
    const char *key;   /* while a FIELD_CUSTOM decoder runs: that of the field */
};

struct field {
    const char *name;
    enum field_type type;
    size_t offset;
    unsigned flags;
    int64_t min, max; /* INT, DURATION, SIZE; both inclusive; max 0 means no limit */
    const char *const *names;
    const struct field *fields;
    /* Reports through c->diag; `out` is the address at `offset`. */
    void (*decode)(struct decode *c, const struct node *n, void *out);
    const char *help; /* one line for the manual, may be NULL */
};

struct string_list {
    const char **at;
    size_t n;
};

struct pair {
    const char *key, *value;
    struct pos pos;
};

struct string_map {
    struct pair *at;
    size_t n;
};

/*
 * Text that must not be shown. Written as plain text (allowed, a warning where
 * the field is FIELD_SECRET), `{env: NAME}` or `{file: path}`; resolved after
 * all files are parsed, while fields are decoded, without a trailing newline:
 * prepare() sees the value. `source` says where from ("env NAME") and may be
 * shown. A missing variable or file is an error at its place.
 */
#define SECRET_MAX (64 << 10)

struct secret {
    const char *value;
    const char *source;
};

struct secret_pair {
    const char *key;
    struct secret value;
    bool secret; /* false: plain text, may be shown */
};

struct secret_map {
    struct secret_pair *at;
    size_t n;
};

/* Decodes `n` into the struct at `out` by `fields`; unknown keys, wrong types
 * and missing required keys go to c->diag with the nearest valid key. Whoever
 * must know if all went well compares c->diag->errors before and after. */
void decode_object(struct decode *c, const struct node *n, const struct field *fields, void *out);

/* One value of any type, for FIELD_CUSTOM decoders. `out` is the address of
 * the value itself: f->offset is not added. */
void decode_value(struct decode *c, const struct node *n, const struct field *f, void *out);

/* ---- the snapshot ------------------------------------------------------ */

/* One entry of `hours`, as written; none is NULL. */
struct hours_rule {
    const char *timezone;  /* "Europe/Berlin" */
    const char *days;      /* "mon-fri", "sat,sun" */
    const char *from, *to; /* "08:00", "24:00" */
};

struct hours_ops {
    /* -1: `ret_bad` is the rule at fault. The caller holds a reference. */
    int (*make)(const struct hours_rule *rules, size_t n, struct hours **ret, size_t *ret_bad,
                struct err *reterr);
    void (*unref)(const struct hours *h);
    const char *(*text)(const struct hours *h); /* equal for equal hours */
    /* The first slot >= t; INT64_MAX: there is none. */
    int64_t (*next)(const struct hours *h, int64_t phase_us, int64_t interval_us, int64_t t_us);
};

/* What rank 5 knows and the loader needs: the extension tables. */
struct config_tables {
    const struct probe_kind *const *probe_kinds; /* NULL-ended */
    const struct notifier_kind *const *notifiers;

    /* Service hours (slo/hours.h); NULL: probes have none. */
    const struct hours_ops *hours;
    const struct exclusion_ops *exclusions; /* NULL: there are none */

    /* Time zones of calendar windows (io/zone.h); NULL leaves zones NULL. */
    int (*zone_open)(const char *name, struct zone **ret, struct err *reterr);
    void (*zone_free)(struct zone *z);
    /* The last step of an SLO whose probe is known: its tiers. May be NULL. */
    void (*finish_slo)(struct slo_def *slo, struct decode *c);
    /* The last step of all, for what only the whole shows; definitions with
     * errors are incomplete. `daemon` is the Daemon document or NULL. May be NULL. */
    void (*finish)(const struct config *cfg, const struct node *daemon, struct decode *c);
};

/* As it was asked for: engine/retention.h says what comes of it. 0: not set. */
struct retention_config {
    int64_t raw_us, rollups_us, evidence_us, alerts_us, max_bytes;
};

/* What is asked whether a failure is the prober's own (engine/selfcheck.h). */
struct self_check_config {
    struct string_list targets; /* URLs; none: failures are the targets' */
    int64_t timeout_us;
};

/* Who is told that this process does its work; notify/watchdog.h. */
enum watchdog_method { WATCHDOG_GET, WATCHDOG_POST };

struct watchdog_config {
    const char *receiver; /* or NULL: `url` */
    struct secret url;
    int method;       /* enum watchdog_method */
    int64_t every_us; /* 0: there is none */
    struct pos pos;
};

/* What severities are called in the labels of alerts. */
struct severity_labels {
    const char *page, *ticket;
};
#define SEVERITY_LABELS_DEFAULT ((struct severity_labels){"critical", "warning"})

/* What tokens cost: of COST_ONE (nines/answer.h) for each. */
struct price {
    const char *model; /* as probes name it */
    int64_t in, out, cached;
    struct pos pos;
};

struct price_table {
    const char *currency; /* "USD"; NULL: there are no prices */
    struct price *at;
    size_t n;
};

/* Of tokens, and of COST_ONE, in a clock hour and a day of UTC; 0: no limit. */
struct spend_caps {
    int64_t tokens_hour, tokens_day, cost_hour, cost_day;
    struct pos pos, cost_pos; /* where they are written, and the first one in money; of
                                 those that were read */
};

struct daemon_config {
    const char *database;     /* path; "./nines.db" */
    const char *listen;       /* "127.0.0.1:9464"; "" or "off": no listener */
    bool allow_remote;        /* `listen` need not be loopback */
    const char *external_url; /* how people reach it, without a slash at its end; "" */
    struct retention_config retention;
    struct string_list probe_dirs, slo_dirs;
    int log_format;                 /* enum log_format */
    int log_level;                  /* enum log_level */
    struct string_list dns_servers; /* empty: resolv.conf */
    struct self_check_config self_check;
    struct severity_labels severity_labels;
    struct watchdog_config watchdog;
    struct condition prober_down; /* SEVERITY_NONE: nobody is told */
    int64_t per_host;             /* runs at once against one host and port; 0: no limit */
    struct price_table prices;
    struct spend_caps spend; /* of all probes together */
};

struct config {
    struct arena arena;
    int refs; /* atomic */
    struct daemon_config daemon;
    struct probe_def **probes; /* sorted by id */
    size_t probe_count;
    struct slo_def **slos; /* sorted by name */
    size_t slo_count;
    struct receiver_def **receivers; /* in file order */
    size_t receiver_count;
    struct exclusion *exclusions; /* declared ones, in file order */
    size_t exclusion_count;
    const struct routing_def *routing; /* nines/route.h; NULL: there are no routes */
    size_t file_count;
    bool partial; /* of paths without a Daemon document: what that says is not known */
    void (*zone_free)(struct zone *z); /* for the zones of `slos` */
    const struct hours_ops *hours;     /* for the service hours of `probes` */
};

/* Where to look. Any of them NULL: the defaults of nines.yaml(5). */
struct config_sources {
    const char *config_file;  /* --config; missing file is an error only if given */
    const char *const *paths; /* `nines check PATH...`: files or directories, by content */
    size_t path_count;
    const char *slos; /* a file or folder: its SLOs take the place of all others */
};

/*
 * Reads, decodes, resolves and cross-checks everything. Errors of all files
 * are collected in `diag`, sorted; with any error -1 is returned and nothing
 * else set. No file at all is an empty configuration (file_count 0). The
 * caller holds the first reference.
 */
int config_load(const struct config_sources *src, const struct config_tables *tables,
                struct config **ret, struct diag *diag);
struct config *config_ref(struct config *c);
void config_unref(struct config *c); /* thread-safe; releases kinds' resources too */

/* Whether `listen` may be served on, by form and by who reaches it: what the
 * configuration may say and `nines run --listen` as well. Binds nothing. */
int config_check_listen(const char *listen, bool allow_remote, struct err *reterr);

const struct probe_def *config_probe(const struct config *c, const char *id); /* or NULL */
