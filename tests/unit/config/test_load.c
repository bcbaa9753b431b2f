/* Where configuration is found, what its defaults are, and the snapshot. */
#include "../cmocka_all.h"
#include "fake.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "model/selector.h"
#include "nines/diag.h"
#include "nines/notifier.h"
#include "nines/probe.h"
#include "nines/slo.h"

#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROBES "apiVersion: nines/v1\nkind: Probes\nprobes:\n"
#define SLOS "apiVersion: nines/v1\nkind: SLOs\nslos:\n"
#define DAEMON "apiVersion: nines/v1\nkind: Daemon\n"

static char folder[] = "/tmp/nines-config-XXXXXX";

static void put(const char *path, const char *text)
{
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_int_equal(fputs(text, f) >= 0, 1);
    fclose(f);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static int enter(void **state)
{
    (void)state;
    memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
    return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int leave(void **state)
{
    (void)state;
    fake_take_counts();
    return chdir("/") == 0 ? nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS) : -1;
}

static struct config *load(const struct config_sources *src)
{
    struct diag diag = {0};
    struct config *config = NULL;
    int rc = config_load(src, &fake_tables, &config, &diag);
    for (size_t i = 0; i < diag.n && rc < 0; i++)
        print_error("%s:%d:%d: %s\n", diag.items[i].pos.file, diag.items[i].pos.line,
                    diag.items[i].pos.column, diag.items[i].text);
    diag_release(&diag);
    assert_int_equal(rc, 0);
    return config;
}

/* Expects exactly one error that says `why`. */
static void refused(const struct config_sources *src, const char *file, int line, const char *why)
{
    struct diag diag = {0};
    struct config *config = NULL;
    assert_int_equal(config_load(src, &fake_tables, &config, &diag), -1);
    assert_null(config);
    for (size_t i = 1; i < diag.n; i++)
        print_error("also: %s\n", diag.items[i].text);
    assert_int_equal(diag.errors, 1);
    assert_string_equal(diag.items[0].pos.file, file);
    assert_int_equal(diag.items[0].pos.line, line);
    if (!strstr(diag.items[0].text, why))
        fail_msg("'%s' does not say '%s'", diag.items[0].text, why);
    diag_release(&diag);
}

static void nothing(void **state)
{
    (void)state;
    struct config *c = load(&(struct config_sources){0});
    assert_int_equal(c->file_count, 0);
    assert_int_equal(c->probe_count + c->slo_count, 0);
    assert_int_equal(c->receiver_count, 1); /* alerts go to the log unless told otherwise */
    assert_string_equal(c->receivers[0]->name, "log");
    assert_string_equal(c->daemon.database, "./nines.db");
    assert_string_equal(c->daemon.listen, "127.0.0.1:9464");
    assert_string_equal(c->daemon.external_url, "");
    assert_int_equal(c->daemon.retention.raw_us, 0);
    assert_int_equal(c->daemon.log_format, LOG_AUTO);
    assert_int_equal(c->daemon.log_level, LOG_INFO);
    assert_string_equal(c->daemon.probe_dirs.at[0], "probes");
    assert_string_equal(c->daemon.slo_dirs.at[0], "slos");
    assert_null(config_probe(c, "a"));
    config_unref(c);
    config_unref(NULL);
}

static void default_folders(void **state)
{
    (void)state;
    mkdir("probes", 0755);
    mkdir("slos", 0755);
    put("probes/b.yaml",
        PROBES "  - {id: zeta, http: {url: x}}\n  - {id: alpha, http: {url: x}}\n");
    put("probes/a.yml", PROBES "  - {id: mid, http: {url: x}}\n");
    put("probes/.hidden.yaml", "]");
    put("probes/note.txt", "]");
    put("slos/s.yaml", SLOS "  - {name: two, sli: {probe: mid}, objective: 99.9%, window: 30d}\n"
                            "  - {name: one, sli: {probe: zeta, faster_than: 500ms},"
                            " objective: 99%, window: {calendar: 2 weeks}}\n");
    struct config *c = load(&(struct config_sources){0});
    assert_int_equal(c->file_count, 3);
    assert_int_equal(c->probe_count, 3);
    assert_string_equal(c->probes[0]->id, "alpha");
    assert_string_equal(c->probes[2]->id, "zeta");
    assert_ptr_equal(config_probe(c, "mid"), c->probes[1]);
    assert_string_equal(c->slos[0]->name, "one");
    assert_string_equal(c->slos[1]->name, "two");
    assert_ptr_equal(c->slos[0]->probe, config_probe(c, "zeta"));
    assert_string_equal(c->slos[0]->sli.key, "zeta faster_than=500000us");
    assert_string_equal(c->slos[0]->window.text, "2 weeks");
    assert_string_equal(c->slos[0]->window.timezone, "UTC");
    assert_non_null(c->slos[0]->window.zone);
    assert_string_equal(c->slos[1]->window.text, "30d");
    assert_int_equal(c->slos[1]->target.n, 999);
    assert_int_equal(c->slos[1]->target.scale, 3);
    assert_string_equal(c->slos[1]->service, "");
    assert_true(c->slos[1]->alerting);

    assert_ptr_equal(config_ref(c), c);
    config_unref(c);
    assert_int_equal(fake_take_counts().released, 0);
    config_unref(c);
    struct fake_counts n = fake_take_counts();
    assert_int_equal(n.released, 3);
    assert_int_equal(n.zones_freed, 1);
}

/* What an SLO is when its alerting is declared so. */
static struct slo_def alerting_of(const char *text, uint64_t *ret_content)
{
    char doc[1024];
    snprintf(doc, sizeof(doc),
             "apiVersion: nines/v1\nkind: SLOs\nslos:\n"
             "  - {name: one, sli: {probe: a}, objective: 99%%, window: 30d%s%s}\n",
             text[0] ? ", alerting: " : "", text);
    put("s.yaml", doc);
    struct config *c = load(&(struct config_sources){
        .paths = (const char *const[]){"p.yaml", "s.yaml"}, .path_count = 2});
    struct slo_def def = *c->slos[0];
    *ret_content = def.content;
    def.declared = NULL; /* goes with the snapshot */
    config_unref(c);
    fake_take_counts();
    return def;
}

static void tiers_are_part_of_a_revision(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "none",
        "{min_failures: 3}",
        "[{severity: page, long: 1h, factor: 14.4}]",
        "[{severity: ticket, long: 1h, factor: 14.4}]",
        "[{severity: page, long: 2h, factor: 14.4}]",
        "[{severity: page, long: 1h, short: 10m, factor: 14.4}]",
        "[{severity: page, long: 1h, factor: 14.5}]",
        "[{severity: page, long: 1h, budget: 2%}]",
        "[{severity: page, long: 1h, factor: 14.4, min_failures: 3}]",
        "{min_failures: 3, tiers: [{severity: page, long: 1h, factor: 14.4}]}",
        "{for: 1m, tiers: [{severity: page, long: 1h, factor: 14.4}]}",
    };
    uint64_t content[countof(texts)], plain, same;
    put("p.yaml", "apiVersion: nines/v1\nkind: Probes\nprobes: [{id: a, http: {url: x}}]\n");
    assert_true(alerting_of("", &plain).alerting);
    alerting_of("default", &same);
    assert_int_equal(plain, same);
    for (size_t i = 0; i < countof(texts); i++) {
        struct slo_def def = alerting_of(texts[i], &content[i]);
        assert_true(content[i] != plain);
        for (size_t k = 0; k < i; k++)
            assert_true(content[i] != content[k]);
        assert_true(def.alerting == (i > 0));
        assert_int_equal(def.declared_count, i > 1);
        assert_int_equal(def.min_failures, i == 1 || i == 9 ? 3 : 0);
        assert_int_equal(def.for_us, i == 10 ? USEC_PER_MIN : 0);
    }
    /* however it is written */
    alerting_of("{tiers: [{severity: page, long: 60m, factor: 14.40}]}", &same);
    assert_int_equal(same, content[2]);
}

