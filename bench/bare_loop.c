/*
 * The least that a prober on libcurl and libuv can cost: open-loop requests at
 * fixed instants, and nothing else: no assertion, no record, no evaluation.
 * What nines costs and measures is compared with this.
 *
 *   bare_loop --rate N --seconds N [--warm-up N] [--kept] [--ca FILE] [--loops N]
 *             [--streams FILE] --targets FILE
 *
 * FILE has a URL a line. Each URL is asked every (URLs / rate) seconds, at a
 * phase of its own, as nines does it. Requests of the warm-up are not counted.
 * With --streams it asks with a POST for streams of chat completions and writes a line
 * for each into FILE: {"id":"7","n":0,"started":..,"first_token":..,"gap":..,"end":..}.
 * Prints one JSON object. With several loops, each is a thread with its share of
 * the URLs. Exit status 0, or 1 with a message.
 */
#include "reading.h"

#include <curl/curl.h>
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <uv.h>

#define MAX_URLS 100000
#define MAX_LOOPS 16
#define MAX_SAMPLES 20000000
#define MAX_IN_FLIGHT 4000 /* of one loop: beyond, a slot is skipped */
#define MAX_FDS 65536
#define LEAD_NS 200000000 /* from now to the first slot */

struct options {
    double rate, seconds, warm_up;
    bool kept;
    const char *ca;
    FILE *streams;
    struct curl_slist *headers;
    char **urls;
    size_t url_count, loops;
};

enum phase { CONNECT, TLS, SEND, WAIT, TRANSFER, TOTAL, LAG, PHASES };
static const char *const phase_names[PHASES] = {"connect",  "tls",   "send", "wait",
                                                "transfer", "total", "lag"};

struct slot {
    int64_t phase_ns;
    CURLU *url;     /* parsed once */
    const char *id; /* what is behind its last slash */
    unsigned asked; /* times */
};

struct loop {
    const struct options *o;
    uv_loop_t uv;
    uv_timer_t timer; /* curl's */
    uv_poll_t due;    /* the timerfd of the next slot */
    int due_fd;
    CURLM *multi;
    struct watch **watches; /* by descriptor: made once, it costs more than to start one */

    struct slot *slots; /* by phase */
    size_t slot_count, next;
    int64_t interval_ns, round_ns; /* start of the current round */
    int64_t counted_from_ns, end_ns;

    struct probe *idle; /* used last first: its memory is warm */
    size_t in_flight;
    int64_t started, bad, skipped;
    uint32_t *samples[PHASES];
    size_t sample_count, sample_max;
    struct rusage before, after;
    bool counting, ended;
};

struct probe {
    CURL *easy;
    struct probe *next;
    int64_t due_ns, start_ns;

    const struct slot *slot;
    unsigned n;      /* stream of its slot */
    int64_t started; /* us since the epoch */
    struct reading reading;
};

struct watch {
    uv_poll_t poll;
    struct loop *loop;
    curl_socket_t fd;
};

static void die(const char *what)
{
    fprintf(stderr, "bare_loop: %s\n", what);
    exit(1);
}

static void *alloc(size_t n, size_t size)
{
    void *p = calloc(n ? n : 1, size);

    if (!p)
        die("out of memory");
    return p;
}

static const char question[] =
    "{\"model\":\"m\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"Hi.\"}]}";

/* ---- one request ---------------------------------------------------------------- */

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
    struct probe *p = arg;

    if (p)
        reading_take(&p->reading, data, size * n);
    return size * n;
}

static struct probe *probe_new(const struct options *o)
{
    struct probe *p = alloc(1, sizeof(*p));
    CURL *e = p->easy = curl_easy_init();

