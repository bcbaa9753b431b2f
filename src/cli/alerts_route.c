#include "cli/alerts.h"

#include "alert/route.h"
#include "base/json.h"
#include "base/units.h"
#include "cli/cli.h"
#include "model/matcher.h"
#include "report/fmt.h"

#define OUT_MAX ((size_t)64 << 20) /* some KiB for each route */

struct printer {
    const struct string_map *labels;
    struct str out;
    struct arena arena;
    const char *sep;
};

/* 0 is a wait, too. */
static const char *wait_text(char buf[static UNITS_MAX], int64_t us)
{
    return us == 0 ? "0s" : units_duration(buf, us);
}

static int finish(struct printer *p)
{
    int rc = p->out.overflow ? -1 : 0;
    if (rc < 0)
        fputs("nines alerts: there is too much to say\n", stderr);
    else
        fwrite(p->out.buf, 1, p->out.len, stdout);
    str_release(&p->out);
    arena_release(&p->arena);
    return rc;
}

/* What a configuration says is not for the terminal to interpret. */
static void add_clean(struct str *out, const char *text)
{
    fmt_clean(out, text, SIZE_MAX);
}

static void add_matchers(struct str *out, const struct matchers *list)
{
    struct str text;
    str_init(&text, OUT_MAX);
    str_addc(&text, '{');
    matchers_text(list, &text);
    str_addc(&text, '}');
    add_clean(out, text.buf);
    str_release(&text);
}

static void add_waits(struct str *out, const struct route_def *r)
{
    char wait[UNITS_MAX], interval[UNITS_MAX], repeat[UNITS_MAX];
    str_addf(out, "after %s, changes every %s, again after %s\n", wait_text(wait, r->group_wait_us),
             wait_text(interval, r->group_interval_us), wait_text(repeat, r->repeat_interval_us));
}

static void add_key(struct printer *p, const struct route_taken *taken, bool json)
{
    struct str key;
    struct string_map group = route_group_labels(taken->path[taken->depth], p->labels, &p->arena);
    str_init(&key, OUT_MAX);
    route_group_key(taken, &group, &key);
    if (json)
        json_add_string(&p->out, key.buf);
    else
        add_clean(&p->out, key.buf);
    str_release(&key);
}

/* ---- the routes of one alert ------------------------------------------------------------- */

static void put_text(void *ctx, const struct route_taken *taken)
{
    struct printer *p = ctx;
    const struct route_def *r = taken->path[taken->depth];
    add_clean(&p->out, r->receiver);
    str_add(&p->out, "\n  way    ");
    for (size_t i = 0; i <= taken->depth; i++) {
        str_add(&p->out, i ? " > " : "");
        add_matchers(&p->out, &taken->path[i]->matchers);
    }
    str_addf(&p->out, "  (line %d)\n  group  ", r->pos.line);
    add_key(p, taken, false);
    str_add(&p->out, "\n  sent   ");
    add_waits(&p->out, r);
}

int alerts_route_text(const struct routing_def *r, const struct string_map *labels)
{
    struct printer p = {.labels = labels};
    str_init(&p.out, OUT_MAX);
    route_walk(r, labels, put_text, &p);
    return finish(&p);
}

static void json_matchers(struct str *out, const struct matchers *list)
{
    struct str text;
    str_init(&text, OUT_MAX);
    matchers_text(list, &text);
    json_add_string(out, text.buf);
    str_release(&text);
}

static void json_list(struct str *out, const char *key, const struct string_list *list)
{
    str_addf(out, ",\"%s\":[", key);
    for (size_t i = 0; i < list->n; i++) {
        str_add(out, i ? "," : "");
        json_add_string(out, list->at[i]);
    }
    str_addc(out, ']');
}

