#include "cli/check_agents.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "base/wide.h"
#include "engine/spending.h"
#include "model/spend.h"
#include "nines/config.h"
#include "nines/diag.h"
#include "nines/probe.h"
#include "nines/slo.h"
#include "nines/store_reader.h"
#include "probe/agent.h"
#include "report/fmt.h"
#include "slo/expected.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MONDAY_US (4 * USEC_PER_DAY) /* service hours are those of weeks */
#define DAYS 7
#define SCARCE 4       /* a cap that fewer than one slot in so many gets through is told */
#define CACHED_IN 1000 /* input tokens from which on providers cache what begins alike */

/* What one probe may come to, if each answer is as long as it may be. */
struct worth {
    const struct probe_def *def;
    const struct agent_spec *spec;
    int64_t runs_hour, runs_day;
    int64_t tokens, cost; /* of a run; -1: its price is not known */
    int64_t tokens_day, cost_day;
};

static int64_t times(int64_t n, int64_t each)
{
    int128 all = (int128)n * each;
    return each < 0 ? -1 : all > INT64_MAX ? INT64_MAX : (int64_t)all;
}

static int64_t slots(const struct probe_def *p, int64_t from_us, int64_t length_us)
{
    const struct probe_revision rev = {0, p->interval_us, p->phase_us, p->timeout_us, p->hours};
    return expected_slots(&rev, 1, from_us, from_us + length_us);
}

/* Of the fullest one of a week, in UTC, as caps count. */
static int64_t most_slots(const struct probe_def *p, int64_t length_us)
{
    int64_t most = 0;
    for (int64_t at = 0; at < DAYS * USEC_PER_DAY; at += length_us) {
        int64_t n = slots(p, MONDAY_US + at, length_us);
        most = n > most ? n : most;
    }
    return most;
}

static bool worth_of(const struct probe_def *def, struct worth *ret)
{
    const struct agent_spec *spec = def->kind ? spending_agent(def) : NULL;
    if (!spec)
        return false;
    *ret = (struct worth){.def = def, .spec = spec};
    ret->runs_hour = most_slots(def, USEC_PER_HOUR);
    ret->runs_day = most_slots(def, USEC_PER_DAY);
    ret->tokens = spec->worst_in + spec->worst_out;
    ret->cost = spend_cost(spec->price, spec->worst_in, spec->worst_out, 0);
    ret->tokens_day = times(ret->runs_day, ret->tokens);
    ret->cost_day = times(ret->runs_day, ret->cost);
    return true;
}

static const char *money(char buf[static UNITS_MAX], int64_t cost)
{
    return answer_bound_text(buf, MEASURE_COST, cost);
}

/* ---- caps -------------------------------------------------------------------------- */

/* One cap, and what would be spent under it at worst. */
struct against {
    const char *per;
    int64_t cap, wanted;
    bool is_cost;
};

static void say_amount(char *buf, size_t size, int64_t n, bool is_cost, const char *currency)
{
    char text[FMT_MAX], cost[UNITS_MAX];
    if (is_cost)
        snprintf(buf, size, "%.48s %.16s", money(cost, n), currency);
    else
        snprintf(buf, size, "%.40s tokens", fmt_count(text, n));
}

/* The cap that lets the smallest share of slots through, if that is small. */
static const struct against *scarcest(const struct against *all, size_t n)
{
    const struct against *worst = NULL;
    for (size_t i = 0; i < n; i++) {
        const struct against *a = &all[i];
        if (a->cap <= 0 || a->wanted <= 0 || times(SCARCE, a->cap) >= a->wanted)
            continue;
        if (!worst || (int128)a->cap * worst->wanted < (int128)worst->cap * a->wanted)
            worst = a;
    }
    return worst;
}