    if (!e)
        die("no curl handle");
    curl_easy_setopt(e, CURLOPT_PRIVATE, p);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_PROXY, "");
    curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, o->kept ? 0L : 1L);
    curl_easy_setopt(e, CURLOPT_FORBID_REUSE, o->kept ? 0L : 1L);
    curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, o->streams ? 60000L : 10000L);
    if (o->streams) {
        curl_easy_setopt(e, CURLOPT_WRITEDATA, p);
        curl_easy_setopt(e, CURLOPT_POSTFIELDS, question);
        curl_easy_setopt(e, CURLOPT_HTTPHEADER, o->headers);
    } else {
        curl_easy_setopt(e, CURLOPT_WRITEDATA, NULL);
    }
    if (o->ca) {
        curl_easy_setopt(e, CURLOPT_CAINFO, o->ca);
        curl_easy_setopt(e, CURLOPT_CAPATH, NULL); /* with one, the CA cache is off */
        curl_easy_setopt(e, CURLOPT_SSL_SESSIONID_CACHE, o->kept ? 1L : 0L);
    }
    return p;
}

static int64_t info(CURL *e, CURLINFO what)
{
    curl_off_t us = 0;

    curl_easy_getinfo(e, what, &us);
    return us;
}

static void sample(struct loop *l, enum phase phase, int64_t us)
{
    l->samples[phase][l->sample_count] = us < 0 ? 0 : us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

static void say_stream(FILE *f, const struct probe *p)
{
    const struct reading *r = &p->reading;

    fprintf(f,
            "{\"id\":\"%s\",\"n\":%u,\"started\":%" PRId64 ",\"first_token\":%" PRId64
            ",\"gap\":%" PRId64 ",\"end\":%" PRId64 ",\"whole\":%s}\n",
            p->slot->id, p->n, p->started, r->first, r->gap, r->last, r->ended ? "true" : "false");
}

static void finish(struct loop *l, struct probe *p, CURLcode code)
{
    CURL *e = p->easy;
    long status = 0;

    curl_easy_getinfo(e, CURLINFO_RESPONSE_CODE, &status);
    if (p->due_ns >= l->counted_from_ns && l->sample_count < l->sample_max) {
        int64_t name = info(e, CURLINFO_NAMELOOKUP_TIME_T);
        int64_t connect = info(e, CURLINFO_CONNECT_TIME_T);
        int64_t app = info(e, CURLINFO_APPCONNECT_TIME_T);
        int64_t ready = info(e, CURLINFO_PRETRANSFER_TIME_T);
        int64_t first = info(e, CURLINFO_STARTTRANSFER_TIME_T);
        int64_t total = info(e, CURLINFO_TOTAL_TIME_T);
        int64_t secured = app ? app : connect ? connect : name;

        sample(l, CONNECT, connect ? connect - name : 0);
        sample(l, TLS, app ? app - connect : 0);
        sample(l, SEND, ready - secured);
        sample(l, WAIT, first - ready);
        sample(l, TRANSFER, total - first);
        sample(l, TOTAL, total);
        sample(l, LAG, (p->start_ns - p->due_ns) / 1000);
        l->sample_count++;
        l->bad += code != CURLE_OK || status != 200;
        if (l->o->streams)
            say_stream(l->o->streams, p);
    }
    curl_multi_remove_handle(l->multi, e);
    p->next = l->idle;
    l->idle = p;
    l->in_flight--;
}

/* ---- curl on the loop ------------------------------------------------------------- */

static void act(struct loop *l, curl_socket_t fd, int flags)
{
    int running, left;
    CURLMsg *msg;

    curl_multi_socket_action(l->multi, fd, flags, &running);
    while ((msg = curl_multi_info_read(l->multi, &left))) {
        struct probe *p = NULL;
        CURLcode code = msg->data.result;

        curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &p);
        finish(l, p, code);
    }
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct watch *w = (struct watch *)poll;
    int flags = (events & UV_READABLE ? CURL_CSELECT_IN : 0) |
                (events & UV_WRITABLE ? CURL_CSELECT_OUT : 0);

    act(w->loop, w->fd, status < 0 ? CURL_CSELECT_ERR : flags);
}

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket)
{
    struct loop *l = arg;

    if (fd >= MAX_FDS)
        die("too many descriptors");
    struct watch *w = l->watches[fd];

    (void)easy, (void)socket;
    if (what == CURL_POLL_REMOVE) {
        uv_poll_stop(&w->poll);
        return 0;
    }
    if (!w) {
        w = l->watches[fd] = alloc(1, sizeof(*w));
        w->loop = l;
        w->fd = fd;
        if (uv_poll_init_socket(&l->uv, &w->poll, fd) < 0)
            die("uv_poll_init");
    }
    uv_poll_start(&w->poll,
                  (what & CURL_POLL_IN ? UV_READABLE : 0) |
                      (what & CURL_POLL_OUT ? UV_WRITABLE : 0),
                  on_ready);
    return 0;
}

