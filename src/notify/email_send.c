#include "base/mem.h"
#include "io/smtp.h"
#include "notify/email.h"
#include "notify/kinds.h"
#include "notify/redact.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct mail {
    struct smtp_call *call;
    const struct notifier_env *env;
    const struct integration_def *def;
    notifier_done_fn done;
    void *ctx;
    struct str data; /* for those who look */
};

static void mail_free(struct mail *m)
{
    str_release(&m->data);
    mem_free(&m);
}

static void on_sent(void *ctx, enum smtp_outcome outcome, const char *message)
{
    static const enum delivery of[] = {[SMTP_SENT] = DELIVERY_OK,
                                       [SMTP_LATER] = DELIVERY_RETRY,
                                       [SMTP_REFUSED] = DELIVERY_REJECTED};
    struct mail *m = ctx;
    notifier_done_fn done = m->done;
    void *done_ctx = m->ctx;
    struct redact hide;
    struct str detail;
    str_init(&detail, 16 << 10);
    redact_init(&hide, m->def);
    redact_add(&hide, message, strlen(message), &detail);
    redact_release(&hide);
    mail_free(m);
    done(done_ctx, of[outcome], detail.buf, 0);
    str_release(&detail);
}

/* The dialogue as it is told, and the mail where it goes over the wire. */
static void on_line(void *ctx, const char *line)
{
    const struct mail *m = ctx;
    bool ours = str_starts(line, "C: ");
    struct redact hide;
    redact_init(&hide, m->def);
    redact_show(&hide, m->env, ours ? "> " : "< ", line + 3, strlen(line + 3), SIZE_MAX);
    if (str_starts(line, "S: 354"))
        redact_show(&hide, m->env, "> ", m->data.buf, m->data.len, SIZE_MAX);
    redact_release(&hide);
}

static void show_server(const struct notifier_env *env, const struct email_server *v)
{
    static const char *const how[] = {[SMTP_STARTTLS] = "STARTTLS",
                                      [SMTP_TLS] = "TLS",
                                      [SMTP_OPPORTUNISTIC] = "STARTTLS if it is offered"};
    char line[320];
    snprintf(line, sizeof(line), "* %.256s, %s", v->smarthost, how[v->security]);
    env->show(env->ctx, line);
}

static struct smtp_request request(const struct email_server *v, const struct email *e,
                                   const char *to[static EMAIL_RECIPIENTS_MAX])
{
    bool cram = v->secret.value != NULL;
    for (size_t i = 0; i < e->to_count; i++)
        to[i] = e->to[i].buf;
    return (struct smtp_request){
        .host = v->host,
        .port = v->port,
        .security = v->security,
        .insecure = v->tls.insecure,
        .ca_file = v->tls.ca_file,
        .cert_file = v->tls.cert_file,
        .key_file = v->tls.key_file,
        .server_name = v->tls.server_name,
        .hello = v->hello,
        .user = v->username,
        .password = cram ? v->secret.value : v->password.value,
        .identity = v->identity,
        .cram = cram,
        .from = e->from.buf,
        .to = to,
        .to_count = e->to_count,
        .timeout_us = v->timeout_us,
    };
}

static void *start(struct notifier_env *env, const struct integration_def *def,
                   const struct email *e, const struct mail *how, bool unrecorded)
{
    const struct email_spec *spec = (const void *)def->spec;
    const char *to[EMAIL_RECIPIENTS_MAX];
    struct smtp_request req = request(&spec->server, e, to);
    struct mail *m = mem_alloc(sizeof(*m));
    *m = *how;
    str_init(&m->data, EMAIL_MAX + 64);
    if (unrecorded)
        str_add(&m->data, "Nines-Unrecorded: true\r\n");
    str_addn(&m->data, e->data.buf, e->data.len);
    req.data = m->data.buf;
    req.data_len = m->data.len;
    if (env->show) {
        show_server(env, &spec->server);
        req.show = on_line;
        req.show_ctx = m;
    }
    m->call = smtp_start(env->http, &req, on_sent, m);
    if (!env->show)
        str_clear(&m->data);
    return m;
}

static void *email_send(struct notifier_env *env, const struct integration_def *def,
                        const struct notification *n, notifier_done_fn done, void *ctx)
{
    const struct mail how = {.env = env, .def = def, .done = done, .ctx = ctx};
    void *mail = NULL;
    struct email e;
    struct err err;
    email_init(&e);
    if (email_build((const void *)def->spec, n->message, n->dedup_key, &e, &err) < 0)
        done(ctx, DELIVERY_REJECTED, err.msg, 0);
    else
        mail = start(env, def, &e, &how, n->unrecorded);
    email_release(&e);
    return mail;
}

static void email_cancel(void *delivery)
{
    struct mail *m = delivery;
    smtp_cancel(m->call);
    mail_free(m);
}

const struct notifier_kind notifier_email = {
    .name = "email",
    .help = "mails over SMTP",
    .fields = email_fields,
    .spec_size = sizeof(struct email_spec),
    .prepare = email_prepare,
    .send = email_send,
    .cancel = email_cancel,
};
