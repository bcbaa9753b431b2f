#include "notify/send.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "io/http.h"
#include "nines/message.h"
#include "notify/outgoing.h"
#include "notify/redact.h"
#include "notify/verdict.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct call {
    struct http_call *http;
    struct notifier_env *env;
    const struct integration_def *def;
    notifier_done_fn done;
    void *ctx;
};

/* ---- for those who look ------------------------------------------------------------------ */

/* As curl sends it: what our request does not name comes from there. */
static void show_request(const struct call *c, const struct http_request *r)
{
    struct redact hide;
    struct str head;
    if (!c->env->show)
        return;
    str_init(&head, (size_t)64 << 10);
    str_addf(&head, "%s %s\nAccept: */*\n", r->method, r->url);
    for (size_t i = 0; i < r->header_count; i++)
        str_addf(&head, "%s\n", r->headers[i]);
    redact_init(&hide, c->def);
    redact_show(&hide, c->env, "> ", head.buf, head.len, SIZE_MAX);
    if (r->user) /* its coded form need not be among what is hidden */
        c->env->show(c->env->ctx, "> Authorization: Basic [secret]");
    str_clear(&head);
    str_addf(&head, "> Content-Length: %zu", r->body_len);
    c->env->show(c->env->ctx, head.buf);
    c->env->show(c->env->ctx, ">");
    redact_show(&hide, c->env, "> ", r->body, r->body_len, SIZE_MAX);
    redact_release(&hide);
    explicit_bzero(head.buf, head.len);
    str_release(&head);
}

static void show_times(const struct call *c, const struct http_response *r)
{
    static const char *const names[] = {"name", "connect", "tls", "send", "wait", "transfer"};
    const struct phases *p = &r->phases;
    const int64_t us[] = {p->dns_us,  p->connect_us, p->tls_us,
                          p->send_us, p->wait_us,    p->transfer_us};
    char text[UNITS_MAX], line[512];
    int n = snprintf(line, sizeof(line), "* %s%s%s in all", r->address ? r->address : "",
                     r->address ? ": " : "", units_human_us(text, r->total_us));
    for (size_t i = 0; i < sizeof(us) / sizeof(*us); i++)
        if (us[i] > 0 && n > 0 && (size_t)n < sizeof(line))
            n += snprintf(line + n, sizeof(line) - (size_t)n, ", %s %s", names[i],
                          units_human_us(text, us[i]));
    c->env->show(c->env->ctx, line);
}

static void show_response(const struct call *c, const struct redact *hide,
                          const struct http_response *r)
{
    if (!c->env->show)
        return;
    if (r->status > 0) {
        char line[64];
        snprintf(line, sizeof(line), "< %s %d", r->protocol ? r->protocol : "HTTP", r->status);
        c->env->show(c->env->ctx, line);
    }
    if (r->headers_len)
        redact_show(hide, c->env, "< ", r->headers, r->headers_len, SEND_SHOWN_MAX);
    if (r->body_len)
        c->env->show(c->env->ctx, "<");
    redact_show(hide, c->env, "< ", r->body, r->body_len, SEND_SHOWN_MAX);
    if (r->reason != REASON_NONE && r->message)
        redact_show(hide, c->env, "* ", r->message, strlen(r->message), SEND_SHOWN_MAX);
    show_times(c, r);
}

/* ---- one request -------------------------------------------------------------------------- */

static void on_response(void *ctx, const struct http_response *r)
{
    struct call *c = ctx, copy = *c;
    struct verdict v;
    struct redact hide;
    struct str detail;
    redact_init(&hide, c->def);
    show_response(c, &hide, r);
    c->def->kind->judge(r, c->env->now_us(c->env->ctx), &v);
    str_init(&detail, 9 * sizeof(v.detail));
    redact_add(&hide, v.detail, strlen(v.detail), &detail);
    redact_release(&hide);
    mem_free(&c);
    copy.done(copy.ctx, v.delivery, detail.buf, v.retry_after_us);
    str_release(&detail);
}

static void *begin_request(struct notifier_env *env, const struct integration_def *def,
                           const struct notification *n, notifier_done_fn done, void *ctx)
{
    const char *headers[OUTGOING_HEADERS_MAX];
    struct call *c = NULL;
    struct outgoing out;
    struct err err;
    outgoing_init(&out);
    if (n->unrecorded)
        outgoing_header(&out, "Nines-Unrecorded", "true");
    if (def->kind->build(def->spec, n->message, n->dedup_key, &out, &err) < 0) {
        done(ctx, DELIVERY_REJECTED, err.msg, 0);
    } else {
        struct http_request r = outgoing_request(&out, headers);
        c = mem_alloc(sizeof(*c));
        *c = (struct call){.env = env, .def = def, .done = done, .ctx = ctx};
        show_request(c, &r);
        c->http = http_start(env->http, &r, NULL, on_response, c);
    }
    outgoing_release(&out);
    return c;
}

void *send_begin(struct notifier_env *env, const struct integration_def *def,
                 const struct notification *n, notifier_done_fn done, void *ctx)
{
    if (def->kind->send)
        return def->kind->send(env, def, n, done, ctx);
    return begin_request(env, def, n, done, ctx);
}

void send_cancel(const struct integration_def *def, void *delivery)
{
    struct call *c = delivery;
    if (def->kind->send) {
        if (def->kind->cancel)
            def->kind->cancel(delivery);
        return;
    }
    http_cancel(c->http);
    mem_free(&c);
}
