#include "cli/demo.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "demo/fetch.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define STOP_PATIENCE_US (10 * USEC_PER_SEC)
#define METRICS_MAX (4 << 20)
#define QUOTE_INDENT 14

/* ---- telling ---------------------------------------------------------------------- */

static const char *const tones[] = {"", "\033[1m", "\033[36m", "\033[2m", "\033[32m", "\033[1;31m"};

static void erase(struct stage *s)
{
    if (s->drawn)
        fputs("\r\033[K", stdout);
    s->drawn = false;
}

void stage_say(struct stage *s, enum tone tone, const char *fmt, ...)
{
    va_list ap;
    bool color = s->color && tone != TONE_PLAIN;
    erase(s);
    if (color)
        fputs(tones[tone], stdout);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    puts(color ? "\033[0m" : "");
    fflush(stdout);
}

void stage_show(struct stage *s, const char *fmt, ...)
{
    va_list ap;
    if (!s->live)
        return;
    erase(s);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    fflush(stdout);
    s->drawn = true;
}

double stage_seconds(const struct stage *s)
{
    return (double)(clock_mono_ns() - s->act_ns) / 1e9;
}

/* ---- what the children say ---------------------------------------------------------- */

/* The message of the webhook, in lines that fit. */
static void quote(struct stage *s, const char *text)
{
    size_t width = (size_t)cli_width(stdout) - QUOTE_INDENT - 1;
    while (*text) {
        size_t n = strlen(text);
        if (n > width)
            for (n = width; n > width / 2 && text[n] != ' ';)
                n--;
        stage_say(s, TONE_QUIET, "%*s%.*s", QUOTE_INDENT, "", (int)n, text);
        text += n + (text[n] == ' ');
    }
}

static void on_delivery(struct stage *s, const char *text)
{
    if (s->delivered++ == 0)
        stage_say(s, TONE_PLAIN, "   %+6.1f s   delivered to the webhook:", stage_seconds(s));
    quote(s, text);
}

static void on_platform_line(struct stage *s, const char *line)
{
    static const char received[] = "alert received: ", page[] = "critical firing: ";
    static const char says[] = "alert says: ";
    if (!s->platform_url[0])
        str_copy(s->platform_url, sizeof(s->platform_url), line);
    else if (str_starts(line, "incident over"))
        s->incident_over = true;
    else if (str_starts(line, received)) {
        s->quoting = str_starts(line + sizeof(received) - 1, page);
        if (s->quoting)
            on_delivery(s, line + sizeof(received) + sizeof(page) - 2);
    } else if (str_starts(line, says) && s->quoting) {
        quote(s, line + sizeof(says) - 1);
    }
}

static void on_alert(struct stage *s, json_t *line)
{
    const char *slo = json_string_value(json_object_get(line, "slo"));
    const char *event = json_string_value(json_object_get(line, "event"));
    const char *severity = json_string_value(json_object_get(line, "severity"));
    bool page = str_eq(event, "fire") && str_eq(severity, "page");
    stage_say(s, page ? TONE_BAD : TONE_PLAIN, "   %+6.1f s   %s %s%s", stage_seconds(s),
              page       ? "PAGE"
              : severity ? severity
                         : "alert",
              slo ? slo : "?", str_eq(event, "resolve") ? " is resolved" : "");
}

/* JSON lines; a line of another kind is an error message. */
static void on_daemon_line(struct stage *s, const char *text)
{
    json_error_t why;
    json_t *line = json_loads(text, 0, &why);
    const char *msg = json_string_value(json_object_get(line, "msg"));
    const char *level = json_string_value(json_object_get(line, "level"));
    if (!json_is_object(line) || str_eq(level, "error"))
        stage_say(s, TONE_BAD, "   nines run: %s", text);
    else if (str_eq(msg, "serving"))
        str_copy(s->daemon_address, sizeof(s->daemon_address),
                 json_string_value(json_object_get(line, "address")));
    else if (str_eq(msg, "alert"))
        on_alert(s, line);
    json_decref(line);
}

/* ---- waiting --------------------------------------------------------------------------- */