static void schedule(void **state)
{
    (void)state;
    put("p.yaml", "apiVersion: nines/v1\nkind: Probes\n"
                  "defaults: {timeout: 3s, labels: {a: x, b: y}}\n"
                  "probes:\n"
                  "  - {id: d, http: {url: x}}\n"
                  "  - {id: e, interval: 1s, labels: {b: z}, http: {url: x}}\n"
                  "  - {id: f, interval: 1s, timeout: 100ms, max_in_flight: 4, http: {url: x}}\n"
                  "---\n" PROBES "  - {id: g, http: {url: x}}\n"
                  "  - {id: h, interval: 2s, http: {url: x}}\n");
    const char *path = "p.yaml";
    struct config *c = load(&(struct config_sources){.paths = &path, .path_count = 1});
    const struct probe_def *d = config_probe(c, "d"), *e = config_probe(c, "e"),
                           *f = config_probe(c, "f"), *g = config_probe(c, "g"),
                           *h = config_probe(c, "h");
    assert_int_equal(d->interval_us, 30 * USEC_PER_SEC);
    assert_int_equal(d->timeout_us, 3 * USEC_PER_SEC);
    assert_int_equal(d->max_in_flight, 1);
    assert_int_equal(e->max_in_flight, 3);
    assert_int_equal(f->max_in_flight, 4);
    assert_int_equal(g->timeout_us, 10 * USEC_PER_SEC);
    assert_int_equal(h->timeout_us, 2 * USEC_PER_SEC); /* never longer than the interval unasked */
    assert_in_range(e->phase_us, 0, USEC_PER_SEC - 1);
    assert_int_equal(e->labels.n, 2);
    assert_string_equal(e->labels.at[0].value, "z");
    assert_string_equal(e->labels.at[1].value, "x");
    assert_int_equal(g->labels.n, 0);
    config_unref(c);
}