/* Without its brace at the end. */
static void json_route(struct str *out, const struct route_def *r)
{
    const char *all[] = {"..."};
    const struct string_list every = {all, 1};
    char wait[UNITS_MAX], interval[UNITS_MAX], repeat[UNITS_MAX];
    str_add(out, "{\"receiver\":");
    json_add_string(out, r->receiver);
    str_addf(out,
             ",\"index\":%zu,\"line\":%d,\"continue\":%s,\"group_wait\":\"%s\","
             "\"group_interval\":\"%s\",\"repeat_interval\":\"%s\"",
             r->index, r->pos.line, r->go_on ? "true" : "false", wait_text(wait, r->group_wait_us),
             wait_text(interval, r->group_interval_us), wait_text(repeat, r->repeat_interval_us));
    json_list(out, "group_by", r->group_by_all ? &every : &r->group_by);
    json_list(out, "mute_time_intervals", &r->mute_time_intervals);
    json_list(out, "active_time_intervals", &r->active_time_intervals);
}

static void put_json(void *ctx, const struct route_taken *taken)
{
    struct printer *p = ctx;
    str_add(&p->out, p->sep);
    json_route(&p->out, taken->path[taken->depth]);
    str_add(&p->out, ",\"path\":[");
    for (size_t i = 0; i <= taken->depth; i++) {
        str_add(&p->out, i ? "," : "");
        json_matchers(&p->out, &taken->path[i]->matchers);
    }
    str_add(&p->out, "],\"group_key\":");
    add_key(p, taken, true);
    str_addc(&p->out, '}');
    p->sep = ",";
}

int alerts_route_json(const struct routing_def *r, const struct string_map *labels)
{
    struct printer p = {.labels = labels, .sep = ""};
    str_init(&p.out, OUT_MAX);
    str_add(&p.out, "{\"labels\":{");
    for (size_t i = 0; i < labels->n; i++) {
        str_add(&p.out, i ? "," : "");
        json_add_string(&p.out, labels->at[i].key);
        str_addc(&p.out, ':');
        json_add_string(&p.out, labels->at[i].value);
    }
    str_add(&p.out, "},\"routes\":[");
    route_walk(r, labels, put_json, &p);
    str_add(&p.out, "]}\n");
    return finish(&p);
}

/* ---- the tree ---------------------------------------------------------------------------- */

static void add_group_by(struct str *out, const struct route_def *r)
{
    str_add(out, r->group_by_all ? "all labels" : r->group_by.n ? "" : "nothing");
    for (size_t i = 0; i < r->group_by.n; i++) {
        str_add(out, i ? ", " : "");
        add_clean(out, r->group_by.at[i]);
    }
}

static void tree_text(struct str *out, const struct route_def *r, int depth)
{
    str_addf(out, "%*s", 2 * depth, "");
    add_matchers(out, &r->matchers);
    str_add(out, " -> ");
    add_clean(out, r->receiver);
    str_addf(out, "%s\n%*sgrouped by ", r->go_on ? ", continue" : "", 2 * depth + 4, "");
    add_group_by(out, r);
    str_add(out, ", ");
    add_waits(out, r);
    for (size_t i = 0; i < r->route_count; i++)
        tree_text(out, &r->routes[i], depth + 1);
}

int alerts_tree_text(const struct routing_def *r)
{
    struct printer p = {0};
    str_init(&p.out, OUT_MAX);
    tree_text(&p.out, &r->root, 0);
    return finish(&p) < 0 ? EXIT_BAD : EXIT_GOOD;
}

static void tree_json(struct str *out, const struct route_def *r)
{
    json_route(out, r);
    str_add(out, ",\"matchers\":");
    json_matchers(out, &r->matchers);
    str_add(out, ",\"routes\":[");
    for (size_t i = 0; i < r->route_count; i++) {
        str_add(out, i ? "," : "");
        tree_json(out, &r->routes[i]);
    }
    str_add(out, "]}");
}

int alerts_tree_json(const struct routing_def *r)
{
    struct printer p = {0};
    str_init(&p.out, OUT_MAX);
    tree_json(&p.out, &r->root);
    str_addc(&p.out, '\n');
    return finish(&p) < 0 ? EXIT_BAD : EXIT_GOOD;
}
