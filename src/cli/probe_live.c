#include "cli/probe_live.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/units.h"
#include "cli/cli.h"
#include "cli/paint.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define REDRAW_MS 50
#define WIDTH_MIN 44
#define FRAME_MAX (256 << 10)
#define FLUSH_MS 500
#define SILENCE_US (USEC_PER_SEC / 2) /* that is worth a word */
#define TAIL_BYTES 1024               /* of the answer, at its end */

struct probe_live {
    uv_timer_t timer;
    const struct timeline *line;
    const char *title;
    bool color;
    int fd;
    int64_t started_ns;
    int drawn; /* lines on the screen */
    int dropped;
    struct str frame; /* being written, */
    size_t written;   /* so far */
};

/* ---- writing --------------------------------------------------------------------------- */

/* Goes on with the frame; whether it is all out. */
static bool flush(struct probe_live *l)
{
    while (l->written < l->frame.len) {
        ssize_t n = write(l->fd, l->frame.buf + l->written, l->frame.len - l->written);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN) /* the terminal is gone: nothing is left to be drawn */
            l->written = l->frame.len;
        if (n <= 0)
            break;
        l->written += (size_t)n;
    }
    return l->written >= l->frame.len;
}

static void flush_all(struct probe_live *l)
{
    int64_t until_ns = clock_mono_ns() + FLUSH_MS * 1000000LL;
    while (!flush(l) && clock_mono_ns() < until_ns) {
        struct pollfd p = {.fd = l->fd, .events = POLLOUT};
        poll(&p, 1, FLUSH_MS);
    }
}

/* ---- the picture ----------------------------------------------------------------------- */

/* The end of the answer's text, from the marks that are kept. */
static void put_tail(const struct probe_live *l, struct str *out, int width)
{
    const struct timeline *t = l->line;
    size_t first = t->n, bytes = 0;
    for (; first > 0 && bytes < TAIL_BYTES; first--) {
        if (t->marks[first - 1].kind == MARK_TEXT)
            bytes += strlen(t->marks[first - 1].text);
    }
    struct str text;
    str_init(&text, TIMELINE_TEXT);
    for (size_t i = first; i < t->n; i++) {
        if (t->marks[i].kind == MARK_TEXT)
            str_add(&text, t->marks[i].text);
    }
    str_add(out, "  ");
    paint_clean_end(out, text.buf, text.len, width - 4);
    str_addc(out, '\n');
    str_release(&text);
}

static void put_state(const struct probe_live *l, struct str *out, int64_t now_us)
{
    const struct timeline *t = l->line;
    char text[UNITS_MAX];
    int64_t last_us = 0;
    for (int kind = 0; kind < TIMELINE_KINDS; kind++) {
        if (kind != MARK_PING && t->last_us[kind] > last_us)
            last_us = t->last_us[kind];
    }
    str_add(out, "  ");
    if (now_us - last_us < SILENCE_US) {
        paint(out, l->color, PAINT_DIM, t->count[MARK_HEADERS] ? "receiving" : "asking");
    } else {
        paint(out, l->color, PAINT_YELLOW,
              t->count[MARK_HEADERS] ? "nothing for " : "waiting for ");
        paint(out, l->color, PAINT_YELLOW, units_human_us(text, now_us - last_us));
    }
    str_addc(out, '\n');
}

static void put_title(const struct probe_live *l, struct str *out, int64_t now_us, int width)
{
    char text[UNITS_MAX];
    struct str title;
    str_init(&title, 4096);
    paint_clean(&title, l->title, strcspn(l->title, "?#"), width - 10);
    paint(out, l->color, PAINT_BOLD, title.buf);
    str_release(&title);
    str_addf(out, "  %s\n\n", units_human_us(text, now_us));
}

static void put_picture(const struct probe_live *l, struct str *out, int width)
{
    int64_t now_us = (clock_mono_ns() - l->started_ns) / NSEC_PER_USEC;
    struct timeline_view v = {.line = l->line, .now_us = now_us, .color = l->color, .width = width};
    put_title(l, out, now_us, width);
    timeline_draw(&v, out);
    str_addc(out, '\n');
    put_tail(l, out, width);
    put_state(l, out, now_us);
}

/* The last lines of a text, as many as fit; each clears what was behind it. */
static int put_lines(struct str *out, const char *text, int most)
{
    int lines = 0, n = 0;
    for (const char *p = text; *p; p++)
        lines += *p == '\n';
    for (; *text; text += strcspn(text, "\n") + 1) {
        if (lines-- > most)
            continue;
        str_addn(out, text, strcspn(text, "\n"));
        str_add(out, "\033[K\n");
        n++;
    }
    return n;
}

static void draw(struct probe_live *l)
{
    struct winsize size = {0};
    struct str picture;
    int rows = ioctl(l->fd, TIOCGWINSZ, &size) == 0 && size.ws_row > 2 ? size.ws_row : 24;
    int width = cli_width(stdout);
    if (width < WIDTH_MIN)
        return;
    str_init(&picture, FRAME_MAX);
    put_picture(l, &picture, width);
    str_clear(&l->frame);
    l->written = 0;
    if (l->drawn > 0)
        str_addf(&l->frame, "\033[%dA", l->drawn);
    str_add(&l->frame, "\r");
    l->drawn = put_lines(&l->frame, picture.buf, rows - 1);
    str_add(&l->frame, "\033[J");
    str_release(&picture);
    flush(l);
}

static void on_timer(uv_timer_t *timer)
{
    struct probe_live *l = timer->data;
    if (flush(l))
        draw(l);
    else
        l->dropped++;
}

/* ---- its life -------------------------------------------------------------------------- */

/* The terminal once more, as not to change how standard output writes. */
static int open_terminal(void)
{
    const char *term = getenv("TERM");
    if (!isatty(STDOUT_FILENO) || !term || str_eq(term, "dumb"))
        return -1;
    const char *name = ttyname(STDOUT_FILENO);
    return name ? open(name, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC) : -1;
}

struct probe_live *probe_live_new(uv_loop_t *loop, const struct timeline *line, const char *title,
                                  bool color)
{
    int fd = open_terminal();
    if (fd < 0)
        return NULL;
    struct probe_live *l = mem_alloc(sizeof(*l));
    *l = (struct probe_live){
        .line = line, .title = title, .color = color, .fd = fd, .started_ns = clock_mono_ns()};
    str_init(&l->frame, 2 * FRAME_MAX);
    uv_timer_init(loop, &l->timer);
    l->timer.data = l;
    uv_timer_start(&l->timer, on_timer, REDRAW_MS, REDRAW_MS);
    return l;
}

static void on_closed(uv_handle_t *handle)
{
    struct probe_live *l = handle->data;
    str_release(&l->frame);
    free(l);
}

int probe_live_close(struct probe_live *l)
{
    if (!l)
        return 0;
    flush_all(l);
    str_clear(&l->frame);
    l->written = 0;
    if (l->drawn > 0)
        str_addf(&l->frame, "\033[%dA\r\033[J", l->drawn);
    flush_all(l);
    close(l->fd);
    uv_close((uv_handle_t *)&l->timer, on_closed);
    return l->dropped;
}