static void service_hours(void **state)
{
    (void)state;
    put("p.yaml", "apiVersion: nines/v1\nkind: Probes\n"
                  "defaults: {hours: {days: mon-fri}}\n"
                  "probes:\n"
                  "  - {id: a, http: {url: x}}\n"
                  "  - {id: b, http: {url: x}, hours: {days: sun}}\n"
                  "---\n" PROBES "  - {id: c, interval: 30s, http: {url: x}}\n");
    const char *path = "p.yaml";
    (void)fake_take_counts();
    struct config *c = load(&(struct config_sources){.paths = &path, .path_count = 1});
    const struct probe_def *a = config_probe(c, "a"), *b = config_probe(c, "b"),
                           *plain = config_probe(c, "c");
    assert_string_equal(c->hours->text(a->hours), "mon-fri");
    assert_string_equal(c->hours->text(b->hours), "sun");
    assert_null(plain->hours);
    uint64_t before = a->revision, content = a->content;
    config_unref(c);
    struct fake_counts counts = fake_take_counts();
    assert_int_equal(counts.hours_made, counts.hours_freed);
    /* Other hours are another revision, and none as well. */
    put("p.yaml", PROBES "  - {id: a, http: {url: x}}\n");
    c = load(&(struct config_sources){.paths = &path, .path_count = 1});
    assert_true(config_probe(c, "a")->revision != before);
    assert_true(config_probe(c, "a")->content != content);
    config_unref(c);
}