static void on_timer(uv_timer_t *t)
{
    act(t->data, CURL_SOCKET_TIMEOUT, 0);
}

static int on_curl_timer(CURLM *multi, long ms, void *arg)
{
    struct loop *l = arg;

    (void)multi;
    if (ms < 0)
        uv_timer_stop(&l->timer);
    else
        uv_timer_start(&l->timer, on_timer, (uint64_t)ms, 0);
    return 0;
}

/* ---- slots ---------------------------------------------------------------------- */

static int64_t next_due(const struct loop *l)
{
    return l->round_ns + l->slots[l->next].phase_ns;
}

static void arm(struct loop *l)
{
    int64_t due = next_due(l);
    struct itimerspec at = {.it_value = {due / 1000000000, due % 1000000000}};

    timerfd_settime(l->due_fd, TFD_TIMER_ABSTIME, &at, NULL);
}

static void start(struct loop *l, int64_t due, int64_t now)
{
    struct probe *p = l->idle;
    struct slot *slot = &l->slots[l->next];

    bool counted = due >= l->counted_from_ns;

    if (l->in_flight >= MAX_IN_FLIGHT) {
        l->skipped += counted;
        return;
    }
    l->started += counted;
    if (p)
        l->idle = p->next;
    else
        p = probe_new(l->o);
    p->due_ns = due;
    p->start_ns = now;
    p->slot = slot;
    p->n = slot->asked++;
    p->reading = (struct reading){0};
    p->started = reading_now();
    curl_easy_setopt(p->easy, CURLOPT_CURLU, slot->url);
    l->in_flight++;
    curl_multi_add_handle(l->multi, p->easy);
    act(l, CURL_SOCKET_TIMEOUT, 0);
}

static void end(struct loop *l)
{
    getrusage(RUSAGE_THREAD, &l->after);
    l->ended = true;
    uv_close((uv_handle_t *)&l->due, NULL);
}

static void on_due(uv_poll_t *poll, int status, int events)
{
    struct loop *l = poll->data;
    int64_t now = (int64_t)uv_hrtime();

    (void)status, (void)events;
    for (int64_t due; (due = next_due(l)) <= now; now = (int64_t)uv_hrtime()) {
        if (!l->counting && due >= l->counted_from_ns) {
            l->counting = true;
            getrusage(RUSAGE_THREAD, &l->before);
        }
        if (due >= l->end_ns) {
            end(l);
            return;
        }
        start(l, due, now);
        if (++l->next == l->slot_count) {
            l->next = 0;
            l->round_ns += l->interval_ns;
        }
    }
    arm(l);
}

/* ---- a loop ---------------------------------------------------------------------- */

static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static int by_phase(const void *a, const void *b)
{
    int64_t x = ((const struct slot *)a)->phase_ns, y = ((const struct slot *)b)->phase_ns;

    return (x > y) - (x < y);
}

static CURLU *parsed(const char *url)
{
    CURLU *u = curl_url();

    if (!u || curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK)
        die("a target is no URL");
    return u;
}

