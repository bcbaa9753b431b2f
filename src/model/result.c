#include "nines/alert.h"
#include "nines/exclusion.h"
#include "nines/report.h"
#include "nines/result.h"
#include "nines/slo.h"

#include "base/mem.h"
#include "base/str.h"

static const char *const outcome_names[] = {"good", "bad", "excluded", "skipped"};

static const char *const reason_names[] = {
#define XX(sym, name, text) name,
    REASON_MAP(XX)
#undef XX
};

static const char *const reason_texts[] = {
#define XX(sym, name, text) text,
    REASON_MAP(XX)
#undef XX
};

_Static_assert(countof(outcome_names) == OUTCOME_COUNT, "a name for each outcome");

/* Numbers come out of a file: one that is not known has a name as well. */
static const char *name_of(const char *const *names, size_t n, unsigned i)
{
    return i < n ? names[i] : "unknown";
}

static int parse(const char *const *names, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(names[i], name))
            return (int)i;
    return -1;
}

const char *outcome_name(enum outcome o)
{
    return name_of(outcome_names, countof(outcome_names), o);
}

int outcome_parse(const char *name)
{
    return parse(outcome_names, countof(outcome_names), name);
}

const char *reason_name(enum reason r)
{
    return name_of(reason_names, countof(reason_names), r);
}

const char *reason_text(enum reason r)
{
    return name_of(reason_texts, countof(reason_texts), r);
}

int reason_parse(const char *name)
{
    return parse(reason_names, countof(reason_names), name);
}

enum outcome sli_classify(const struct sli_def *sli, const struct result *r)
{
    enum outcome o = r->outcome;
    if (o == OUTCOME_SKIPPED)
        return o;
    if (o != OUTCOME_GOOD && r->reason < REASON_COUNT && sli->classify[r->reason] >= 0)
        o = (enum outcome)sli->classify[r->reason];
    if (o == OUTCOME_GOOD && sli->faster_than_us > 0 && r->total_us > sli->faster_than_us)
        o = OUTCOME_BAD;
    if (o != OUTCOME_GOOD || sli->measure == MEASURE_NONE)
        return o;
    /* A good run whose answer does not tell is no evidence of either. */
    int kept = r->flags & RESULT_ANSWER ? answer_keeps(&r->answer, sli->measure, sli->bound) : -1;
    return kept < 0 ? OUTCOME_EXCLUDED : kept ? OUTCOME_GOOD : OUTCOME_BAD;
}

const char *budget_method_name(enum budget_method m)
{
    static const char *const names[] = {"Occurrences", "Timeslices", "RatioTimeslices"};
    return name_of(names, countof(names), m);
}

const char *severity_name(enum severity s)
{
    static const char *const names[] = {"none", "ticket", "page"};
    return name_of(names, countof(names), s);
}

const char *sli_source_name(enum sli_source s)
{
    static const char *const names[] = {"results",   "ratio", "histogram", "threshold",
                                        "component", "raw",   "composite", "answers"};
    return name_of(names, countof(names), s);
}

const char *slo_state_name(enum slo_state s)
{
    static const char *const names[] = {"met", "breached", "at_risk", "warming", "no_data"};
    return name_of(names, countof(names), s);
}

const char *alert_event_name(enum alert_event_kind k)
{
    static const char *const names[] = {"fire",   "escalate", "deescalate", "cool",
                                        "refire", "resolve",  "pend",       "calm"};
    return name_of(names, countof(names), k);
}

const char *alert_phase_name(enum alert_phase p)
{
    static const char *const names[] = {"inactive", "firing", "cooling", "pending"};
    return name_of(names, countof(names), p);
}

const char *exclusion_mode_name(enum exclusion_mode m)
{
    static const char *const names[] = {"drop", "count_good"};
    return name_of(names, countof(names), m);
}