static void warn_cap(const struct config *c, const struct spend_caps *caps, const char *whose,
                     struct spend_caps wanted, struct diag *d)
{
    const struct against all[] = {
        {"an hour", caps->tokens_hour, wanted.tokens_hour, false},
        {"a day", caps->tokens_day, wanted.tokens_day, false},
        {"an hour", caps->cost_hour, wanted.cost_hour, true},
        {"a day", caps->cost_day, wanted.cost_day, true},
    };
    const struct against *a = scarcest(all, countof(all));
    const char *currency = c->daemon.prices.currency ? c->daemon.prices.currency : "";
    char cap[128], most[128];
    if (!a)
        return;
    say_amount(cap, sizeof(cap), a->cap, a->is_cost, currency);
    say_amount(most, sizeof(most), a->wanted, a->is_cost, currency);
    diag_warning(d, caps->pos,
                 "spend: %s may come to %s %s, if answers are as long as they may be; of a cap of "
                 "%s most slots would be held back: a longer interval, a lower max_tokens, or a "
                 "higher cap",
                 whose, most, a->per, cap);
}

static struct spend_caps wanted_of(const struct worth *w)
{
    return (struct spend_caps){.tokens_hour = times(w->runs_hour, w->tokens),
                               .tokens_day = w->tokens_day,
                               .cost_hour = times(w->runs_hour, w->cost),
                               .cost_day = w->cost_day};
}

static void sum(int64_t *into, int64_t n)
{
    if (n > 0 && __builtin_add_overflow(*into, n, into))
        *into = INT64_MAX;
}

static void warn_all(const struct config *c, struct diag *d)
{
    struct spend_caps all = {0};
    struct worth w;
    for (size_t i = 0; i < c->probe_count; i++) {
        if (!worth_of(c->probes[i], &w))
            continue;
        struct spend_caps one = wanted_of(&w);
        sum(&all.tokens_hour, one.tokens_hour);
        sum(&all.tokens_day, one.tokens_day);
        sum(&all.cost_hour, one.cost_hour);
        sum(&all.cost_day, one.cost_day);
    }
    warn_cap(c, &c->daemon.spend, "all agents together", all, d);
}

/* ---- questions ------------------------------------------------------------------------ */

static bool has_nonce(const struct agent_spec *s)
{
    const char *const texts[] = {s->system, s->prompt, s->body, s->arguments};
    for (size_t i = 0; i < countof(texts); i++) {
        if (texts[i] && strstr(texts[i], "{nonce}"))
            return true;
    }
    for (size_t i = 0; i < s->http.headers.n; i++) {
        const struct secret_pair *h = &s->http.headers.at[i];
        if (h->value.value && strstr(h->value.value, "{nonce}"))
            return true;
    }
    return false;
}

static bool promises(const struct config *c, const struct worth *w, enum answer_measure m)
{
    if (w->spec->expect.bounds[m])
        return true;
    for (size_t i = 0; i < c->slo_count; i++) {
        const struct slo_def *slo = c->slos[i];
        if (slo->probe == w->def && slo->sli.measure == m)
            return true;
    }
    return false;
}

/* A cache makes answers early and cheap: it matters where that is promised, or where the
 * question is long enough for a provider's own. */
static void warn_cache(const struct config *c, const struct worth *w, struct diag *d)
{
    bool matters = promises(c, w, MEASURE_TTFT) || promises(c, w, MEASURE_COST) ||
                   w->spec->worst_in >= CACHED_IN;
    if (w->spec->codec->chat && matters && !has_nonce(w->spec))
        diag_warning(d, w->def->pos,
                     "agent: each run of '%.128s' asks the same: a cache may answer it, sooner and "
                     "cheaper than what people ask; put {nonce} near the beginning of the prompt",
                     w->def->id);
}

static void warn_length(const struct config *c, const struct worth *w, struct diag *d)
{
    if (w->spec->codec->chat && !w->spec->max_tokens && promises(c, w, MEASURE_COST))
        diag_warning(d, w->def->pos,
                     "agent: a bound on the cost of '%.128s' without max_tokens: how long its "
                     "answers are, and what they cost, is the model's to choose",
                     w->def->id);
}

static void warn_overlap(const struct worth *w, struct diag *d)
{
    char timeout[UNITS_MAX], interval[UNITS_MAX];
    const struct probe_def *p = w->def;
    if (p->timeout_us > p->interval_us)
        diag_warning(d, p->pos,
                     "agent: the timeout of '%.128s', %s, is more than its interval of %s: while "
                     "it hangs, %d runs ask at once, and each may have to be paid for",
                     p->id, units_duration(timeout, p->timeout_us),
                     units_duration(interval, p->interval_us), p->max_in_flight);
}

