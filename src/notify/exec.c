#include "notify/exec.h"

#include "base/mem.h"
#include "base/units.h"
#include "notify/redact.h"
#include "notify/send.h"
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
    {"send_resolved", FIELD_BOOL, offsetof(struct exec_spec, base.send_resolved),
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

static void exec_prepare(struct decode *c, const struct node *n, const struct node *global,
                         void *spec)
{
    const struct exec_spec *s = spec;
    (void)global; /* has nothing about programs */
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

/* The user's come last: getenv() of most programs takes the first, so ours are not
 * theirs to change, and PATH and LANG are left out where they say them. */
static const char **make_env(const struct exec_spec *s, const struct notification *note,
                             struct arena *arena)
{
    const char **env = arena_alloc(arena, (s->env.n + 7) * sizeof(*env));
    const struct message *m = note->message;
    size_t n = 0;
    bool path = false, lang = false;
    env[n++] = arena_printf(arena, "NINES_STATUS=%s", m->firing ? "firing" : "resolved");
    env[n++] = arena_printf(arena, "NINES_RECEIVER=%s", m->receiver ? m->receiver : "");
    env[n++] = arena_printf(arena, "NINES_DEDUP_KEY=%s", note->dedup_key);
    if (note->unrecorded)
        env[n++] = "NINES_UNRECORDED=true";
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

int exec_build(const struct exec_spec *spec, const struct notification *n, struct arena *arena,
               struct str *input, struct command_request *ret, struct err *reterr)
{
    const char **argv = arena_alloc(arena, (spec->command.n + 1) * sizeof(*argv));
    memcpy(argv, spec->command.at, spec->command.n * sizeof(*argv));
    str_init(input, INPUT_MAX);
    message_write(n->message, input);
    str_addc(input, '\n');
    if (input->overflow)
        return err_set(reterr, "the message is too long");
    *ret = (struct command_request){
        .argv = argv,
        .env = make_env(spec, n, arena),
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

/* ---- one run ---------------------------------------------------------------------------- */

struct run {
    struct command_run *command;
    struct notifier_env *env;
    const struct integration_def *def;
    notifier_done_fn done;
    void *ctx;
};

static void show_request(const struct run *run, const struct command_request *r)
{
    struct redact hide;
    struct str text;
    if (!run->env->show)
        return;
    redact_init(&hide, run->def);
    str_init(&text, (size_t)8 << 20);
    for (size_t i = 0; r->argv[i]; i++)
        str_addf(&text, "%s%s", i ? " " : "", r->argv[i]);
    for (size_t i = 0; r->env[i]; i++)
        str_addf(&text, "\n%s", r->env[i]);
    redact_show(&hide, run->env, "> ", text.buf, text.len, SIZE_MAX);
    run->env->show(run->env->ctx, ">");
    redact_show(&hide, run->env, "> ", r->input, r->input_len, SIZE_MAX);
    redact_release(&hide);
    explicit_bzero(text.buf, text.len);
    str_release(&text);
}

static void on_result(void *ctx, const struct command_result *r)
{
    struct run *run = ctx, copy = *run;
    struct verdict v;
    struct redact hide;
    struct str detail;
    redact_init(&hide, run->def);
    redact_show(&hide, run->env, "< ", r->output, r->output_len, SEND_SHOWN_MAX);
    exec_judge(r, &v);
    str_init(&detail, 9 * sizeof(v.detail));
    redact_add(&hide, v.detail, strlen(v.detail), &detail);
    redact_release(&hide);
    mem_free(&run);
    copy.done(copy.ctx, v.delivery, detail.buf, v.retry_after_us);
    str_release(&detail);
}

static void *exec_send(struct notifier_env *env, const struct integration_def *def,
                       const struct notification *n, notifier_done_fn done, void *ctx)
{
    struct arena arena = {0};
    struct command_request r;
    struct str input;
    struct err err;
    struct run *run = NULL;
    if (exec_build((const struct exec_spec *)(const void *)def->spec, n, &arena, &input, &r, &err) <
        0) {
        done(ctx, DELIVERY_REJECTED, err.msg, 0);
    } else {
        run = mem_alloc(sizeof(*run));
        *run = (struct run){.env = env, .def = def, .done = done, .ctx = ctx};
        show_request(run, &r);
        run->command = command_start(env->loop, &r, on_result, run);
    }
    str_release(&input);
    arena_release(&arena);
    return run;
}

static void exec_cancel(void *delivery)
{
    struct run *run = delivery;
    command_cancel(run->command);
    mem_free(&run);
}

static const struct exec_spec exec_defaults = {.base.send_resolved = true,
                                               .timeout_us = TIMEOUT_US};

const struct notifier_kind notifier_exec = {
    .name = "exec",
    .help = "run a program",
    .fields = exec_fields,
    .defaults = &exec_defaults,
    .spec_size = sizeof(struct exec_spec),
    .prepare = exec_prepare,
    .send = exec_send,
    .cancel = exec_cancel,
};
