#include "cli/demo.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/units.h"
#include "demo/answers.h"
#include "demo/fetch.h"
#include "demo/files.h"
#include "demo/history.h"
#include "nines/store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <unistd.h>

#define START_PATIENCE_US (20 * USEC_PER_SEC)
#define CALM_US (10 * USEC_PER_SEC)
#define SLOW_US (30 * USEC_PER_SEC) /* until here: a slow machine gets a shorter show */
#define SLOW_CALM_US (4 * USEC_PER_SEC)
#define AFTERMATH_US (5 * USEC_PER_SEC)
#define INCIDENT_PATIENCE_US (40 * USEC_PER_SEC)
#define LOOK_US (500 * USEC_PER_MSEC)
#define PIPE_BYTES (1 << 20)
#define BLOCK_BYTES (64 << 10)
#define LINE_BYTES 512

static void title(struct stage *s, int number, const char *text)
{
    stage_say(s, TONE_PLAIN, "%s", "");
    stage_say(s, TONE_TITLE, "%d  %s", number, text);
}

/* ---- 1: configuration ------------------------------------------------------------- */

static int start_platform(struct stage *s, const struct demo_options *o, struct err *reterr)
{
    char seed[24];
    snprintf(seed, sizeof(seed), "%" PRIu64, o->seed);
    const char *const argv[] = {"demo", "serve", "--listen", "127.0.0.1:0", "--seed", seed, NULL};
    if (child_start(&s->platform, argv, NULL, -1, CHILD_GIVES_STDOUT, reterr) < 0)
        return -1;
    int64_t deadline = clock_mono_ns() + START_PATIENCE_US * NSEC_PER_USEC;
    while (!s->platform_url[0]) {
        if (clock_mono_ns() > deadline)
            return err_set(reterr, "the sample platform does not start");
        if (stage_pump(s, 100 * USEC_PER_MSEC, reterr) < 0)
            return -1;
    }
    return 0;
}

static int check_unused(const char *dir, struct err *reterr)
{
    mem_auto char *db = mem_printf("%s/nines.db", dir);
    long holder = access(db, F_OK) == 0 ? store_lock_holder(db) : 0;
    if (holder)
        return err_set(reterr, "%s is in use by process %ld; stop that first", db, holder);
    return 0;
}

static int act_configuration(struct stage *s, const struct demo_options *o, struct err *reterr)
{
    /* The platform first: an empty directory that is left behind has no mark. */
    if (check_unused(o->dir, reterr) < 0 || start_platform(s, o, reterr) < 0 ||
        files_prepare(o->dir, reterr) < 0 || files_write(o->dir, s->platform_url, reterr) < 0)
        return -1;
    title(s, 1, "What to watch, and how good it has to be");
    for (const struct demo_file *f = demo_files; f->path; f++)
        stage_say(s, TONE_PLAIN, "   %s/%-22s %s", o->dir, f->path, f->summary);
    const char *const check[] = {"check", NULL};
    if (stage_command(s, check, reterr) < 0)
        return -1;
    return s->tool.status ? err_set(reterr, "the configuration is not valid") : 0;
}

/* ---- 2: history --------------------------------------------------------------------- */

/* Waits for room in the pipe; ^C and the importer's end interrupt. */
static int await_room(struct stage *s, int fd, struct err *reterr)
{
    struct pollfd p[] = {{.fd = fd, .events = POLLOUT}, {.fd = s->signal_fd, .events = POLLIN}};
    poll(p, countof(p), 100);
    if (stage_pump(s, 0, reterr) < 0)
        return -1;
    return child_running(&s->tool) ? 0 : err_set(reterr, "the import ended early");
}

static int feed(struct stage *s, int fd, const struct str *block, struct err *reterr)
{
    for (size_t done = 0; done < block->len;) {
        ssize_t n = write(fd, block->buf + done, block->len - done);
        if (n >= 0)
            done += (size_t)n;
        else if (errno != EAGAIN && errno != EINTR)
            return err_errno(reterr, errno, "cannot write to the import");
        else if (await_room(s, fd, reterr) < 0)
            return -1;
    }
    return 0;
}

/* Where the lines come from. */
struct source {
    void *ctx;
    int (*line)(void *ctx, struct str *out);
    int64_t total;
};

static int next_result(void *ctx, struct str *out)
{
    return history_line(ctx, out);
}

static int next_answer(void *ctx, struct str *out)
{
    return answers_line(ctx, out);
}

static int feed_history(struct stage *s, int fd, const struct source *from, struct err *reterr)
{
    struct progress bar;
    struct str block;
    int64_t lines = 0;
    int rc = 0, more = 1;
    str_init(&block, BLOCK_BYTES + LINE_BYTES);
    progress_start(&bar, "   importing", from->total, s->color);
    while (more && rc == 0) {
        str_clear(&block);
        while (block.len < BLOCK_BYTES && (more = from->line(from->ctx, &block)))
            lines++;
        rc = feed(s, fd, &block, reterr);
        progress_update(&bar, lines, "results");
    }
    progress_end(&bar);
    str_release(&block);
    return rc;
}

