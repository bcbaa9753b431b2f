/* Options by table: parsing, the nearest option, help. */
#include "cli/cli.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "base/when.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define OPTIONS_MAX 64

/* One parse: the command's options and, behind them, the common ones. */
struct parse {
    const struct command *self;
    const struct cli_option *options[OPTIONS_MAX];
    size_t n;
    int argc;
    char **argv;
    int at;
};

static const struct cli_option *by_name(const struct parse *p, const char *name, size_t len)
{
    for (size_t i = 0; i < p->n; i++)
        if (strlen(p->options[i]->name) == len && memcmp(p->options[i]->name, name, len) == 0)
            return p->options[i];
    return NULL;
}

static const struct cli_option *by_letter(const struct parse *p, char letter)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->options[i]->letter == letter)
            return p->options[i];
    return NULL;
}

static int unknown_option(const struct parse *p, const char *name, size_t len)
{
    const char *names[OPTIONS_MAX];
    for (size_t i = 0; i < p->n; i++)
        names[i] = p->options[i]->name;
    mem_auto char *word = mem_strndup(name, len);
    const char *near = str_nearest(word, names, p->n);
    if (near)
        return cli_usage(p->self, "unknown option '--%s'; did you mean '--%s'?", word, near);
    return cli_usage(p->self, "unknown option '--%s'", word);
}

/* Stores one value; EXIT_USAGE or -1 to go on. */
static int store(const struct parse *p, const struct cli_option *o, const char *value)
{
    struct err err;
    int rc = 0;
    switch (o->type) {
    case OPT_FLAG:
        *(bool *)o->target = true;
        break;
    case OPT_STRING:
        *(const char **)o->target = value;
        break;
    case OPT_STRINGS: {
        struct option_list *list = o->target;
        if (list->n == countof(list->at))
            return cli_usage(p->self, "--%s: at most %zu times", o->name, countof(list->at));
        list->at[list->n++] = value;
        break;
    }
    case OPT_TIME:
        rc = when_parse(value, strlen(value), o->target, &err);
        break;
    case OPT_DURATION:
        rc = units_parse_duration(value, o->target, &err);
        break;
    }
    return rc < 0 ? cli_usage(p->self, "--%s: %s", o->name, err.msg) : -1;
}

/* `value` is what stood behind the option in the same word, or NULL. */
static int take(struct parse *p, const struct cli_option *o, const char *value)
{
    if (o->type == OPT_FLAG) {
        if (value)
            return cli_usage(p->self, "--%s takes no value", o->name);
        return store(p, o, NULL);
    }
    if (!value) {
        if (p->at == p->argc)
            return cli_usage(p->self, "--%s needs a value: %s", o->name, o->value);
        value = p->argv[p->at++];
    }
    return store(p, o, value);
}

static int take_long(struct parse *p, const char *word)
{
    size_t len = strcspn(word, "=");
    const struct cli_option *o = by_name(p, word, len);
    if (!o)
        return unknown_option(p, word, len);
    return take(p, o, word[len] ? word + len + 1 : NULL);
}

/* "-jf FILE", "-fFILE" */
static int take_letters(struct parse *p, const char *word)
{
    int rc = -1;
    while (*word && rc < 0) {
        const struct cli_option *o = by_letter(p, *word);
        if (!o)
            return cli_usage(p->self, "unknown option '-%c'", *word);
        word++;
        if (o->type != OPT_FLAG)
            return take(p, o, *word ? word : NULL);
        rc = take(p, o, NULL);
    }
    return rc;
}

/* Takes all options; operands are moved to the end of argv, in order. */
static int take_all(struct parse *p, int *ret_first)
{
    mem_auto char **operands = mem_array((size_t)p->argc, sizeof(*operands));
    int n = 0, rc = -1;
    while (p->at < p->argc && rc < 0) {
        char *word = p->argv[p->at++];
        if (str_eq(word, "--")) {
            while (p->at < p->argc)
                operands[n++] = p->argv[p->at++];
        } else if (str_starts(word, "--")) {
            rc = take_long(p, word + 2);
        } else if (word[0] == '-' && word[1]) {
            rc = take_letters(p, word + 1);
        } else {
            operands[n++] = word;
        }
    }
    *ret_first = p->argc - n;
    memcpy(p->argv + *ret_first, operands, (size_t)n * sizeof(*operands));
    return rc;
}

static void print_option(const struct cli_option *o)
{
    char left[64], letter[8] = "    ";
    if (o->letter)
        snprintf(letter, sizeof(letter), "-%c, ", o->letter);
    snprintf(left, sizeof(left), "%s--%s%s%s", letter, o->name, o->type == OPT_FLAG ? "" : " ",
             o->type == OPT_FLAG ? "" : o->value);
    printf("  %-28s %s\n", left, o->help);
}

static int print_help(const struct parse *p, size_t own)
{
    const struct command *c = p->self;
    bool more = c->arguments && *c->arguments;
    printf("usage: nines %s [OPTION...]%s%s\n\n%s\n", c->name, more ? " " : "",
           more ? c->arguments : "", c->summary);
    if (own > 0)
        puts("\noptions:");
    for (size_t i = 0; i < p->n; i++) {
        if (i == own)
            puts("\ncommon options:");
        print_option(p->options[i]);
    }
    if (c->details)
        printf("\n%s%s", c->details, c->details[strlen(c->details) - 1] == '\n' ? "" : "\n");
    return EXIT_GOOD;
}

int cli_parse(const struct command *self, const struct cli_option *options, int argc, char **argv,
              struct cli_common *common, int *ret_first)
{
    bool json = false;
    *common = (struct cli_common){0};
    const struct cli_option shared[] = {
        {"config", 'c', OPT_STRING, &common->config, "FILE", "instead of ./nines.yaml"},
        {"db", 0, OPT_STRING, &common->db, "FILE", "database, instead of the configuration's"},
        {"format", 'f', OPT_STRING, &common->format, "NAME", "output format"},
        {"json", 0, OPT_FLAG, &json, NULL, "the same as --format json"},
        {"color", 0, OPT_STRING, &common->color, "WHEN", "auto, always or never"},
        {"help", 'h', OPT_FLAG, &common->help, NULL, "this text"},
    };
    struct parse p = {.self = self, .argc = argc, .argv = argv, .at = 1};
    for (; options && options->name; options++) {
        assert(p.n + countof(shared) < OPTIONS_MAX);
        p.options[p.n++] = options;
    }
    size_t own = p.n;
    for (size_t i = 0; i < countof(shared); i++)
        p.options[p.n++] = &shared[i];

    int rc = take_all(&p, ret_first);
    if (rc >= 0)
        return rc;
    if (common->help)
        return print_help(&p, own);
    if (common->db && !*common->db)
        return cli_usage(self, "--db needs the name of a file");
    if (common->config && !*common->config)
        return cli_usage(self, "--config needs the name of a file");
    if (json && common->format && !str_eq(common->format, "json"))
        return cli_usage(self, "--json and --format %s exclude each other", common->format);
    if (json)
        common->format = "json";
    static const char *const whens[] = {"auto", "always", "never"};
    for (size_t i = 0; common->color && !str_eq(common->color, whens[i]); i++)
        if (i + 1 == countof(whens))
            return cli_usage(self, "--color is auto, always or never; found '%s'", common->color);
    return -1;
}
