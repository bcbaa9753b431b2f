/* The parts of `nines status` on what asking agents spent, and on slots that were not sent
 * because of it. */
#include "cli/status.h"

#include "base/units.h"
#include "cli/json_out.h"
#include "report/answers.h"

/* ---- text --------------------------------------------------------------------------- */

/* "1,450 of 100,000 tokens, 1.5 of 2 USD" */
static void put_amounts(struct str *out, int64_t tokens, int64_t tokens_cap, bool priced,
                        int64_t cost, int64_t cost_cap, const char *currency)
{
    char text[FMT_MAX];
    str_add(out, fmt_count(text, tokens));
    if (tokens_cap)
        str_addf(out, " of %s", fmt_count(text, tokens_cap));
    str_add(out, " tokens");
    if (!priced && !cost_cap)
        return;
    str_addf(out, ", %s", fmt_money(text, cost, false));
    if (cost_cap)
        str_addf(out, " of %s", fmt_cost(text, cost_cap));
    if (currency)
        str_addf(out, " %s", currency);
}

static void put_line(struct str *out, const struct overview_spend *s, const char *currency)
{
    const struct spend_caps *spent = &s->spent, *caps = &s->caps;
    put_amounts(out, spent->tokens_day, caps->tokens_day, s->priced, spent->cost_day,
                caps->cost_day, currency);
    str_add(out, " today");
    if (!spent->tokens_hour && !spent->cost_hour && !caps->tokens_hour && !caps->cost_hour)
        return;
    str_add(out, " \xc2\xb7 ");
    put_amounts(out, spent->tokens_hour, caps->tokens_hour, s->priced, spent->cost_hour,
                caps->cost_hour, currency);
    str_add(out, " this hour");
}

static void put_cut(struct term *t, const char *color, const char *text)
{
    str_add(t->out, "    ");
    term_clean(t, color, text, (size_t)t->width - 4);
    str_addc(t->out, '\n');
}

void status_put_spend(struct term *t, const struct overview *o, const struct overview_probe *p)
{
    struct str line;
    str_init(&line, 4096);
    if (p->held)
        put_cut(t, TERM_YELLOW, *p->message ? p->message : "not sent because of a spend cap");
    if (p->spend) {
        put_line(&line, p->spend, o->currency);
        put_cut(t, TERM_DIM, line.buf);
    }
    str_release(&line);
}

void status_put_all_spend(struct term *t, const struct overview *o)
{
    if (!o->spend)
        return;
    str_add(t->out, "agents: ");
    put_line(t->out, o->spend, o->currency);
    str_addc(t->out, '\n');
}

/* ---- JSON ----------------------------------------------------------------------------- */

static void put_cost(struct str *out, const char *key, bool has, int64_t cost)
{
    char text[FMT_MAX];
    json_put_string(out, key, has ? fmt_cost(text, cost) : NULL);
}

static void put_span(struct str *out, const char *span, const struct overview_spend *s,
                     const struct spend_caps *spent, const struct spend_caps *caps, bool hour)
{
    json_put_key(out, span);
    str_addc(out, '{');
    json_put_int(out, "tokens", hour ? spent->tokens_hour : spent->tokens_day);
    json_put_id(out, "tokens_cap", hour ? caps->tokens_hour : caps->tokens_day);
    put_cost(out, "cost", s->priced, hour ? spent->cost_hour : spent->cost_day);
    int64_t cap = hour ? caps->cost_hour : caps->cost_day;
    put_cost(out, "cost_cap", cap, cap);
    str_addc(out, '}');
}

static void put_spend(struct str *out, const struct overview_spend *s, const char *currency)
{
    json_put_key(out, "spend");
    if (!s) {
        str_add(out, "null");
        return;
    }
    str_addc(out, '{');
    json_put_string(out, "currency", currency);
    put_span(out, "hour", s, &s->spent, &s->caps, true);
    put_span(out, "day", s, &s->spent, &s->caps, false);
    str_addc(out, '}');
}

void status_put_spend_json(struct str *out, const struct overview *o,
                           const struct overview_probe *p)
{
    put_spend(out, p ? p->spend : o->spend, o->currency);
}