static void dependencies(void **state)
{
    (void)state;
    put("p.yaml", PROBES "  - {id: a, http: {url: x}, depends_on: [c, b]}\n"
                         "  - {id: b, http: {url: x}, depends_on: c}\n"
                         "  - {id: c, http: {url: x}}\n");
    const char *path = "p.yaml";
    struct config *c = load(&(struct config_sources){.paths = &path, .path_count = 1});
    const struct probe_def *a = config_probe(c, "a"), *b = config_probe(c, "b"),
                           *on = config_probe(c, "c");
    assert_int_equal(a->depends_on_count, 2);
    assert_ptr_equal(a->depends_on[0], on);
    assert_ptr_equal(a->depends_on[1], b);
    assert_int_equal(b->depends_on_count, 1);
    assert_int_equal(on->depends_on_count, 0);
    config_unref(c);
}

/* Names the hash of one probe and of its schedule after loading `text`. */
static struct probe_def hashes(const char *text)
{
    const char *path = "h.yaml";
    put(path, text);
    struct config *c = load(&(struct config_sources){.paths = &path, .path_count = 1});
    struct probe_def def = *config_probe(c, "a");
    config_unref(c);
    return def;
}

static void contents(void **state)
{
    (void)state;
    struct probe_def base = hashes(PROBES "  - {id: a, http: {url: x}}\n");
    struct probe_def spaced = hashes("# moved\n" PROBES "  - id: a\n    http:\n      url: x\n");
    assert_true(base.content == spaced.content && base.revision == spaced.revision);
    struct probe_def url = hashes(PROBES "  - {id: a, http: {url: y}}\n");
    assert_true(base.content != url.content && base.revision == url.revision);
    struct probe_def timing = hashes(PROBES "  - {id: a, interval: 5s, http: {url: x}}\n");
    assert_true(base.content != timing.content && base.revision != timing.revision);
    struct probe_def defaults =
        hashes("apiVersion: nines/v1\nkind: Probes\ndefaults: {labels: {a: b}}\nprobes:\n"
               "  - {id: a, http: {url: x}}\n");
    assert_true(base.content != defaults.content && base.revision == defaults.revision);
    static const char token[] =
        PROBES "  - {id: a, http: {url: x, token: {env: NINES_TEST_TOKEN}}}\n";
    setenv("NINES_TEST_TOKEN", "one", 1);
    struct probe_def one = hashes(token);
    setenv("NINES_TEST_TOKEN", "two", 1);
    struct probe_def two = hashes(token);
    assert_true(one.content != two.content && one.revision == two.revision);
}

static void slo_contents(void **state)
{
    (void)state;
    const char *path = "s.yaml";
    static const char *const slos[] = {
        "{name: s, sli: {probe: a}, objective: 99%, window: 30d}",
        "{name: s, sli: {probe: a}, objective: 99.0%, window: 30d, description: x, service: y}",
        "{name: s, sli: {probe: a}, objective: 98%, window: 30d}",
        "{name: s, sli: {probe: a}, objective: 99%, window: 28d}",
        "{name: s, sli: {probe: a, classify: {status: excluded}}, objective: 99%, window: 30d}",
        "{name: s, sli: {probe: a}, objective: 99%, window: 30d, no_data: bad}",
    };
    uint64_t content[6];
    for (int i = 0; i < 6; i++) {
        mem_auto char *text =
            mem_printf(PROBES "  - {id: a, http: {url: x}}\n---\n" SLOS "  - %s\n", slos[i]);
        put(path, text);
        struct config *c = load(&(struct config_sources){.paths = &path, .path_count = 1});
        content[i] = c->slos[0]->content;
        assert_string_equal(c->slos[0]->sli.key, i == 4 ? "a classify=status:excluded" : "a");
        config_unref(c);
    }
    assert_true(content[0] == content[1]);
    for (int i = 2; i < 6; i++)
        assert_true(content[i] != content[0]);
}

static const struct slo_def *find_slo(const struct config *c, const char *name)
{
    for (size_t i = 0; i < c->slo_count; i++)
        if (str_eq(c->slos[i]->name, name))
            return c->slos[i];
    fail_msg("no SLO %s", name);
    return NULL;
}