static int await_import(struct stage *s, struct err *reterr)
{
    char line[CHILD_LINE_MAX];
    while (child_running(&s->tool))
        if (stage_pump(s, 100 * USEC_PER_MSEC, reterr) < 0)
            return -1;
    while (child_line(&s->tool, line))
        stage_say(s, TONE_PLAIN, "   %s", line);
    return s->tool.status ? err_set(reterr, "the import failed") : 0;
}

static int import(struct stage *s, const char *const command[], const struct source *from,
                  struct err *reterr)
{
    struct err why;
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) < 0)
        return err_errno(reterr, errno, "cannot make a pipe");
    fcntl(fds[1], F_SETPIPE_SZ, PIPE_BYTES);
    fcntl(fds[1], F_SETFL, O_NONBLOCK);
    if (child_start(&s->tool, command, s->dir, fds[0], CHILD_GIVES_BOTH, reterr) < 0) {
        close(fds[1]);
        return -1;
    }
    int rc = feed_history(s, fds[1], from, reterr);
    close(fds[1]);
    /* When the importer gave up, its own words say why. */
    if (rc == 0 || !child_running(&s->tool))
        rc = await_import(s, rc < 0 ? &why : reterr) < 0 || rc < 0 ? -1 : 0;
    child_stop(&s->tool, USEC_PER_SEC);
    child_release(&s->tool);
    return rc;
}

static int act_history(struct stage *s, const struct demo_options *o, struct err *reterr)
{
    static const char *const probes[] = {"import", "--create", "interval=15s", "-", NULL};
    static const char *const agents[] = {"import", "--create", "interval=5m", "-", NULL};
    struct history h;
    struct answers a;
    int64_t began = clock_mono_ns(), now = clock_wall_us();
    history_init(&h, now, o->days, o->seed);
    answers_init(&a, now, o->days, o->seed);
    title(s, 2, "A past");
    stage_say(s, TONE_PLAIN,
              "   %d days of six probes, one result every 15 s, made up: %" PRId64 " results.",
              o->days, h.total);
    stage_say(s, TONE_COMMAND, "   $ nines demo history | nines import --create interval=15s -");
    if (import(s, probes, &(struct source){&h, next_result, h.total}, reterr) < 0)
        return -1;
    stage_say(s, TONE_PLAIN, "   And of five agents, asked every 5 minutes: %" PRId64 " answers.",
              a.total);
    stage_say(s, TONE_COMMAND,
              "   $ nines demo history --agents | nines import --create interval=5m -");
    if (import(s, agents, &(struct source){&a, next_answer, a.total}, reterr) < 0)
        return -1;
    stage_say(s, TONE_QUIET, "   in %.1f s", (double)(clock_mono_ns() - began) / 1e9);
    return 0;
}

/* ---- 3: live --------------------------------------------------------------------------- */

static int show_counts(struct stage *s, struct err *reterr)
{
    if (stage_count(s, reterr) < 0)
        return -1;
    stage_show(s, "   %+6.1f s   %" PRId64 " results: %" PRId64 " good, %" PRId64 " bad",
               stage_seconds(s), s->good + s->bad, s->good, s->bad);
    return 0;
}

static int watch(struct stage *s, int64_t us, struct err *reterr)
{
    int64_t deadline = clock_mono_ns() + us * NSEC_PER_USEC;
    while (clock_mono_ns() < deadline)
        if (show_counts(s, reterr) < 0 || stage_wait(s, LOOK_US, NULL, NULL, reterr) < 0)
            return -1;
    return 0;
}

static int act_live(struct stage *s, struct err *reterr)
{
    static const char *const daemon[] = {"run", "--listen", "127.0.0.1:0", NULL};
    title(s, 3, "Now, every second");
    stage_say(s, TONE_COMMAND, "   $ nines run");
    if (child_start(&s->daemon, daemon, s->dir, -1, CHILD_GIVES_STDERR, reterr) < 0)
        return -1;
    int64_t deadline = clock_mono_ns() + START_PATIENCE_US * NSEC_PER_USEC;
    while (!s->daemon_address[0]) {
        if (clock_mono_ns() > deadline)
            return err_set(reterr, "nines run does not start");
        if (stage_pump(s, 100 * USEC_PER_MSEC, reterr) < 0)
            return -1;
    }
    s->act_ns = clock_mono_ns();
    stage_say(s, TONE_PLAIN, "   Probing six endpoints of %s every second, its agents seldom.",
              s->platform_url);
    stage_say(s, TONE_PLAIN, "   Own metrics: http://%s/metrics", s->daemon_address);
    bool slow = (s->act_ns - s->started_ns) / NSEC_PER_USEC > SLOW_US;
    if (watch(s, slow ? SLOW_CALM_US : CALM_US, reterr) < 0)
        return -1;
    stage_say(s, TONE_GOOD, "   %+6.1f s   %" PRId64 " results: %" PRId64 " good, %" PRId64 " bad",
              stage_seconds(s), s->good + s->bad, s->good, s->bad);
    return 0;
}

