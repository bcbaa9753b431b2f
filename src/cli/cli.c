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

bool cli_id(const char *text, int64_t *ret)
{
    int64_t id = 0;
    for (const char *p = text; *p; p++)
        if (*p < '0' || *p > '9' || __builtin_mul_overflow(id, 10, &id) ||
            __builtin_add_overflow(id, *p - '0', &id))
            return false;
    if (id > 0)
        *ret = id;
    return id > 0;
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

/* How many bytes here would steer a terminal instead of showing: control
 * characters, the second set of them (U+0080 to U+009F) and those that turn
 * the direction of writing (U+202A to U+202E, U+2066 to U+2069). */
static size_t steering(const char *text)
{
    const unsigned char *p = (const unsigned char *)text;
    if (p[0] < 0x20 || p[0] == 0x7f)
        return 1;
    if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f)
        return 2;
    if (p[0] == 0xe2 && p[1] == 0x80 && p[2] >= 0xaa && p[2] <= 0xae)
        return 3;
    return p[0] == 0xe2 && p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9 ? 3 : 0;
}

/* Texts of a diag quote files: nothing in them may steer the terminal. */
static void print_plain(const char *text, FILE *f)
{
    while (*text) {
        size_t n = steering(text);
        if (n == 0)
            fputc(*text++, f);
        for (; n > 0; n--)
            fprintf(f, "\\x%02x", (unsigned char)*text++);
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

/* "add, list and remove" */
static void put_verbs(char *buf, size_t size, const struct cli_verb *verbs, const char *last)
{
    size_t n = 0;
    for (size_t i = 0; verbs[i].name && n < size; i++)
        n += (size_t)snprintf(buf + n, size - n, "%s%s",
                              i == 0              ? ""
                              : verbs[i + 1].name ? ", "
                                                  : last,
                              verbs[i].name);
}

int cli_run_verb(const struct command *self, const struct cli_verb *verbs, int argc, char **argv)
{
    char names[256];
    struct cli_common common = {0};
    for (size_t i = 0; argc > 1 && verbs[i].name; i++)
        if (str_eq(argv[1], verbs[i].name))
            return verbs[i].run(argc - 1, argv + 1);
    int first, rc = cli_parse(self, NULL, argc, argv, &common, &first);
    if (rc >= 0)
        return rc;
    put_verbs(names, sizeof(names), verbs, first < argc ? " and " : " or ");
    if (first < argc)
        return cli_usage(self, "'%s' is none of %s", argv[first], names);
    return cli_usage(self, "expected %s", names);
}