#define PAGES PROBES "  - {id: p, page: {address: x}}\n  - {id: q, document: {address: x}}\n---\n"

static struct config *load_slis(const char *const *slis, size_t n)
{
    const char *path = "m.yaml";
    struct str text;
    str_init(&text, 1 << 16);
    str_add(&text, PAGES SLOS);
    if (n == 0)
        str_add(&text, "  []\n");
    for (size_t i = 0; i < n; i++)
        str_addf(&text, "  - {name: s%zu, sli: %s, objective: 99%%, window: 30d}\n", i, slis[i]);
    put(path, text.buf);
    str_release(&text);
    return load(&(struct config_sources){.paths = &path, .path_count = 1});
}

/* As written, and what comes of it. */
static void metric_slis(void **state)
{
    (void)state;
    static const char *const slis[] = {
        "{probe: p, ratio: {bad: 'r{status=~\"5..\"}', total: r}}",
        "{probe: p, ratio: {total: r, bad: 'r{  status =~ \"5..\", }'}}",
        "{probe: p, ratio: {good: 'r{status=~\"5..\"}', total: r}}",
        "{probe: p, histogram: 'd_seconds{path!=\"/x\"}', faster_than: 1500ms}",
        "{probe: p, threshold: 'depth  <  10000'}",
        "{probe: p, threshold: 'depth<10000.0'}",
        "{probe: p, raw: 'up:ratio{ job = \"a\" }'}",
        "{probe: p, raw_failure: errors:ratio}",
        "{probe: q, component: redis}",
        "{probe: q, component: 'a \"b\" \\ c', faster_than: 50ms}",
    };
    static const char *const keys[] = {
        "p bad=r{status=~\"5..\"} total=r",
        "p bad=r{status=~\"5..\"} total=r",
        "p good=r{status=~\"5..\"} total=r",
        "p good=d_seconds_bucket{le=\"1.5\",path!=\"/x\"} total=d_seconds_count{path!=\"/x\"}",
        "p threshold=depth < 10000",
        "p threshold=depth < 10000",
        "p raw=up:ratio{job=\"a\"}",
        "p raw_failure=errors:ratio",
        "q threshold=component_up{component=\"redis\"} == 1",
        "q threshold=component_latency_seconds{component=\"a \\\"b\\\" \\\\ c\"} <= 0.05",
    };
    struct config *c = load_slis(slis, countof(slis));
    for (size_t i = 0; i < countof(slis); i++) {
        mem_auto char *name = mem_printf("s%zu", i);
        const struct sli_def *sli = &find_slo(c, name)->sli;
        assert_string_equal(sli->key, keys[i]);
        assert_int_equal(sli->faster_than_us, 0);
        bool raw = i == 6 || i == 7;
        assert_int_equal(sli->metric->kind, i < 4 ? SLI_RATIO : raw ? SLI_RAW : SLI_THRESHOLD);
        assert_int_equal(!sli->metric->good, i != 2 && i != 3 && i != 6);
        assert_int_equal(!sli->metric->bad, i != 0 && i != 1 && i != 7);
        assert_int_equal(!sli->metric->condition, i < 4 || raw);
    }
    const struct probe_def *p = config_probe(c, "p"), *q = config_probe(c, "q");
    static const char *const wanted[] = {"d_seconds_bucket{le=\"1.5\",path!=\"/x\"}",
                                         "d_seconds_count{path!=\"/x\"}",
                                         "depth",
                                         "errors:ratio",
                                         "r",
                                         "r{status=~\"5..\"}",
                                         "up:ratio{job=\"a\"}"};
    assert_int_equal(p->wanted_count, countof(wanted));
    for (size_t i = 0; i < countof(wanted); i++)
        assert_string_equal(selector_text(p->wanted[i]), wanted[i]);
    assert_int_equal(q->wanted_count, 2);
    config_unref(c);
}

