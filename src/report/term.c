#include "report/term.h"

#include "report/fmt.h"

#include "base/str.h"

#include <math.h>
#include <stdarg.h>

static const char *const heights[] = {
    "\xe2\x96\x81", "\xe2\x96\x82", "\xe2\x96\x83", "\xe2\x96\x84",
    "\xe2\x96\x85", "\xe2\x96\x86", "\xe2\x96\x87", "\xe2\x96\x88",
};

static void begin(struct term *t, const char *sgr)
{
    if (t->color && sgr[0])
        str_addf(t->out, "\033[%sm", sgr);
}

static void end(struct term *t, const char *sgr)
{
    if (t->color && sgr[0])
        str_add(t->out, "\033[0m");
}

void term_paint(struct term *t, const char *sgr, const char *fmt, ...)
{
    char line[512];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    bool newline = n > 0 && (size_t)n < sizeof line && line[n - 1] == '\n';
    if (newline)
        line[n - 1] = '\0';
    begin(t, sgr);
    str_add(t->out, line);
    end(t, sgr);
    if (newline)
        str_addc(t->out, '\n');
}

size_t term_clean(struct term *t, const char *sgr, const char *text, size_t columns)
{
    begin(t, sgr);
    size_t n = fmt_clean(t->out, text, columns);
    end(t, sgr);
    return n;
}

static void spaces(struct term *t, int n)
{
    for (int i = 0; i < n; i++)
        str_addc(t->out, ' ');
}

void term_cell(struct term *t, const char *sgr, int columns, const char *text)
{
    spaces(t, columns - (int)term_clean(t, sgr, text, columns > 0 ? (size_t)columns : 0));
}

/* Of a name: fewer than these say nothing. */
#define NAME_COLUMNS_MIN 4

void term_title(struct term *t, int columns, const char *slo, const char *objective)
{
    struct str title;
    str_init(&title, 4096);
    if (!objective || !*objective) {
        str_add(&title, slo);
    } else {
        int room = columns - (int)fmt_columns(objective) - 3;
        fmt_clean(&title, slo, room < NAME_COLUMNS_MIN ? 4096 : (size_t)room);
        str_addf(&title, " / %s", objective);
    }
    term_cell(t, TERM_PLAIN, columns, title.buf);
    str_release(&title);
}

void term_wrap(struct term *t, const char *sgr, int indent, const char *text)
{
    int at = indent;
    begin(t, sgr);
    for (; *text; text += strspn(text, " ")) {
        int n = (int)strcspn(text, " ");
        if (at > indent && at + 1 + n > t->width) {
            str_addc(t->out, '\n');
            spaces(t, indent);
            at = indent;
        } else if (at > indent) {
            str_addc(t->out, ' ');
            at++;
        }
        str_addf(t->out, "%.*s", n, text);
        at += n;
        text += n;
    }
    end(t, sgr);
    str_addc(t->out, '\n');
}

void term_right(struct term *t, const char *sgr, int columns, const char *text)
{
    spaces(t, columns - (int)fmt_columns(text));
    term_clean(t, sgr, text, columns > 0 ? (size_t)columns : 0);
}

void term_rule(struct term *t)
{
    begin(t, TERM_DIM);
    for (int i = 0; i < t->width; i++)
        str_add(t->out, "\xe2\x94\x80");
    end(t, TERM_DIM);
    str_addc(t->out, '\n');
}

/* Draws the filled part and says how many columns it took. */
static int fill(struct term *t, const char *sgr, double ratio, int columns)
{
    static const char *const eighths[] = {"",
                                          "\xe2\x96\x8f",
                                          "\xe2\x96\x8e",
                                          "\xe2\x96\x8d",
                                          "\xe2\x96\x8c",
                                          "\xe2\x96\x8b",
                                          "\xe2\x96\x8a",
                                          "\xe2\x96\x89"};
    if (!(ratio > 0))
        return 0;
    int n = (int)lround(fmin(ratio, 1) * columns * 8);
    n = n ? n : 1;
    begin(t, sgr);
    for (int i = 0; i < n / 8; i++)
        str_add(t->out, "\xe2\x96\x88");
    str_add(t->out, eighths[n % 8]);
    end(t, sgr);
    return n / 8 + (n % 8 != 0);
}

void term_bar(struct term *t, const char *sgr, double ratio, int columns)
{
    int used = fill(t, sgr, ratio, columns);
    begin(t, TERM_DIM);
    for (; used < columns; used++)
        str_add(t->out, "\xe2\x96\x91");
    end(t, TERM_DIM);
}

void term_bar_plain(struct term *t, const char *sgr, double ratio, int columns)
{
    fill(t, sgr, ratio, columns);
}

/* Losses are small beside the whole, so a partly bad column falls quickly. */
static size_t partial_height(const struct bucket *b)
{
    double lost = (double)b->counts.bad / (double)counts_total(b->counts);
    return lost < 0.01 ? 5 : lost < 0.1 ? 4 : lost < 0.5 ? 2 : 1;
}

void term_strip(struct term *t, const struct curve *c)
{
    for (size_t i = 0; i < c->n; i++) {
        const struct bucket *b = &c->at[i];
        switch (curve_cell(b)) {
        case CELL_GOOD:
            term_paint(t, TERM_GREEN, "%s", heights[6]);
            break;
        case CELL_PARTIAL:
            term_paint(t, TERM_YELLOW, "%s", heights[partial_height(b)]);
            break;
        case CELL_BAD:
            term_paint(t, TERM_RED, "%s", heights[0]);
            break;
        case CELL_EXCLUDED:
            term_paint(t, TERM_DIM, "-");
            break;
        case CELL_NO_DATA:
            term_paint(t, TERM_DIM, "\xc2\xb7");
            break;
        }
    }
}

bool term_burn_peak(const struct curve *c, double *ret)
{
    bool has = false;
    *ret = 0;
    for (size_t i = 0; i < c->n; i++) {
        if (!c->at[i].has_burn)
            continue;
        has = true;
        *ret = fmax(*ret, c->at[i].burn);
    }
    return has;
}

void term_spark(struct term *t, const struct curve *c, double peak)
{
    double top = log1p(fmax(peak, 1));
    for (size_t i = 0; i < c->n; i++) {
        const struct bucket *b = &c->at[i];
        if (!b->has_burn) {
            term_paint(t, TERM_DIM, "\xc2\xb7");
            continue;
        }
        int level = (int)lround(log1p(fmax(b->burn, 0)) / top * 7);
        term_paint(t,
                   b->burn >= 6   ? TERM_RED
                   : b->burn >= 1 ? TERM_YELLOW
                                  : TERM_DIM,
                   "%s",
                   heights[level < 0   ? 0
                           : level > 7 ? 7
                                       : level]);
    }
}

const char *term_state_mark(enum slo_state s)
{
    switch (s) {
    case SLO_MET:
        return "\xe2\x97\x8f";
    case SLO_BREACHED:
        return "\xe2\x9c\x97";
    case SLO_AT_RISK:
        return "\xe2\x96\xb2";
    case SLO_WARMING:
        return "\xe2\x97\x8c";
    case SLO_NO_DATA:
        return "\xe2\x97\x8b";
    }
    return "?";
}

const char *term_state_color(enum slo_state s)
{
    switch (s) {
    case SLO_MET:
        return TERM_GREEN;
    case SLO_BREACHED:
        return TERM_RED;
    case SLO_AT_RISK:
        return TERM_YELLOW;
    case SLO_WARMING:
        return TERM_BLUE;
    case SLO_NO_DATA:
        return TERM_DIM;
    }
    return TERM_PLAIN;
}