static void loop_init(struct loop *l, const struct options *o, size_t index)
{
    double interval = (double)o->url_count / o->rate * 1e9;

    l->o = o;
    l->interval_ns = (int64_t)interval;
    l->slots = alloc(o->url_count, sizeof(*l->slots));
    for (size_t i = index; i < o->url_count; i += o->loops)
        l->slots[l->slot_count++] =
            (struct slot){.phase_ns = (int64_t)(mix(i) % (uint64_t)l->interval_ns),
                          .url = parsed(o->urls[i]),
                          .id = strrchr(o->urls[i], '/') + 1};
    qsort(l->slots, l->slot_count, sizeof(*l->slots), by_phase);
    l->sample_max = (size_t)(o->rate * (o->seconds + 1) / (double)o->loops * 1.1) + 1000;
    if (l->sample_max > MAX_SAMPLES)
        die("too many requests");
    for (int i = 0; i < PHASES; i++)
        l->samples[i] = alloc(l->sample_max, sizeof(uint32_t));

    uv_loop_init(&l->uv);
    uv_timer_init(&l->uv, &l->timer);
    l->timer.data = l;
    l->due_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (l->due_fd < 0 || uv_poll_init(&l->uv, &l->due, l->due_fd) < 0)
        die("timerfd");
    l->due.data = l;
    l->watches = alloc(MAX_FDS, sizeof(*l->watches));
    l->multi = curl_multi_init();
    curl_multi_setopt(l->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
    curl_multi_setopt(l->multi, CURLMOPT_SOCKETDATA, l);
    curl_multi_setopt(l->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
    curl_multi_setopt(l->multi, CURLMOPT_TIMERDATA, l);
    curl_multi_setopt(l->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    curl_multi_setopt(l->multi, CURLMOPT_MAXCONNECTS, 10000L);
}

static void *loop_run(void *arg)
{
    struct loop *l = arg;

    l->round_ns = (int64_t)uv_hrtime() + LEAD_NS;
    l->counted_from_ns = l->round_ns + (int64_t)(l->o->warm_up * 1e9);
    l->end_ns = l->counted_from_ns + (int64_t)(l->o->seconds * 1e9);
    if (l->slot_count) {
        uv_poll_start(&l->due, UV_READABLE, on_due);
        arm(l);
        while (!l->ended || l->in_flight)
            uv_run(&l->uv, UV_RUN_ONCE);
    }
    return NULL;
}

static void on_watch_closed(uv_handle_t *h)
{
    free(h);
}

static void loop_release(struct loop *l)
{
    curl_multi_cleanup(l->multi);
    for (struct probe *p = l->idle, *next; p; p = next) {
        next = p->next;
        curl_easy_cleanup(p->easy);
        free(p);
    }
    for (int i = 0; i < MAX_FDS; i++)
        if (l->watches[i])
            uv_close((uv_handle_t *)&l->watches[i]->poll, on_watch_closed);
    uv_close((uv_handle_t *)&l->timer, NULL);
    uv_run(&l->uv, UV_RUN_DEFAULT);
    if (uv_loop_close(&l->uv) != 0)
        die("the loop does not close");
    close(l->due_fd);
    free(l->watches);
    for (size_t i = 0; i < l->slot_count; i++)
        curl_url_cleanup(l->slots[i].url);
    for (int i = 0; i < PHASES; i++)
        free(l->samples[i]);
    free(l->slots);
}

/* ---- the result -------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static double seconds_of(struct timeval a, struct timeval b)
{
    return (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_usec - a.tv_usec) / 1e6;
}

static void print_phase(const struct loop *loops, size_t n, int phase)
{
    size_t count = 0, at = 0;

    for (size_t i = 0; i < n; i++)
        count += loops[i].sample_count;
    uint32_t *all = alloc(count, sizeof(*all));

    for (size_t i = 0; i < n; i++) {
        memcpy(all + at, loops[i].samples[phase], loops[i].sample_count * sizeof(*all));
        at += loops[i].sample_count;
    }
    qsort(all, count, sizeof(*all), by_value);
    if (count)
        printf(",\"%s_us\":{\"p50\":%" PRIu32 ",\"p99\":%" PRIu32 ",\"max\":%" PRIu32 "}",
               phase_names[phase], all[count / 2], all[count - 1 - count / 100], all[count - 1]);
    free(all);
}

static void print(const struct loop *loops, const struct options *o)
{
    int64_t started = 0, bad = 0, skipped = 0;
    double user = 0, sys = 0;

    for (size_t i = 0; i < o->loops; i++) {
        const struct loop *l = &loops[i];

        started += l->started;
        bad += l->bad;
        skipped += l->skipped;
        user += seconds_of(l->before.ru_utime, l->after.ru_utime);
        sys += seconds_of(l->before.ru_stime, l->after.ru_stime);
    }
    double per = started ? 1e6 / (double)started : 0;

    printf("{\"probes\":%" PRId64 ",\"bad\":%" PRId64 ",\"skipped\":%" PRId64
           ",\"cpu_us\":%.3f,\"user_us\":%.3f,\"sys_us\":%.3f,\"cpu_share\":%.4f",
           started, bad, skipped, (user + sys) * per, user * per, sys * per,
           (user + sys) / o->seconds);
    for (int i = 0; i < PHASES; i++)
        print_phase(loops, o->loops, i);
    printf("}\n");
}

static void read_targets(struct options *o, const char *path)
{
    FILE *f = fopen(path, "re");
    char *line = NULL;
    size_t size = 0;

    if (!f)
        die("the targets cannot be read");
    o->urls = alloc(MAX_URLS, sizeof(*o->urls));
    for (ssize_t n; (n = getline(&line, &size, f)) > 0 && o->url_count < MAX_URLS;) {
        line[strcspn(line, "\n")] = '\0';
        if (*line)
            o->urls[o->url_count++] = strdup(line);
    }
    free(line);
    fclose(f);
}

static void parse(struct options *o, int argc, char **argv)
{
    static const struct option known[] = {
        {"rate", 1, NULL, 'r'},    {"seconds", 1, NULL, 's'}, {"warm-up", 1, NULL, 'w'},
        {"kept", 0, NULL, 'k'},    {"ca", 1, NULL, 'c'},      {"loops", 1, NULL, 'l'},
        {"targets", 1, NULL, 't'}, {"streams", 1, NULL, 'm'}, {NULL, 0, NULL, 0}};

    for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (c) {
        case 'r':
            o->rate = strtod(optarg, NULL);
            break;
        case 's':
            o->seconds = strtod(optarg, NULL);
            break;
        case 'w':
            o->warm_up = strtod(optarg, NULL);
            break;
        case 'k':
            o->kept = true;
            break;
        case 'c':
            o->ca = optarg;
            break;
        case 'l':
            o->loops = strtoul(optarg, NULL, 10);
            break;
        case 'm':
            o->streams = fopen(optarg, "we");
            o->headers = curl_slist_append(NULL, "Content-Type: application/json");
            if (!o->streams)
                die("--streams cannot be written");
            break;
        case 't':
            read_targets(o, optarg);
            break;
        default:
            exit(2);
        }
    }
    if (!o->url_count || !(o->rate > 0) || !(o->seconds > 0) || !o->loops || o->loops > MAX_LOOPS)
        die("--rate, --seconds and --targets are needed, --loops is 1 to 16");
}

int main(int argc, char **argv)
{
    struct options o = {.loops = 1};
    struct loop *loops;
    pthread_t threads[MAX_LOOPS];

    signal(SIGPIPE, SIG_IGN);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    parse(&o, argc, argv);
    loops = alloc(o.loops, sizeof(*loops));
    for (size_t i = 0; i < o.loops; i++)
        loop_init(&loops[i], &o, i);
    for (size_t i = 0; i < o.loops; i++)
        if (pthread_create(&threads[i], NULL, loop_run, &loops[i]) != 0)
            die("no thread");
    for (size_t i = 0; i < o.loops; i++)
        pthread_join(threads[i], NULL);
    print(loops, &o);
    for (size_t i = 0; i < o.loops; i++)
        loop_release(&loops[i]);
    free(loops);
    for (size_t i = 0; i < o.url_count; i++)
        free(o.urls[i]);
    free(o.urls);
    if (o.streams && fclose(o.streams) != 0)
        die("--streams was not written");
    curl_slist_free_all(o.headers);
    curl_global_cleanup();
    return 0;
}