/* A reload with other wants is another probe: its runs look for other series. */
static void measures_of_answers(void **state)
{
    (void)state;
    static const struct {
        const char *text, *key;
        enum answer_measure measure;
        int64_t bound;
    } cases[] = {
        {"ttft_faster_than: 800ms", "chat ttft_faster_than=800000us", MEASURE_TTFT, 800000},
        {"gap_below: 1s", "chat gap_below=1000000us", MEASURE_GAP, 1000000},
        {"tokens_per_second_at_least: 30", "chat tokens_per_second_at_least=30", MEASURE_SPEED,
         30000},
        {"tokens_per_second_at_least: '0.050'", "chat tokens_per_second_at_least=0.05",
         MEASURE_SPEED, 50},
        {"cost_at_most: 0.002, classify: {rate_limited: excluded}",
         "chat cost_at_most=0.002 classify=rate_limited:excluded", MEASURE_COST, 2000000000},
        {"cost_at_most: 10000", "chat cost_at_most=10000", MEASURE_COST, 10000 * COST_ONE},
    };
    struct str text;
    str_init(&text, 4096);
    str_add(&text, "apiVersion: nines/v1\nkind: Probes\nprobes:\n"
                   "  - {id: chat, interval: 1m, timeout: 30s, agent: {address: x, stream: true}}\n"
                   "---\napiVersion: nines/v1\nkind: SLOs\nslos:\n");
    for (size_t i = 0; i < countof(cases); i++)
        str_addf(&text, "  - {name: s%zu, objective: 99%%, window: 30d, sli: {probe: chat, %s}}\n",
                 i, cases[i].text);
    const char *path = "m.yaml";
    put(path, text.buf);
    struct config *c = load(&(struct config_sources){.paths = &path, .path_count = 1});
    for (size_t i = 0; i < countof(cases); i++) {
        mem_auto char *name = mem_printf("s%zu", i);
        const struct sli_def *sli = &find_slo(c, name)->sli;
        assert_string_equal(sli->key, cases[i].key);
        assert_int_equal(sli->measure, cases[i].measure);
        assert_int_equal(sli->bound, cases[i].bound);
    }
    config_unref(c);
    str_release(&text);
}

static void wants_are_content(void **state)
{
    (void)state;
    static const char *const one[] = {"{probe: p, threshold: a < 1}"};
    static const char *const same[] = {"{probe: p, threshold: a < 2}", "{probe: p}"};
    static const char *const both[] = {"{probe: p, threshold: a < 1}",
                                       "{probe: p, threshold: b < 1}"};
    static const char *const turned[] = {"{probe: p, threshold: b < 1}",
                                         "{probe: p, threshold: a < 1}"};
    struct config *c[] = {load_slis(NULL, 0), load_slis(one, 1), load_slis(same, 2),
                          load_slis(both, 2), load_slis(turned, 2)};
    uint64_t content[countof(c)];
    for (size_t i = 0; i < countof(c); i++) {
        content[i] = config_probe(c[i], "p")->content;
        assert_true(config_probe(c[i], "q")->content == config_probe(c[0], "q")->content);
    }
    assert_true(content[0] != content[1]);
    assert_true(content[1] == content[2]);
    assert_true(content[1] != content[3]);
    assert_true(content[3] == content[4]);
    for (size_t i = 0; i < countof(c); i++)
        config_unref(c[i]);
}

