/* nines silence list */
#include "cli/json_out.h"
#include "cli/silence.h"

#include "base/clock.h"
#include "base/str.h"
#include "base/units.h"
#include "base/when.h"
#include "model/matcher.h"
#include "nines/config.h"
#include "report/fmt.h"

#include <inttypes.h>

#define LINE_MAX ((size_t)1 << 20)

static const struct command command_list = {
    .name = "silence list",
    .arguments = "",
    .summary = "list silences that are in force, or will be",
    .details =
        "Each with how many of the alerts that are on have its labels. In JSON there is one\n"
        "object in each line, with the names of Alertmanager's API.\n\n"
        "Examples:\n"
        "  nines silence list\n"
        "  nines silence list --all --json\n",
};

struct listing {
    struct silencing known;
    int64_t at_us;
    bool all, json;
};

/* When it begins, how much is left of it, or when it ended and by whom. */
static void add_state(struct str *out, const struct stored_silence *s, int64_t at_us)
{
    char when[WHEN_MAX], span[FMT_MAX], length[FMT_MAX];
    const struct silence *x = s->silence;
    enum silence_state state = silence_state(x, at_us);
    str_addf(out, "%-7s  ", silence_state_name(state));
    if (state == SILENCE_PENDING)
        str_addf(out, "in %s, for %s", fmt_span(span, x->starts_us - at_us),
                 fmt_span(length, x->ends_us - x->starts_us));
    else if (state == SILENCE_ACTIVE)
        str_addf(out, "%s left, until %s", fmt_span(span, x->ends_us - at_us),
                 when_text(when, x->ends_us));
    else
        str_addf(out, "at %s", when_text(when, s->expired_us ? s->expired_us : x->ends_us));
    if (state == SILENCE_EXPIRED && s->expired_us)
        str_addf(out, " by %s", *s->expired_by ? s->expired_by : "-");
}

static void print_text(const struct listing *l, const struct stored_silence *s)
{
    struct str line, clean;
    size_t mutes = silencing_count(&l->known, &s->silence->matchers);
    str_init(&line, LINE_MAX);
    str_init(&clean, LINE_MAX);
    str_addf(&line, "%6" PRId64 "  ", s->id);
    add_state(&line, s, l->at_us);
    str_add(&line, "  {");
    matchers_text(&s->silence->matchers, &line);
    str_addf(&line, "}  %s: %s", s->silence->author, s->silence->comment);
    if (silence_state(s->silence, l->at_us) == SILENCE_ACTIVE)
        str_addf(&line, "  (mutes %zu now)", mutes);
    fmt_clean(&clean, line.buf, SIZE_MAX);
    puts(clean.buf);
    str_release(&line);
    str_release(&clean);
}

static void print_json(const struct listing *l, const struct stored_silence *s)
{
    struct str line;
    bool active = silence_state(s->silence, l->at_us) == SILENCE_ACTIVE;
    str_init(&line, LINE_MAX);
    str_addc(&line, '{');
    silencing_put_json(s, l->at_us, &line);
    json_put_int(&line, "mutes",
                 active ? (int64_t)silencing_count(&l->known, &s->silence->matchers) : 0);
    json_put_time_if(&line, "createdAt", s->created_us);
    json_put_string(&line, "expiredBy", s->expired_us ? s->expired_by : NULL);
    str_addc(&line, '}');
    puts(line.buf);
    str_release(&line);
}

static int list(struct listing *l, const struct config *cfg, struct err *reterr)
{
    if (silence_read(cfg, &l->known, reterr) < 0)
        return -1;
    for (size_t i = 0; i < l->known.silence_count; i++) {
        const struct stored_silence *s = &l->known.silences[i];
        if (l->all || silence_state(s->silence, l->at_us) != SILENCE_EXPIRED)
            (l->json ? print_json : print_text)(l, s);
    }
    silencing_release(&l->known);
    return 0;
}

int silence_list(int argc, char **argv)
{
    const struct command *self = &command_list;
    struct cli_common common = {0};
    struct listing l = {0};
    struct err err;
    const struct cli_option options[] = {
        {"all", 'a', OPT_FLAG, &l.all, NULL, "those that are over too"},
        {"at", 0, OPT_TIME, &l.at_us, "TIME", "which ones are in force at TIME instead of now"},
        {0},
    };
    int first, rc = cli_parse(self, options, argc, argv, &common, &first);
    if (rc >= 0)
        return rc;
    if (first < argc)
        return cli_usage(self, "unexpected argument '%s'", argv[first]);
    if (common.format && !str_eq(common.format, "text") && !str_eq(common.format, "json"))
        return cli_usage(self, "--format is text or json; found '%s'", common.format);
    l.json = str_eq(common.format, "json");
    if (!l.at_us)
        l.at_us = clock_wall_us();
    struct config *cfg = cli_config(self, &common, true);
    if (!cfg)
        return EXIT_BAD;
    rc = list(&l, cfg, &err);
    config_unref(cfg);
    return rc < 0 ? cli_fail(self, "%s", err.msg) : EXIT_GOOD;
}
