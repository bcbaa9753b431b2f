#include "base/clock.h"
#include "base/mem.h"
#include "base/units.h"
#include "io/smtp_internal.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/*
 * From MAIL to QUIT, over the connection that curl made: its multi handle is not asked
 * for anything here, and its sockets are watched by a poll of our own.
 */

#define SAY(call, ...) snprintf((call)->message, sizeof((call)->message), __VA_ARGS__)
#define WRITE_ONCE ((size_t)64 << 10)

static void on_ready(uv_poll_t *poll, int status, int events);

/* A handle that was stopped by an error says so to who reads next. */
static void watch(struct smtp_call *call)
{
    int events = UV_READABLE | (call->out_len ? UV_WRITABLE : 0);

    uv_poll_start(&call->poll, events, on_ready);
}

static void say(struct smtp_call *call, const char *text, size_t n)
{
    call->out = text;
    call->out_len = n;
}

static void command(struct smtp_call *call, const char *verb, const char *address)
{
    str_clear(&call->command);
    if (address)
        str_addf(&call->command, "%s:<%s>\r\n", verb, address);
    else
        str_addf(&call->command, "%s\r\n", verb);
    smtp_said(call, call->command.buf, call->command.len);
    say(call, call->command.buf, call->command.len);
}

/* The last thing that anybody does with the call here: `done` may close everything. */
static void conclude(struct smtp_call *call, enum smtp_outcome outcome)
{
    call->step = STEP_QUIT;
    command(call, "QUIT", NULL);
    watch(call);
    smtp_leave(call);
    call->done(call->ctx, outcome, call->message);
}

static void broken(struct smtp_call *call, const char *how)
{
    if (call->state == SMTP_LEAVING) {
        smtp_end(call);
        return;
    }
    SAY(call, "the connection %s after %s", how,
        call->step == STEP_BODY ? "the mail" : call->doing);
    smtp_finish(call, SMTP_LATER);
}

/* ---- answers --------------------------------------------------------------------------- */

static void refused(struct smtp_call *call)
{
    bool later = call->code < 500 || call->code >= 600;

    SAY(call, "the server refused %s: %s", call->step == STEP_BODY ? "the mail" : call->doing,
        call->line);
    conclude(call, later ? SMTP_LATER : SMTP_REFUSED);
}

/* 421: whatever it was that we said, the server goes. */
static void after_recipient(struct smtp_call *call)
{
    bool taken = call->code >= 200 && call->code < 300;

    if (call->code == 421) {
        refused(call);
        return;
    }
    if (taken)
        call->accepted++;
    else if (!call->refusal[0])
        snprintf(call->refusal, sizeof(call->refusal), "%.200s: %.250s", call->req.to[call->rcpt],
                 call->line);
    call->deferred = call->deferred || (!taken && call->code < 500);
    call->rcpt++;
    if (call->rcpt < call->req.to_count) {
        command(call, "RCPT TO", call->req.to[call->rcpt]);
    } else if (call->accepted) {
        call->step = STEP_DATA;
        command(call, "DATA", NULL);
    } else {
        SAY(call, "the server refused %s: %s",
            call->req.to_count == 1 ? "the recipient" : "all recipients", call->refusal);
        conclude(call, call->deferred ? SMTP_LATER : SMTP_REFUSED);
    }
}

static void after_mail(struct smtp_call *call)
{
    size_t missed = call->req.to_count - call->accepted;

    if (call->out_len) { /* there is no way to say QUIT within a mail */
        SAY(call, "an answer in the midst of the mail: %s", call->line);
        smtp_finish(call, call->code < 500 ? SMTP_LATER : SMTP_REFUSED);
        return;
    }
    if (call->code < 200 || call->code > 299) {
        refused(call);
        return;
    }
    if (missed)
        SAY(call, "%.500s, but not for %zu of %zu recipients: %.400s", call->line, missed,
            call->req.to_count, call->refusal);
    else
        SAY(call, "%s", call->line);
    conclude(call, SMTP_SENT);
}