static void secrets(void **state)
{
    (void)state;
    mkdir("conf", 0755);
    put("conf/token", "s3cret\r\n");
    put("conf/p.yaml", PROBES "  - id: a\n    http:\n      url: x\n      token: {file: token}\n"
                              "      ca: certs/ca.pem\n"
                              "      headers: {A: plain, B: {env: NINES_TEST_TOKEN}}\n");
    setenv("NINES_TEST_TOKEN", "from env", 1);
    const char *path = "conf/p.yaml";
    struct config *c = load(&(struct config_sources){.paths = &path, .path_count = 1});
    const struct fake_spec *s = c->probes[0]->spec;
    assert_string_equal(s->token.value, "s3cret");
    assert_string_equal(s->token.source, "file conf/token");
    assert_string_equal(s->ca, "conf/certs/ca.pem");
    assert_false(s->headers.at[0].secret);
    assert_string_equal(s->headers.at[0].value.value, "plain");
    assert_true(s->headers.at[1].secret);
    assert_string_equal(s->headers.at[1].value.value, "from env");
    assert_string_equal(s->headers.at[1].value.source, "env NINES_TEST_TOKEN");
    config_unref(c);

    FILE *f = fopen("conf/token", "we");
    for (int i = 0; i <= SECRET_MAX; i++)
        fputc('x', f);
    fclose(f);
    refused(&(struct config_sources){.paths = &path, .path_count = 1}, path, 7, "64 KiB");
    f = fopen("conf/token", "we");
    fwrite("a\0b", 1, 3, f);
    fclose(f);
    refused(&(struct config_sources){.paths = &path, .path_count = 1}, path, 7, "NUL");
    mkfifo("conf/fifo", 0600);
    put("conf/p.yaml", PROBES "  - id: a\n    http: {url: x, token: {file: fifo}}\n");
    refused(&(struct config_sources){.paths = &path, .path_count = 1}, path, 5, "regular file");
}

/* Folders start at nines.yaml's own, wherever it is read from. */
static void elsewhere(void **state)
{
    (void)state;
    mkdir("conf", 0755);
    mkdir("conf/probes", 0755);
    mkdir("conf/more", 0755);
    put("conf/probes/p.yaml", PROBES "  - {id: a, http: {url: x}}\n");
    put("conf/more/s.yaml", SLOS "  - {name: s, sli: {probe: a}, objective: 99%, window: 30d}\n");
    put("conf/n.yaml", DAEMON "slos: more\nreceivers:\n  - {name: r, log: {path: out.log}}\n"
                              "  - {name: b, webhook: {url: x}}\n");
    struct config *c = load(&(struct config_sources){.config_file = "conf/n.yaml"});
    assert_int_equal(c->file_count, 3);
    assert_int_equal(c->probe_count, 1);
    assert_int_equal(c->slo_count, 1);
    assert_string_equal(c->daemon.database, "conf/nines.db");
    assert_string_equal(c->daemon.slo_dirs.at[0], "conf/more");
    assert_int_equal(c->receiver_count, 2); /* in file order */
    assert_string_equal(c->receivers[0]->name, "r");
    assert_int_equal(c->receivers[0]->n, 1);
    assert_string_equal(c->receivers[0]->at[0].name, "log");
    assert_string_equal(fake_log_path(c->receivers[0]->at[0].spec), "conf/out.log");
    config_unref(c);

    /* As a path it brings its folders along; a file found twice is read once. */
    const char *paths[] = {"conf/n.yaml", "conf/more/s.yaml", "conf/probes"};
    c = load(&(struct config_sources){.paths = paths, .path_count = 3});
    assert_int_equal(c->file_count, 3);
    config_unref(c);

    put("conf/n.yaml", DAEMON "probes: [probes, more]\nslos: probes/p.yaml\ndatabase: /var/n.db\n");
    c = load(&(struct config_sources){.config_file = "conf/n.yaml"});
    assert_int_equal(c->file_count, 3);
    assert_int_equal(c->slo_count, 1);
    assert_string_equal(c->daemon.database, "/var/n.db");
    config_unref(c);
}

