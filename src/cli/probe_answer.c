#include "cli/probe_answer.h"

#include "base/units.h"
#include "cli/paint.h"
#include "cli/timeline.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SHOWN_MAX 600 /* bytes of the answer, unless verbose */
#define JOIN " \xc2\xb7 "

/* ---- numbers --------------------------------------------------------------------------- */

static void put_time(struct str *out, const char *what, uint32_t us)
{
    char text[UNITS_MAX];
    if (us)
        str_addf(out, "%s %s, ", what, units_human_us(text, us));
}

static void put_times(const struct probe_view *v, struct str *out)
{
    const struct answer *a = &v->obs->result.answer;
    char text[UNITS_MAX];
    str_add(out, "  ");
    put_time(out, "first token after", a->first_token_us);
    if (a->last_event_us)
        put_time(out, "largest gap", a->gap_us);
    str_addf(out, "%" PRIu32 " event%s, %s\n", a->events, a->events == 1 ? "" : "s",
             units_human_size(text, v->line->bytes));
}

static void put_count(struct str *out, int32_t n, const char *what, int32_t among,
                      const char *those)
{
    if (n < 0)
        str_addf(out, "unknown %s", what);
    else
        str_addf(out, "%" PRId32 " %s", n, what);
    if (among > 0)
        str_addf(out, " (%" PRId32 " %s)", among, those);
}

static void put_tokens(const struct probe_view *v, struct str *out)
{
    const struct answer *a = &v->obs->result.answer;
    char text[UNITS_MAX];
    int64_t tokens, us;
    str_add(out, "  tokens ");
    if (a->tokens_in < 0 && a->tokens_out < 0) {
        str_add(out, a->flags & ANSWER_ABSURD ? "told cannot be: unknown" : "not told");
    } else {
        put_count(out, a->tokens_in, "in", a->tokens_cached, "cached");
        str_add(out, ", ");
        put_count(out, a->tokens_out, "out", a->tokens_reasoning, "of reasoning");
    }
    if (answer_speed(a, &tokens, &us) && us > 0) {
        int64_t tenths = tokens * 10 * USEC_PER_SEC / us;
        str_addf(out, JOIN "%" PRId64 ".%d tokens/s", tenths / 10, (int)(tenths % 10));
    }
    if (a->cost < 0)
        str_add(out, JOIN "cost unknown");
    else
        str_addf(out, JOIN "cost %s%s%s",
                 decimal_text(text, decimal_lowest((struct decimal){a->cost, 12})),
                 v->currency ? " " : "", v->currency ? v->currency : "");
    str_add(out, "\n\n");
}

/* ---- the answer ------------------------------------------------------------------------ */

/* Up to SHOWN_MAX bytes of whole characters. */
static size_t shown(const char *text, bool verbose)
{
    size_t n = strlen(text);
    if (verbose || n <= SHOWN_MAX)
        return n;
    for (n = SHOWN_MAX; n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80;)
        n--;
    return n;
}

static void put_told(const struct probe_view *v, struct str *out)
{
    const struct answer_told *told = v->obs->told;
    const char *facts[] = {told->model, told->finish};
    if (!*told->text && !*told->tools && !*told->model && !*told->finish)
        return;
    paint(out, v->color, PAINT_BOLD, "answer");
    for (size_t i = 0; i < sizeof(facts) / sizeof(*facts); i++) {
        if (*facts[i])
            str_add(out, JOIN);
        paint_clean(out, facts[i], strlen(facts[i]), v->width / 2);
    }
    str_addc(out, '\n');
    if (*told->tools) {
        str_add(out, "  calls ");
        paint_clean(out, told->tools, strlen(told->tools), v->width - 8);
        str_addc(out, '\n');
    }
    size_t n = shown(told->text, v->verbose);
    if (n > 0)
        paint_lines(out, told->text, n);
    else
        str_addc(out, '\n');
    if (told->text[n] || told->cut) {
        out->buf[--out->len] = '\0'; /* the empty line comes behind it */
        paint(out, v->color, PAINT_DIM,
              told->text[n] ? "  and more; --verbose shows it" : "  and more, that is not kept");
        str_add(out, "\n\n");
    }
}

void probe_put_answer_text(const struct probe_view *v, struct str *out)
{
    struct timeline_view view = {.line = v->line,
                                 .obs = v->obs,
                                 .now_us = v->obs->result.total_us,
                                 .color = v->color,
                                 .width = v->width};
    timeline_draw(&view, out);
    str_addc(out, '\n');
    if (v->dropped)
        str_addf(out, "  the terminal was too slow for %d of the pictures on the way\n",
                 v->dropped);
    if (v->line->dropped)
        str_addf(out, "  of the last %" PRId64 " pieces only the count and the end are drawn\n",
                 v->line->dropped);
    if (v->obs->result.answer.headers_us) {
        put_times(v, out);
        put_tokens(v, out);
    }
    if (v->obs->told)
        put_told(v, out);
}
