#include "engine/conditions_internal.h"

#include "base/mem.h"
#include "base/str.h"
#include "engine/evaluate.h"
#include "slo/alert.h"
#include "slo/hours.h"

/* ---- names ------------------------------------------------------------------------ */

const char *condition_subject_name(const struct condition_subject *who)
{
    return who->slo ? who->slo->name : who->probe ? who->probe->id : "";
}

static const char *objective_of(const struct condition_subject *who)
{
    return who->slo ? who->slo->objective_name : "";
}

char *condition_key(const struct condition_now *now)
{
    return mem_printf("%s\n%s\n%s", condition_info(now->def->kind)->name,
                      condition_subject_name(&now->who), now->name);
}

static const struct condition *find_in(const struct condition_list *list, const char *objective,
                                       const struct alert_transition *t)
{
    char name[CONDITION_NAME_MAX];
    for (size_t i = 0; i < list->n; i++)
        if (str_eq(condition_info(list->at[i].kind)->name, t->condition) &&
            str_eq(condition_name(&list->at[i], objective, name), t->objective_name))
            return &list->at[i];
    return NULL;
}

static const struct condition *find_of_slo(const struct config *cfg,
                                           const struct alert_transition *t)
{
    const struct condition *found = NULL;
    for (size_t i = 0; !found && i < cfg->slo_count; i++)
        if (str_eq(cfg->slos[i]->name, t->slo))
            found = find_in(&cfg->slos[i]->conditions, cfg->slos[i]->objective_name, t);
    return found;
}

const struct condition *conditions_find(const struct config *cfg, const struct alert_transition *t)
{
    const struct condition *process = &cfg->daemon.prober_down;
    const struct probe_def *probe = config_probe(cfg, t->slo);
    const struct condition *found = find_of_slo(cfg, t);
    if (!found && probe)
        found = find_in(&probe->conditions, "", t);
    if (!found && !t->slo[0] && process->severity != SEVERITY_NONE)
        found = find_in(&(struct condition_list){process, 1}, "", t);
    return found;
}

/* ---- snapshots --------------------------------------------------------------------- */

static size_t count_rules(const struct config *cfg)
{
    size_t n = 1;
    for (size_t i = 0; i < cfg->slo_count; i++)
        n += cfg->slos[i]->conditions.n;
    for (size_t i = 0; i < cfg->probe_count; i++)
        n += cfg->probes[i]->conditions.n;
    return n;
}

static void free_rules(struct rule *rules, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(rules[i].name);
        free(rules[i].key);
    }
    free(rules);
}

/* Where a rule that was known goes on; a new one waits for its past. */
static void add_rule(struct conditions *c, const struct condition *def,
                     struct condition_subject who, struct rule more)
{
    char name[CONDITION_NAME_MAX];
    struct rule *r = &c->rules[c->n];
    *r = more;
    r->name = mem_strdup(condition_name(def, objective_of(&who), name));
    r->now = (struct condition_now){.def = def, .who = who, .name = r->name};
    r->key = condition_key(&r->now);
    const struct rule *known = table_get(&c->by_key, r->key);
    if (known) {
        r->now.state = known->now.state;
        r->now.settled = known->now.settled;
    }
    c->due[c->n++] = r->now.settled ? 0 : INT64_MAX;
}

static struct ear *need_ear(struct conditions *c, const char *id)
{
    struct ear *ear = table_get(&c->by_id, id);
    if (ear)
        return ear;
    ear = mem_alloc(sizeof(*ear));
    ear->id = mem_strdup(id);
    ear->attached_us = INT64_MIN;
    vec_push(&c->ears, ear);
    table_set(&c->by_id, ear->id, ear);
    return ear;
}

static void add_probe(struct conditions *c, const struct probe_def *def)
{
    if (def->conditions.n == 0)
        return;
    struct ear *ear = need_ear(c, def->id);
    ear->used = true;
    ear->first = c->n;
    ear->count = def->conditions.n;
    for (size_t i = 0; i < def->conditions.n; i++)
        add_rule(c, &def->conditions.at[i], (struct condition_subject){.probe = def},
                 (struct rule){.ear = ear});
}

static void drop_unused_ears(struct conditions *c)
{
    size_t kept = 0;
    for (size_t i = 0; i < c->ears.len; i++) {
        struct ear *ear = c->ears.at[i];
        if (ear->used) {
            c->ears.at[kept++] = ear;
            continue;
        }
        table_remove(&c->by_id, ear->id);
        free(ear->id);
        free(ear);
    }
    c->ears.len = kept;
}