static void missing(void **state)
{
    (void)state;
    const char *path = "nowhere/x.yaml";
    refused(&(struct config_sources){.config_file = "none.yaml"}, "none.yaml", 0, "no file");
    refused(&(struct config_sources){.paths = &path, .path_count = 1}, path, 0, "no file");
    mkdir("probes", 0755);
    refused(&(struct config_sources){.config_file = "probes"}, "probes", 0, "is a folder");
    put("nines.yaml", DAEMON "probes: [gone]\n");
    refused(&(struct config_sources){0}, "nines.yaml", 3, "'gone'");
    put("nines.yaml", DAEMON);
    put("probes/d.yaml", DAEMON);
    refused(&(struct config_sources){0}, "probes/d.yaml", 1, "does not belong here");
    put("probes/d.yaml", PROBES "  - {id: a, http: {url: x}}\n");
    put("probes/e.yaml", PROBES "  - {id: a, http: {url: x}}\n");
    refused(&(struct config_sources){0}, "probes/e.yaml", 4, "probes/d.yaml:4:10");
    /* A probe that seems to be missing may be in the file that is not readable. */
    put("probes/d.yaml", "]");
    put("probes/e.yaml", SLOS "  - {name: s, sli: {probe: a}, objective: 99%, window: 30d}\n");
    refused(&(struct config_sources){0}, "probes/d.yaml", 1, "YAML");
}

/* The same rule for the key and for the option. */
static void listen_addresses(void **state)
{
    (void)state;
    static const char *const fine[] = {"",           "off",           "127.0.0.1:0", "127.9.9.9:80",
                                       "[::1]:9464", "localhost:9464"};
    static const char *const malformed[] = {"127.0.0.1", "127.0.0.1:65536", "127.0.0.1:-1", ":80",
                                            "host:80",   "::1:80",          "[::1]",        "[::1",
                                            "localhost", "localhost:x",     "127.0.0.1:80x"};
    static const char *const remote[] = {"0.0.0.0:80", "[::]:80", "192.0.2.1:80"};
    struct err err;
    for (size_t i = 0; i < countof(fine); i++)
        assert_int_equal(config_check_listen(fine[i], false, &err), 0);
    for (size_t i = 0; i < countof(malformed); i++) {
        assert_int_equal(config_check_listen(malformed[i], true, &err), -1);
        assert_non_null(strstr(err.msg, "expected an address"));
    }
    for (size_t i = 0; i < countof(remote); i++) {
        assert_int_equal(config_check_listen(remote[i], true, &err), 0);
        assert_int_equal(config_check_listen(remote[i], false, &err), -1);
        assert_non_null(strstr(err.msg, "allow_remote"));
    }
}

/* More mistakes than are kept are counted. */
static void many_errors(void **state)
{
    (void)state;
    struct diag diag = {0};
    struct config *config = NULL;
    const char *path = "m.yaml";
    FILE *f = fopen(path, "we");
    fputs(PROBES, f);
    for (int i = 0; i < 300; i++)
        fprintf(f, "  - {id: p%d, interval: %d, http: {url: x}}\n", i, i);
    fclose(f);
    struct config_sources src = {.paths = &path, .path_count = 1};
    assert_int_equal(config_load(&src, &fake_tables, &config, &diag), -1);
    assert_int_equal(diag.errors, 300);
    assert_int_equal(diag.n, DIAG_MAX);
    assert_int_equal(diag.items[0].pos.line, 4);
    diag_release(&diag);
}

#define IN_FOLDER(f) cmocka_unit_test_setup_teardown(f, enter, leave)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(nothing),
        IN_FOLDER(default_folders),
        IN_FOLDER(tiers_are_part_of_a_revision),
        IN_FOLDER(schedule),
        IN_FOLDER(service_hours),
        IN_FOLDER(dependencies),
        IN_FOLDER(contents),
        IN_FOLDER(metric_slis),
        IN_FOLDER(measures_of_answers),
        IN_FOLDER(wants_are_content),
        IN_FOLDER(slo_contents),
        IN_FOLDER(secrets),
        IN_FOLDER(elsewhere),
        IN_FOLDER(missing),
        IN_FOLDER(many_errors),
        cmocka_unit_test(listen_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
