#include "report/policy.h"

#include "base/json.h"
#include "base/units.h"
#include "report/fmt.h"
#include "report/svg.h"

/* ---- machine forms ---------------------------------------------------------------- */

void policy_put_step(struct str *out, const struct policy_step *step)
{
    char spent[UNITS_MAX];
    if (!step) {
        str_add(out, "null");
        return;
    }
    str_addf(out, "{\"spent\": \"%s\", \"then\": ", decimal_text(spent, step->spent));
    json_add_string(out, step->then);
    str_addf(out, ", \"stop\": %s}", step->stop ? "true" : "false");
}

void policy_put_json(struct str *out, const struct report_slo *s)
{
    if (s->def->policy.n == 0) {
        str_add(out, "null");
        return;
    }
    str_add(out, "{\"in_force\": ");
    policy_put_step(out, s->policy);
    str_add(out, ", \"next\": ");
    policy_put_step(out, s->policy_next);
    str_addc(out, '}');
}

/* ---- for people -------------------------------------------------------------------- */

static const char *stops(const struct policy_step *step)
{
    return step->stop ? " (stops changes)" : "";
}

static void put_line(struct term *t, const char *label, int columns, const char *when,
                     const struct policy_step *step)
{
    char spent[UNITS_MAX];
    struct str line;
    str_init(&line, 4096);
    str_addf(&line, "%s %s%s: ", when, decimal_percent(spent, step->spent), stops(step));
    str_add(&line, step->then);
    str_add(t->out, "  ");
    term_cell(t, TERM_DIM, columns - 2, label);
    term_clean(t, step->stop && *label ? TERM_RED : TERM_PLAIN, line.buf,
               (size_t)(t->width - columns));
    str_addc(t->out, '\n');
    str_release(&line);
}

void policy_put_term(struct term *t, const struct report_slo *s, int columns)
{
    if (s->def->policy.n == 0)
        return;
    if (s->policy)
        put_line(t, "Policy", columns, "from", s->policy);
    if (!s->policy) {
        str_add(t->out, "  ");
        term_cell(t, TERM_DIM, columns - 2, "Policy");
        str_add(t->out, "no step is in force\n");
    }
    if (s->policy_next)
        put_line(t, "", columns, "next at", s->policy_next);
}

static void put_sentences(struct str *out, const struct report_slo *s, policy_text *text)
{
    char spent[UNITS_MAX];
    if (s->policy) {
        str_addf(out, "from %s of the budget spent%s: ", decimal_percent(spent, s->policy->spent),
                 stops(s->policy));
        text(out, s->policy->then);
    } else {
        str_add(out, "no step is in force");
    }
    if (!s->policy_next)
        return;
    str_addf(out, " \xc2\xb7 next at %s%s: ", decimal_percent(spent, s->policy_next->spent),
             stops(s->policy_next));
    text(out, s->policy_next->then);
}

void policy_put_markdown(struct str *out, const struct report_slo *s, policy_text *text)
{
    if (s->def->policy.n == 0)
        return;
    str_add(out, "- **Policy** ");
    put_sentences(out, s, text);
    str_addc(out, '\n');
}

void policy_put_html(struct str *out, const struct report_slo *s)
{
    if (s->def->policy.n == 0)
        return;
    str_add(out, "<br><b>Policy</b> ");
    put_sentences(out, s, html_text);
}