/* The last line of an answer, of which call->code is the number. */
static void on_answer(struct smtp_call *call)
{
    bool taken = call->code >= 200 && call->code < 300;

    switch (call->step) {
    case STEP_MAIL:
        if (!taken) {
            refused(call);
            return;
        }
        call->step = STEP_RCPT;
        command(call, "RCPT TO", call->req.to[0]);
        return;
    case STEP_RCPT:
        after_recipient(call);
        return;
    case STEP_DATA:
        if (call->code != 354) {
            refused(call);
            return;
        }
        call->step = STEP_BODY;
        say(call, call->mail.buf, call->mail.len);
        return;
    case STEP_BODY:
        after_mail(call);
        return;
    case STEP_QUIT:
        smtp_end(call);
        return;
    }
}

static void on_line(struct smtp_call *call, const char *line, size_t n)
{
    if (!smtp_heard(call, line, n)) {
        broken(call, "was given up for more than 64 KiB of answers,");
        return;
    }
    if (call->code < 200 || call->code > 599) {
        SAY(call, "not an answer of a mail server: %.200s", call->line);
        if (call->state == SMTP_LEAVING)
            smtp_end(call);
        else
            smtp_finish(call, SMTP_LATER);
        return;
    }
    if (n > 3 && line[3] == '-')
        return;
    on_answer(call);
}

/* ---- reading and writing ----------------------------------------------------------------- */

static bool is_over(const struct smtp_call *call)
{
    return call->state == SMTP_ENDED;
}

static void take(struct smtp_call *call, const char *data, size_t n)
{
    struct str *in = &call->input;

    if (str_addn(in, data, n) < 0) {
        call->too_long = true;
        broken(call, "was given up for a line without an end");
        return;
    }
    for (;;) {
        char *end = memchr(in->buf, '\n', in->len);
        if (!end)
            return;
        size_t len = (size_t)(end - in->buf) + 1;
        on_line(call, in->buf, len);
        if (is_over(call))
            return;
        memmove(in->buf, in->buf + len, in->len - len + 1);
        in->len -= len;
    }
}

static void receive(struct smtp_call *call)
{
    char buf[4096];
    size_t n;

    while (!is_over(call)) {
        CURLcode rc = curl_easy_recv(call->easy, buf, sizeof(buf), &n);

        if (rc == CURLE_AGAIN)
            return;
        if (rc != CURLE_OK || n == 0) {
            broken(call, "closed");
            return;
        }
        take(call, buf, n);
    }
}

/* What could not be written is written again with the same length, as TLS wants it. */
static void transmit(struct smtp_call *call)
{
    while (!is_over(call) && call->out_len) {
        size_t n = 0, once = call->out_len < WRITE_ONCE ? call->out_len : WRITE_ONCE;
        CURLcode rc = curl_easy_send(call->easy, call->out, once, &n);

        if (rc == CURLE_AGAIN)
            return;
        if (rc != CURLE_OK) {
            receive(call); /* what it had to say before it closed */
            if (!is_over(call) && call->out_len)
                broken(call, "broke");
            return;
        }
        call->out += n;
        call->out_len -= n;
    }
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct smtp_call *call = container_of(poll, struct smtp_call, poll);

    (void)status, (void)events; /* an error is what reading finds */
    receive(call);
    transmit(call);
    if (!is_over(call))
        watch(call);
}

void smtp_talk(struct smtp_call *call)
{
    curl_socket_t fd = CURL_SOCKET_BAD;

    curl_easy_getinfo(call->easy, CURLINFO_ACTIVESOCKET, &fd);
    if (fd == CURL_SOCKET_BAD || uv_poll_init_socket(call->client->loop, &call->poll, fd) != 0) {
        SAY(call, "the connection closed after %s", call->doing);
        smtp_finish(call, SMTP_LATER);
        return;
    }
    call->polling = true;
    call->handles++;
    call->state = SMTP_TALKING;
    command(call, "MAIL FROM", call->req.from);
    watch(call);
}

void smtp_talk_deadline(struct smtp_call *call)
{
    char limit[UNITS_MAX];

    (void)units_duration(limit, call->req.timeout_us);
    if (call->step == STEP_BODY && call->out_len)
        SAY(call, "the server took %zu of %zu bytes of the mail within %s",
            call->mail.len - call->out_len, call->mail.len, limit);
    else
        SAY(call, "no answer to %s within %s", call->step == STEP_BODY ? "the mail" : call->doing,
            limit);
    smtp_finish(call, SMTP_LATER);
}
