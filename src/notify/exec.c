#include "notify/exec.h"

#include "base/units.h"
#include "notify/text.h"
#include "wire/message.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define TIMEOUT_US (30 * USEC_PER_SEC)
#define ARGUMENTS_MAX 256
#define ENV_MAX 64
#define INPUT_MAX ((size_t)32 << 20)
#define TRY_LATER 75

static const struct field exec_fields[] = {
    {"send_resolved", FIELD_BOOL, offsetof(struct exec_spec, send_resolved),
     .help = "run it at the end as well"},
    {"command", FIELD_STRING_LIST, offsetof(struct exec_spec, command), .flags = FIELD_REQUIRED,
     .help = "the program and its arguments"},
    {"env", FIELD_SECRET_MAP, offsetof(struct exec_spec, env), .help = "variables to add"},
    {"timeout", FIELD_DURATION, offsetof(struct exec_spec, timeout_us), .min = 100000,
     .max = 10 * USEC_PER_MIN, .help = "of one run, 30s by default"},
    {0},
};

static bool name_ok(const char *name)
{
    if (!*name || isdigit((unsigned char)*name))
        return false;
    for (; *name; name++)
        if (!isalnum((unsigned char)*name) && *name != '_')
            return false;
    return true;
}

static void check(struct decode *c, const struct node *n, const struct exec_spec *s)
{
    const struct node *command = node_get(n, "command"), *env = node_get(n, "env");
    if (s->command.n == 0 || s->command.at[0][0] != '/')
        diag_error(c->diag, command->pos, "command: expected the absolute path of a program first");
    if (s->command.n > ARGUMENTS_MAX)
        diag_error(c->diag, command->pos, "command: more than %d arguments", ARGUMENTS_MAX);
    if (s->env.n > ENV_MAX)
        diag_error(c->diag, env->pos, "env: more than %d variables", ENV_MAX);
    for (size_t i = 0; i < s->env.n; i++) {
        if (!name_ok(s->env.at[i].key) || str_starts(s->env.at[i].key, "NINES_"))
            diag_error(c->diag, env->pos,
                       "env: %.60s is no name for a variable of yours: letters, digits and _, "
                       "not NINES_",
                       s->env.at[i].key);
    }
}

struct exec_spec *exec_decode(struct decode *c, const struct node *n)
{
    size_t errors = c->diag->errors;
    struct exec_spec *s = arena_alloc(c->arena, sizeof(*s));
    s->send_resolved = true;
    s->timeout_us = TIMEOUT_US;
    decode_object(c, n, exec_fields, s);
    if (c->diag->errors == errors)
        check(c, n, s);
    return s;
}

/* The user's come last: getenv() of most programs takes the first, so ours are not
 * theirs to change, and PATH and LANG are left out where they say them. */
static const char **make_env(const struct exec_spec *s, const struct message *m,
                             const char *dedup_key, struct arena *arena)
{
    const char **env = arena_alloc(arena, (s->env.n + 6) * sizeof(*env));
    size_t n = 0;
    bool path = false, lang = false;
    env[n++] = arena_printf(arena, "NINES_STATUS=%s", m->firing ? "firing" : "resolved");
    env[n++] = arena_printf(arena, "NINES_RECEIVER=%s", m->receiver ? m->receiver : "");
    env[n++] = arena_printf(arena, "NINES_DEDUP_KEY=%s", dedup_key);
    for (size_t i = 0; i < s->env.n; i++) {
        const struct secret_pair *p = &s->env.at[i];
        path = path || str_eq(p->key, "PATH");
        lang = lang || str_eq(p->key, "LANG");
        env[n++] = arena_printf(arena, "%s=%s", p->key, p->value.value);
    }
    if (!path)
        env[n++] = "PATH=/usr/local/bin:/usr/bin:/bin";
    if (!lang)
        env[n++] = "LANG=C.UTF-8";
    return env;
}

int exec_build(const struct exec_spec *spec, const struct message *m, const char *dedup_key,
               struct arena *arena, struct str *input, struct command_request *ret,
               struct err *reterr)
{
    const char **argv = arena_alloc(arena, (spec->command.n + 1) * sizeof(*argv));
    memcpy(argv, spec->command.at, spec->command.n * sizeof(*argv));
    str_init(input, INPUT_MAX);
    message_write(m, input);
    str_addc(input, '\n');
    if (input->overflow)
        return err_set(reterr, "the message is too long");
    *ret = (struct command_request){
        .argv = argv,
        .env = make_env(spec, m, dedup_key, arena),
        .input = input->buf,
        .input_len = input->len,
        .timeout_us = spec->timeout_us,
    };
    return 0;
}

/* First words of what it said. */
static void output_text(const struct command_result *r, char *buf, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < r->output_len && n + 1 < size && r->output[i] != '\n'; i++) {
        unsigned char c = (unsigned char)r->output[i];
        if (c >= ' ' && c < 0x7f)
            buf[n++] = (char)c;
    }
    buf[n] = '\0';
}

void exec_judge(const struct command_result *r, struct verdict *ret)
{
    char said[96], how[128];
    *ret = (struct verdict){.delivery = DELIVERY_RETRY};
    if (r->failed)
        snprintf(how, sizeof(how), "cannot be started: %s", r->failed);
    else if (r->timed_out)
        snprintf(how, sizeof(how), "timed out");
    else if (r->signal)
        snprintf(how, sizeof(how), "ended by signal %d", r->signal);
    else
        snprintf(how, sizeof(how), "exit code %d", r->exit_code);
    bool ended = !r->failed && !r->timed_out && !r->signal;
    if (ended && r->exit_code == 0)
        ret->delivery = DELIVERY_OK;
    else if (ended && r->exit_code >= 64 && r->exit_code <= 78 && r->exit_code != TRY_LATER)
        ret->delivery = DELIVERY_REJECTED;
    output_text(r, said, sizeof(said));
    snprintf(ret->detail, sizeof(ret->detail), "%s%s%s", how, *said ? ": " : "", said);
}
