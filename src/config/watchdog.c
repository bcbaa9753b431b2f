#include "config/watchdog.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"

#include <stdlib.h>
#include <string.h>

#define EVERY_DEFAULT_US USEC_PER_MIN
#define EVERY_MIN_US USEC_PER_SEC
#define EVERY_MAX_US USEC_PER_DAY

#define AT(member) offsetof(struct watchdog_config, member)

/* Names in the order of enum watchdog_method. */
static const struct field watchdog_fields[] = {
    {"receiver", FIELD_STRING, AT(receiver), .help = "name of a receiver"},
    {"url", FIELD_SECRET, AT(url), .help = "or an address to make a request to"},
    {"method", FIELD_ENUM, AT(method), .names = (const char *const[]){"GET", "POST", NULL},
     .help = "of that request"},
    {"every", FIELD_DURATION, AT(every_us), .min = EVERY_MIN_US, .max = EVERY_MAX_US,
     .help = "how often, 1m by default"},
    {0},
};

static bool is_address(const char *url)
{
    size_t scheme = str_starts(url, "http://") ? 7 : str_starts(url, "https://") ? 8 : 0;
    if (scheme == 0 || url[scheme] == '\0' || url[scheme] == '/')
        return false;
    for (const char *p = url; *p; p++)
        if ((unsigned char)*p <= ' ' || *p == 0x7f)
            return false;
    return true;
}

void decode_watchdog(struct decode *c, const struct node *n, void *out)
{
    struct watchdog_config *w = out;
    size_t errors = c->diag->errors;
    const struct node *receiver, *url, *method;
    decode_object(c, n, watchdog_fields, w);
    if (c->diag->errors > errors)
        return;
    receiver = node_get(n, "receiver");
    url = node_get(n, "url");
    method = node_get(n, "method");
    w->pos = receiver ? receiver->pos : n->pos;
    if (receiver && url)
        diag_error(c->diag, url->pos, "watchdog: one of receiver and url, not both");
    else if (!receiver && !url)
        diag_error(c->diag, n->pos, "watchdog: missing key 'receiver' or 'url'");
    else if (method && !url)
        diag_error(c->diag, method->pos, "watchdog: method is of the request to a url");
    else if (url && w->url.value && !is_address(w->url.value))
        diag_error(c->diag, url->pos, "watchdog: url is not an http:// or https:// address");
    if (w->every_us == 0)
        w->every_us = EVERY_DEFAULT_US;
}

/* Without routes everybody is told of alerts, but for the watchdog's own receiver. */
static void check_others(struct build *b, const struct watchdog_config *w)
{
    bool routes = b->routing.route || b->alertmanager;
    if (b->receivers.len == 1 && !routes)
        diag_warning(b->decode.diag, w->pos,
                     "watchdog: '%.100s' is the only receiver, so nobody is told of alerts",
                     w->receiver);
}

void watchdog_check(struct build *b)
{
    const struct watchdog_config *w = &b->config->daemon.watchdog;
    size_t n = b->receivers.len;
    if (!w->every_us || !w->receiver)
        return;
    mem_auto const char **names = mem_array(n + 1, sizeof(*names));
    for (size_t i = 0; i < n; i++) {
        names[i] = b->receivers.at[i]->name;
        if (!str_eq(names[i], w->receiver))
            continue;
        if (b->receivers.at[i]->n == 0)
            decode_error(&b->decode, w->pos, "watchdog: receiver '%.128s' tells nobody",
                         w->receiver);
        check_others(b, w);
        return;
    }
    const char *near = build_nearest(b, w->receiver, names, n);
    if (near)
        decode_error(&b->decode, w->pos,
                     "watchdog: no receiver has the name '%.128s'; did you mean '%s'?", w->receiver,
                     near);
    else
        decode_error(&b->decode, w->pos, "watchdog: no receiver has the name '%.128s'",
                     w->receiver);
}