/* ---- 4: the incident --------------------------------------------------------------------- */

static int begin_incident(struct stage *s, struct err *reterr)
{
    const char *address = s->platform_url + strlen("http://");
    if (fetch(address, "/incidents", "now+18s /v1/agents status=503", NULL, reterr) < 0 ||
        fetch(address, "/incidents", "now+18s /ready not-ready=redis", NULL, reterr) < 0)
        return -1;
    s->act_ns = clock_mono_ns();
    return 0;
}

/* Until it is over and a page was delivered. */
static int watch_incident(struct stage *s, struct err *reterr)
{
    int64_t before = s->bad;
    bool told = false;
    while (!s->incident_over || s->delivered == 0) {
        if (stage_seconds(s) * 1e6 > (double)INCIDENT_PATIENCE_US)
            return err_set(reterr, "no page was delivered");
        if (show_counts(s, reterr) < 0 || stage_wait(s, LOOK_US, NULL, NULL, reterr) < 0)
            return -1;
        if (!told && s->bad > before) {
            told = true;
            stage_say(s, TONE_PLAIN, "   %+6.1f s   probes begin to fail", stage_seconds(s));
        }
    }
    stage_say(s, TONE_PLAIN, "   %+6.1f s   redis is back", stage_seconds(s));
    return 0;
}

static int act_incident(struct stage *s, struct err *reterr)
{
    title(s, 4, "An incident");
    stage_say(s, TONE_PLAIN, "   The platform loses its redis for 18 seconds: agents answer 503.");
    if (begin_incident(s, reterr) < 0 || watch_incident(s, reterr) < 0 ||
        watch(s, AFTERMATH_US, reterr) < 0)
        return -1;
    stage_say(s, TONE_GOOD, "   %+6.1f s   %" PRId64 " results: %" PRId64 " good, %" PRId64 " bad",
              stage_seconds(s), s->good + s->bad, s->good, s->bad);
    return 0;
}

/* ---- 5: the report -------------------------------------------------------------------------- */

static int stop_daemon(struct stage *s, struct err *reterr)
{
    s->daemon_may_end = true;
    kill(s->daemon.pid, SIGTERM);
    int64_t deadline = clock_mono_ns() + START_PATIENCE_US * NSEC_PER_USEC;
    while (s->daemon.pid && clock_mono_ns() < deadline)
        if (stage_pump(s, 100 * USEC_PER_MSEC, reterr) < 0)
            return -1;
    if (s->daemon.pid || s->daemon.status)
        return err_set(reterr, "nines run did not stop cleanly");
    return 0;
}

static int act_report(struct stage *s, struct err *reterr)
{
    static const char *const status[] = {"status", NULL};
    static const char *const text[] = {"report", "--slo", "agent-availability", NULL};
    static const char *const html[] = {"report", "--format", "html", "--out", "report.html", NULL};
    title(s, 5, "What it cost");
    if (stage_command(s, status, reterr) < 0 || stop_daemon(s, reterr) < 0 ||
        stage_command(s, text, reterr) < 0)
        return -1;
    if (s->tool.status)
        return err_set(reterr, "the report failed");
    if (stage_command(s, html, reterr) < 0)
        return -1;
    return s->tool.status ? err_set(reterr, "the report failed") : 0;
}

static void farewell(struct stage *s)
{
    stage_say(s, TONE_PLAIN, "%s", "");
    stage_say(s, TONE_TITLE, "Done in %.0f s. All of it is in %s:",
              (double)(clock_mono_ns() - s->started_ns) / 1e9, s->dir);
    stage_say(s, TONE_PLAIN,
              "   %s/report.html      the report of all objectives: open it in a "
              "browser",
              s->dir);
    stage_say(s, TONE_PLAIN, "   %s/alerts.ndjson    the alerts, as the log receiver got them",
              s->dir);
    stage_say(s, TONE_PLAIN,
              "   %s/nines.db         the results, in SQLite: `nines export results`", s->dir);
}

static int tell(struct stage *s, const struct demo_options *o, struct err *reterr)
{
    stage_say(s, TONE_TITLE, "nines demo: an AI-agent platform, its last %d days, and a bad minute",
              o->days);
    if (act_configuration(s, o, reterr) < 0 || act_history(s, o, reterr) < 0 ||
        act_live(s, reterr) < 0 || act_incident(s, reterr) < 0 || act_report(s, reterr) < 0)
        return -1;
    farewell(s);
    return 0;
}

int demo_story(const struct command *self, const struct cli_common *common,
               const struct demo_options *o)
{
    struct stage s = {
        .common = common, .dir = o->dir, .color = cli_color(common, stdout), .signal_fd = -1};
    struct err err;
    int rc = stage_open(&s, &err);
    if (rc == 0)
        rc = tell(&s, o, &err);
    stage_close(&s);
    return rc < 0 ? cli_fail(self, "%s", err.msg) : EXIT_GOOD;
}