static int drain(struct stage *s, struct err *reterr)
{
    char line[CHILD_LINE_MAX];
    struct signalfd_siginfo info;
    while (child_line(&s->platform, line))
        on_platform_line(s, line);
    while (child_line(&s->daemon, line))
        on_daemon_line(s, line);
    while (read(s->signal_fd, &info, sizeof(info)) == sizeof(info))
        if (info.ssi_signo != SIGCHLD)
            return err_set(reterr, "stopped");
    if (s->platform.pid && !child_running(&s->platform))
        return err_set(reterr, "the sample platform ended with status %d", s->platform.status);
    if (s->daemon.pid && !child_running(&s->daemon) && !s->daemon_may_end)
        return err_set(reterr, "nines run ended with status %d", s->daemon.status);
    return 0;
}

int stage_pump(struct stage *s, int64_t wait_us, struct err *reterr)
{
    struct pollfd p[] = {
        {.fd = s->signal_fd, .events = POLLIN},
        {.fd = s->platform.fd, .events = POLLIN},
        {.fd = s->daemon.fd, .events = POLLIN},
    };
    poll(p, countof(p), (int)((wait_us + 999) / 1000));
    return drain(s, reterr);
}

int stage_wait(struct stage *s, int64_t us, const bool *flag, const char *what, struct err *reterr)
{
    int64_t deadline = clock_mono_ns() + us * NSEC_PER_USEC;
    while (!flag || !*flag) {
        int64_t left = (deadline - clock_mono_ns()) / NSEC_PER_USEC;
        if (left <= 0)
            return flag ? err_set(reterr, "%s did not happen in time", what) : 0;
        if (stage_pump(s, left, reterr) < 0)
            return -1;
    }
    return 0;
}

int stage_command(struct stage *s, const char *const argv[], struct err *reterr)
{
    struct str text;
    str_init(&text, 1024);
    for (size_t i = 0; argv[i]; i++)
        str_addf(&text, " %s", argv[i]);
    stage_say(s, TONE_COMMAND, "   $ nines%s", text.buf);
    str_release(&text);
    int rc = child_start(&s->tool, argv, s->dir, -1, CHILD_SHARES, reterr);
    while (rc == 0 && child_running(&s->tool))
        rc = stage_pump(s, 100 * USEC_PER_MSEC, reterr);
    child_stop(&s->tool, STOP_PATIENCE_US);
    child_release(&s->tool);
    return rc;
}

/* nines_probe_results_total{...,outcome="good"} 12 */
int stage_count(struct stage *s, struct err *reterr)
{
    static const char family[] = "nines_probe_results_total{";
    struct str text;
    str_init(&text, METRICS_MAX);
    int rc = fetch(s->daemon_address, "/metrics", NULL, &text, reterr);
    s->good = s->bad = 0;
    for (char *line = text.buf; rc == 0 && line; line = strchr(line, '\n')) {
        line += *line == '\n';
        const char *end = strchr(line, '}');
        if (!str_starts(line, family) || !end)
            continue;
        int64_t n = strtoll(end + 1, NULL, 10);
        const char *good = strstr(line, "outcome=\"good\""), *bad = strstr(line, "outcome=\"bad\"");
        if (good && good < end)
            s->good += n;
        else if (bad && bad < end)
            s->bad += n;
    }
    str_release(&text);
    return rc;
}

/* ---- opening and closing ------------------------------------------------------------------ */

int stage_open(struct stage *s, struct err *reterr)
{
    sigset_t mine;
    s->platform.fd = s->daemon.fd = s->tool.fd = -1;
    s->started_ns = s->act_ns = clock_mono_ns();
    s->live = isatty(STDOUT_FILENO);
    sigemptyset(&mine);
    sigaddset(&mine, SIGINT);
    sigaddset(&mine, SIGTERM);
    sigaddset(&mine, SIGHUP);
    sigaddset(&mine, SIGCHLD);
    sigprocmask(SIG_BLOCK, &mine, &s->old_signals);
    s->signal_fd = signalfd(-1, &mine, SFD_CLOEXEC | SFD_NONBLOCK);
    return s->signal_fd < 0 ? err_errno(reterr, errno, "signalfd") : 0;
}

void stage_close(struct stage *s)
{
    erase(s);
    child_stop(&s->tool, STOP_PATIENCE_US);
    child_stop(&s->daemon, STOP_PATIENCE_US);
    child_stop(&s->platform, STOP_PATIENCE_US);
    child_release(&s->tool);
    child_release(&s->daemon);
    child_release(&s->platform);
    if (s->signal_fd >= 0)
        close(s->signal_fd);
    sigprocmask(SIG_SETMASK, &s->old_signals, NULL);
}
