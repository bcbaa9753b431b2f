#include "engine/alert_describe.h"

#include "base/units.h"
#include "model/message.h"

static void add_line(struct str *out, const char *name, const char *text)
{
    if (text && text[0])
        str_addf(out, "%s%s%s%s", out->len ? "\n" : "", name, name[0] ? ": " : "", text);
}

static void add_note(const struct alert_story *s, const char *name, const char *key,
                     struct str *out)
{
    add_line(out, name, message_label(s->notes, key));
}

static void add_subject(const struct alert_story *s, struct str *out)
{
    char target[UNITS_MAX];
    const struct slo_def *d = s->slo;
    add_line(out, "Probe", s->probe);
    if (!d)
        return;
    add_line(out, "SLO", d->name);
    if (d->objective_name[0])
        str_addf(out, " / %s", d->objective_name);
    str_addf(out, ", %s over %s", decimal_percent(target, d->target), d->window.text);
    if (d->service && d->service[0])
        str_addf(out, ", service %s", d->service);
}

static void add_budget(const struct alert_story *s, struct str *out)
{
    const char *spent = message_label(s->notes, "budget_spent");
    const char *left = message_label(s->notes, "budget_left");
    const char *in = message_label(s->notes, "exhausts_in");
    const char *at = message_label(s->notes, "exhausts_at");
    if (!spent || !left)
        return;
    add_line(out, "Budget", spent);
    if (left[0] == '-')
        str_add(out, " spent, nothing left");
    else
        str_addf(out, " spent, %s left", left);
    if (in && at)
        str_addf(out, ", used up in %s at this pace (%s)", in, at);
}

static void add_burn(const struct alert_story *s, struct str *out)
{
    const char *over_long = message_label(s->notes, "burn_long");
    const char *over_short = message_label(s->notes, "burn_short");
    add_line(out, "Burn rate", over_long);
    if (over_long && over_short)
        str_addf(out, ", %s", over_short);
}

static void add_size(const struct alert_story *s, struct str *out)
{
    if (s->over) {
        add_note(s, "Lasted", "lasted", out);
        add_note(s, "Cost", "cost", out);
    } else {
        add_line(out, "Condition", s->says);
        add_burn(s, out);
    }
    add_budget(s, out);
    add_note(s, s->over ? "Began" : "Since", "since", out);
}

void alert_describe(const struct alert_story *s, struct str *out)
{
    add_subject(s, out);
    add_size(s, out);
    add_note(s, s->over ? "Failed" : "Failing", "failing_probes", out);
    add_note(s, "Example", "evidence", out);
    add_note(s, "Last deploy", "last_deploy", out);
    add_line(out, "", s->slo ? s->slo->description : NULL);
    add_note(s, "Runbook", "runbook_url", out);
    add_note(s, "Dashboard", "dashboard_url", out);
    add_note(s, "Silence", "silence_command", out);
}