static void add_all(struct conditions *c, const struct config *cfg)
{
    for (size_t i = 0; i < cfg->slo_count; i++)
        for (size_t k = 0; k < cfg->slos[i]->conditions.n; k++)
            add_rule(c, &cfg->slos[i]->conditions.at[k],
                     (struct condition_subject){.slo = cfg->slos[i]}, (struct rule){.slo = i});
    for (size_t i = 0; i < cfg->probe_count; i++)
        add_probe(c, cfg->probes[i]);
    if (cfg->daemon.prober_down.severity != SEVERITY_NONE)
        add_rule(c, &cfg->daemon.prober_down, (struct condition_subject){0}, (struct rule){0});
}

void conditions_set_config(struct conditions *c, struct config *cfg)
{
    struct rule *before = c->rules;
    size_t count = c->n, max = count_rules(cfg);
    free(c->due);
    c->rules = mem_array(max, sizeof(*c->rules));
    c->due = mem_array(max, sizeof(*c->due));
    c->n = 0;
    for (size_t i = 0; i < c->ears.len; i++)
        c->ears.at[i]->used = false;
    add_all(c, cfg);
    drop_unused_ears(c);
    table_release(&c->by_key);
    for (size_t i = 0; i < c->n; i++)
        table_set(&c->by_key, c->rules[i].key, &c->rules[i]);
    free_rules(before, count);
    struct config *previous = c->config;
    c->config = config_ref(cfg);
    config_unref(previous);
}

/* ---- runs ---------------------------------------------------------------------------- */

/* Inactive rules are looked at when they may begin to hold. */
static void wake(struct conditions *c, const struct ear *ear, enum condition_kind kind)
{
    for (size_t i = ear->first; i < ear->first + ear->count; i++) {
        const struct condition_now *now = &c->rules[i].now;
        if (now->def->kind == kind && now->settled)
            c->due[i] = 0;
    }
}

void conditions_result(struct conditions *c, const char *probe, const struct observation *obs)
{
    struct ear *ear = table_get(&c->by_id, probe);
    const struct result *r = &obs->result;
    if (!ear)
        return;
    run_tail_add(&ear->runs, (enum outcome)r->outcome);
    if (r->outcome == OUTCOME_BAD)
        wake(c, ear, CONDITION_FAILURES);
    if (obs->cert_not_after_us && obs->cert_not_after_us != ear->cert_not_after_us) {
        ear->cert_not_after_us = obs->cert_not_after_us;
        wake(c, ear, CONDITION_CERTIFICATE);
    }
}

/* ---- ticks --------------------------------------------------------------------------- */

/* Outside of service hours nothing is silent: it is as if the last run had been an
 * interval before the first that is expected. */
static int64_t first_ear_us(const struct probe_def *def, int64_t since_us, int64_t t_us)
{
    if (!def->hours)
        return since_us;
    int64_t next =
        hours_next(def->hours, def->phase_us, def->interval_us, since_us < 0 ? 0 : since_us + 1);
    if (next == INT64_MAX)
        return t_us;
    return next - def->interval_us > since_us ? next - def->interval_us : since_us;
}

/* Of a composite the member that is expected first. */
static int64_t first_of_all_us(const struct slo_def *slo, int64_t since_us, int64_t t_us)
{
    int64_t first_us = INT64_MAX;
    for (size_t i = 0; i < slo_part_count(slo); i++) {
        int64_t us = first_ear_us(slo_part(slo, i)->probe, since_us, t_us);
        first_us = us < first_us ? us : first_us;
    }
    return first_us;
}

static bool view_of_slo(const struct conditions *c, const struct evaluator *e,
                        const struct rule *rule, struct condition_view *v)
{
    struct slo_heard heard;
    enum condition_kind kind = rule->now.def->kind;
    if (kind != CONDITION_NO_DATA)
        return evaluator_spent(e, rule->slo, &v->use, kind == CONDITION_EXHAUSTS ? &v->pace : NULL);
    if (!evaluator_heard(e, rule->slo, &heard))
        return false;
    v->data_us = heard.data_us;
    v->listens_us = heard.deaf_us > c->listens_us ? heard.deaf_us : c->listens_us;
    v->interval_us = heard.interval_us;
    v->listens_us = first_of_all_us(rule->now.who.slo, condition_silent_since(v), c->tick_us);
    return true;
}

