#include "cli/cli.h"

#include "base/str.h"
#include "nines/diag.h"

#include <stdarg.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

static void print_message(const struct command *self, const char *fmt, va_list ap)
{
    fprintf(stderr, "nines %s: ", self->name);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
}

int cli_usage(const struct command *self, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    print_message(self, fmt, ap);
    va_end(ap);
    fprintf(stderr, "Try 'nines %s --help'.\n", self->name);
    return EXIT_USAGE;
}

int cli_fail(const struct command *self, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    print_message(self, fmt, ap);
    va_end(ap);
    return EXIT_BAD;
}

bool cli_color(const struct cli_common *common, FILE *f)
{
    if (common->color && !str_eq(common->color, "auto"))
        return str_eq(common->color, "always");
    const char *no = getenv("NO_COLOR"), *force = getenv("CLICOLOR_FORCE"), *term = getenv("TERM");
    if (no && *no)
        return false;
    if (force && *force && !str_eq(force, "0"))
        return true;
    return isatty(fileno(f)) && term && !str_eq(term, "dumb");
}

int cli_width(FILE *f)
{
    const char *columns = getenv("COLUMNS");
    long n = columns ? strtol(columns, NULL, 10) : 0;
    struct winsize size;
    if (n <= 0 && isatty(fileno(f)) && ioctl(fileno(f), TIOCGWINSZ, &size) == 0)
        n = size.ws_col;
    if (n <= 0)
        return 80;
    return n < 20 ? 20 : n > 1000 ? 1000 : (int)n;
}

/* Texts of a diag quote files: nothing in them may steer the terminal. */
static void print_plain(const char *text, FILE *f)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < 0x20 || c == 0x7f)
            fprintf(f, "\\x%02x", c);
        else
            fputc(c, f);
    }
}

static void print_item(const struct diag_item *item, FILE *f, bool color)
{
    const char *kind_color = !color ? "" : item->warning ? "\033[1;33m" : "\033[1;31m";
    const char *bold = color ? "\033[1m" : "", *plain = color ? "\033[0m" : "";
    fputs(bold, f);
    print_plain(item->pos.file ? item->pos.file : "nines", f);
    if (item->pos.line > 0)
        fprintf(f, ":%d:%d", item->pos.line, item->pos.column);
    fprintf(f, ":%s %s%s:%s ", plain, kind_color, item->warning ? "warning" : "error", plain);
    print_plain(item->text, f);
    fputc('\n', f);
}

void cli_print_diag(const struct diag *d, FILE *f, bool color)
{
    for (size_t i = 0; i < d->n; i++)
        print_item(&d->items[i], f, color);
    if (d->dropped > 0)
        fprintf(f, "and %zu more\n", d->dropped);
}