void check_agents_warn(const struct config *c, struct diag *d)
{
    struct worth w;
    for (size_t i = 0; i < c->probe_count; i++) {
        if (!worth_of(c->probes[i], &w))
            continue;
        mem_auto char *whose = mem_printf("'%.128s'", w.def->id);
        warn_cap(c, &w.spec->spend, whose, wanted_of(&w), d);
        warn_cache(c, &w, d);
        warn_length(c, &w, d);
        warn_overlap(&w, d);
    }
    warn_all(c, d);
}

/* Tools and other agents, as a rule, do not. */
static bool tells_tokens(const struct agent_spec *s)
{
    return s->codec->chat || s->paths.tokens_in || s->paths.tokens_out;
}

/* ---- for people, for programs ------------------------------------------------------------ */

static void print_worth(const struct worth *w, const char *currency)
{
    char runs[FMT_MAX], each[FMT_MAX], day[FMT_MAX], cost[UNITS_MAX];
    printf("  %s: %s runs a day", w->def->id, fmt_count(runs, w->runs_day));
    if (!tells_tokens(w->spec)) {
        printf(", whose answers tell no tokens: a cap takes each for %s\n",
               fmt_count(each, w->tokens));
        return;
    }
    if (w->spec->max_tokens)
        printf(" of at most %s tokens", fmt_count(each, w->tokens));
    else
        printf(" of %s tokens, if an answer has %d", fmt_count(each, w->tokens),
               AGENT_TOKENS_UNSAID);
    printf(": %s tokens", fmt_count(day, w->tokens_day));
    if (w->cost_day >= 0)
        printf(", %s %s\n", money(cost, w->cost_day), currency);
    else
        puts(", and what these cost is not known");
}

void check_agents_print(const struct config *c, bool color)
{
    const char *currency = c->daemon.prices.currency ? c->daemon.prices.currency : "";
    int64_t tokens = 0, cost = 0;
    size_t agents = 0, counted = 0, unpriced = 0;
    struct worth w;
    char text[FMT_MAX], sum_text[UNITS_MAX];
    for (size_t i = 0; i < c->probe_count; i++) {
        if (!worth_of(c->probes[i], &w))
            continue;
        if (agents++ == 0)
            printf("%sagents%s: what a day may come to, if each answer is as long as it may be\n",
                   color ? "\033[1m" : "", color ? "\033[0m" : "");
        print_worth(&w, currency);
        if (!tells_tokens(w.spec))
            continue;
        counted++;
        sum(&tokens, w.tokens_day);
        sum(&cost, w.cost_day);
        unpriced += w.cost_day < 0;
    }
    if (counted > 1 && unpriced)
        printf("  together: %s tokens\n", fmt_count(text, tokens));
    else if (counted > 1)
        printf("  together: %s tokens, %s %s\n", fmt_count(text, tokens), money(sum_text, cost),
               currency);
    if (agents)
        putchar('\n');
}

void check_agents_json(const struct config *c, struct str *out)
{
    const char *sep = "";
    struct worth w;
    char cost[UNITS_MAX];
    str_add(out, ",\"agents\":[");
    for (size_t i = 0; i < c->probe_count; i++) {
        if (!worth_of(c->probes[i], &w))
            continue;
        str_addf(out, "%s{\"probe\":", sep);
        json_add_string(out, w.def->id);
        str_addf(out, ",\"runs_per_day\":%" PRId64 ",\"bounded\":%s", w.runs_day,
                 w.spec->max_tokens ? "true" : "false");
        if (tells_tokens(w.spec))
            str_addf(out, ",\"tokens_per_run\":%" PRId64 ",\"tokens_per_day\":%" PRId64, w.tokens,
                     w.tokens_day);
        else
            str_add(out, ",\"tokens_per_run\":null,\"tokens_per_day\":null");
        str_add(out, ",\"cost_per_day\":");
        if (w.cost_day >= 0 && tells_tokens(w.spec))
            str_addf(out, "\"%s\"}", money(cost, w.cost_day));
        else
            str_add(out, "null}");
        sep = ",";
    }
    str_addc(out, ']');
}