/* False: what it would be judged by is not read yet. */
static bool view_of(const struct conditions *c, const struct evaluator *e, const struct rule *rule,
                    struct condition_view *v)
{
    *v = (struct condition_view){0};
    if (rule->now.who.slo)
        return view_of_slo(c, e, rule, v);
    if (rule->ear) {
        v->runs = rule->ear->runs;
        v->cert_not_after_us = rule->ear->cert_not_after_us;
        return rule->ear->settled;
    }
    v->failing_us = c->failing_us;
    v->gap_from_us = c->gap_from_us;
    v->gap_to_us = c->gap_to_us;
    return c->lived;
}

/* When an inactive one may begin to hold; what wakes it before does so itself. */
static int64_t next_look(const struct rule *rule, const struct condition_view *v)
{
    if (rule->now.state.phase != ALERT_INACTIVE)
        return 0;
    if (rule->now.def->kind == CONDITION_FAILURES)
        return INT64_MAX;
    if (rule->now.def->kind == CONDITION_CERTIFICATE)
        return v->cert_not_after_us ? v->cert_not_after_us - rule->now.def->within_us : INT64_MAX;
    if (rule->now.def->kind == CONDITION_NO_DATA)
        return condition_silent_since(v) + condition_silent_us(v->interval_us);
    return 0;
}

static bool is_muted(const struct evaluator *e, const struct rule *rule, int64_t t_us)
{
    if (rule->now.who.slo)
        return evaluator_mutes_slo(e, rule->slo, t_us);
    return rule->now.who.probe && evaluator_mutes_probe(e, rule->now.who.probe, t_us);
}

static void look(struct conditions *c, const struct evaluator *e, size_t i, int64_t t_us)
{
    struct rule *rule = &c->rules[i];
    struct condition_now *now = &rule->now;
    struct condition_view v;
    struct alert_transition tr;
    if (!now->settled || !view_of(c, e, rule, &v))
        return;
    enum severity want = condition_wanted(now->def, &v, &now->state, t_us);
    if (now->state.phase == ALERT_INACTIVE && want == SEVERITY_NONE) {
        c->due[i] = next_look(rule, &v);
        return;
    }
    bool muted = is_muted(e, rule, t_us);
    bool moved = alert_step_plain(&now->state, now->def->for_us, want, t_us, muted, &tr);
    c->due[i] = next_look(rule, &v);
    if (!moved)
        return;
    tr.condition = condition_info(now->def->kind)->name;
    tr.slo = condition_subject_name(&now->who);
    tr.objective_name = now->name;
    tr.service = now->who.slo ? now->who.slo->service : "";
    c->hooks.transition(c->hooks.ctx, now, &v, &tr);
}

/* Ticks that did not come are time in which nobody listened. */
static void note_gap(struct conditions *c, int64_t t_us)
{
    if (c->tick_us && t_us - c->tick_us >= CONDITION_GAP_US) {
        c->gap_from_us = c->tick_us;
        c->gap_to_us = c->listens_us = t_us;
    }
    c->tick_us = t_us;
}

void conditions_tick(struct conditions *c, const struct evaluator *e, int64_t failing_us,
                     int64_t t_us)
{
    note_gap(c, t_us);
    c->failing_us = failing_us;
    for (size_t i = 0; i < c->n; i++)
        if (c->due[i] <= t_us)
            look(c, e, i, t_us);
}

/* ---- looking in ------------------------------------------------------------------------ */

size_t conditions_count(const struct conditions *c)
{
    return c->n;
}

const struct condition_now *conditions_at(const struct conditions *c, size_t i)
{
    return &c->rules[i].now;
}

bool conditions_view(const struct conditions *c, const struct evaluator *e, size_t i,
                     struct condition_view *ret)
{
    return view_of(c, e, &c->rules[i], ret) && c->tick_us;
}

/* ---- life ------------------------------------------------------------------------------ */

struct conditions *conditions_new(const struct conditions_hooks *hooks, int64_t now_us)
{
    struct conditions *c = mem_alloc(sizeof(*c));
    c->hooks = *hooks;
    c->listens_us = now_us;
    return c;
}

void conditions_free(struct conditions *c)
{
    if (!c)
        return;
    table_release(&c->by_key);
    for (size_t i = 0; i < c->ears.len; i++)
        c->ears.at[i]->used = false;
    drop_unused_ears(c);
    table_release(&c->by_id);
    vec_release(&c->ears);
    free_rules(c->rules, c->n);
    free(c->due);
    config_unref(c->config);
    free(c);
}
