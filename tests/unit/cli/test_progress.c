/* The progress bar on a terminal, and its silence elsewhere. */
#include "../cmocka_all.h"

#include "cli/cli.h"

#include <pty.h>
#include <string.h>
#include <unistd.h>

static char out[4096];

#define END '\f' /* never part of what is drawn */

/* Runs `draw` with stderr on `fd`, and gives what arrived at `from`. The kernel hands
 * over what was written to a terminal later and in pieces, so the end is marked. */
static void with_stderr(int fd, int from, void (*draw)(void))
{
    int saved = dup(STDERR_FILENO);
    dup2(fd, STDERR_FILENO);
    draw();
    fputc(END, stderr);
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(saved);
    size_t len = 0;
    while (len == 0 || out[len - 1] != END) {
        ssize_t n = read(from, out + len, sizeof(out) - len);
        assert_true(n > 0);
        len += (size_t)n;
    }
    out[len - 1] = '\0';
}

static void draw_half(void)
{
    struct progress p;
    progress_start(&p, "import", 1000, false);
    progress_update(&p, 500, "rows");
    progress_update(&p, 501, "rows"); /* too soon to be shown */
    p.shown_ns -= 200000000;
    progress_update(&p, 1000, "rows");
    progress_end(&p);
}

static void draw_unknown_total(void)
{
    struct progress p;
    progress_start(&p, "import", 0, true);
    p.started_ns -= 2000000000;
    progress_update(&p, 1234567, "rows");
    progress_end(&p);
}

static void draw_long_run(void)
{
    struct progress p;
    progress_start(&p, "import", 1000000, true);
    p.started_ns -= 10LL * 1000000000;
    progress_update(&p, 250000, "rows");
    progress_end(&p);
}

static void draw_counted(void)
{
    struct progress p;
    progress_start(&p, "import", 4000, false);
    p.started_ns -= 10LL * 1000000000;
    p.counted = "results";
    p.count = 500000;
    progress_update(&p, 1000, "bytes");
    progress_end(&p);
}

/* Behind what was counted: thousands a second, and half a minute that is left; how
 * many exactly is up to the clock. */
static void shows_rate(const char *counted)
{
    const char *at = strstr(out, counted);
    double rate;
    int left;
    assert_non_null(at);
    assert_int_equal(sscanf(at + strlen(counted), "%lfk/s, %ds left", &rate, &left), 2);
    assert_true(rate > 10 && rate <= 50);
    assert_in_range(left, 30, 60);
}

static void on_a_terminal(void **state)
{
    (void)state;
    int master, slave;
    assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
    with_stderr(slave, master, draw_half);
    assert_non_null(strstr(out, "\rimport ████████████              50% 500 rows\033[K"));
    assert_null(strstr(out, "501"));
    assert_non_null(strstr(out, "\rimport ████████████████████████ 100% 1.00k rows\033[K"));
    assert_string_equal(out + strlen(out) - 4, "\r\033[K");
    with_stderr(slave, master, draw_unknown_total);
    assert_non_null(strstr(out, "\rimport  1.23M rows, "));
    assert_null(strstr(out, "%"));
    with_stderr(slave, master, draw_long_run);
    shows_rate(" 25% 250k rows, ");
    assert_non_null(strstr(out, "\033[32m"));
    with_stderr(slave, master, draw_counted);
    shows_rate(" 25% 500k results, ");
    close(master);
    close(slave);
}

static void silent_in_a_pipe(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    with_stderr(fds[1], fds[0], draw_half);
    assert_string_equal(out, "");
    close(fds[0]);
    close(fds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(on_a_terminal),
        cmocka_unit_test(silent_in_a_pipe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
