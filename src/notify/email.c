#include "notify/email.h"

#include "base/units.h"
#include "notify/mime.h"
#include "notify/outgoing.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define HEADERS_MAX 32
#define HEADER_CHARS 998
#define ADDRESS_MAX 254
#define PART_CHARS (512 << 10)

#define HTML                                                                                       \
    "<!DOCTYPE html><html><body>\n<h2>" TEXT_TITLE "</h2>\n{{ range .Alerts }}"                    \
    "{{ if gt (len $.Alerts) 1 }}<h3>{{ .Status | toUpper }} "                                     \
    "{{ or .Annotations.summary .Labels.alertname }}</h3>\n{{ end }}"                              \
    "<p>{{ reReplaceAll \"\\n\" \"<br>\\n\" " TEXT_SAYS " }}</p>\n<p>{{ .Labels }}</p>\n{{ end }}" \
    "{{ if gt .TruncatedAlerts 0 }}<p>and {{ .TruncatedAlerts }} more</p>\n{{ end }}"              \
    "</body></html>\n"

#define AT(key) offsetof(struct email_spec, key)

const struct field email_fields[] = {
    {"send_resolved", FIELD_BOOL, AT(base.send_resolved), .help = "tell the end of alerts as well"},
    {"to", FIELD_CUSTOM, AT(to), .flags = FIELD_REQUIRED, .decode = text_decode,
     .help = "addresses, separated by commas"},
    {"from", FIELD_CUSTOM, AT(from), .decode = text_decode, .help = "address of the sender"},
    {"headers", FIELD_CUSTOM, AT(headers), .decode = text_decode_map,
     .help = "further headers; Subject is one"},
    {"html", FIELD_CUSTOM, AT(html), .decode = text_decode, .help = "text in HTML; \"\": none"},
    {"text", FIELD_CUSTOM, AT(text), .decode = text_decode, .help = "plain text; \"\": none"},
    {"smarthost", FIELD_STRING, AT(server.smarthost), .help = "HOST:PORT of the mail server"},
    {"hello", FIELD_STRING, AT(server.hello), .help = "who we are to it; localhost by default"},
    {"auth_username", FIELD_STRING, AT(server.username), .help = "user to log in as"},
    SECRET_FIELDS("auth_password", AT(server.password), "password, for PLAIN and LOGIN"),
    SECRET_FIELDS("auth_secret", AT(server.secret), "secret, for CRAM-MD5"),
    {"auth_identity", FIELD_STRING, AT(server.identity), .help = "user to act as"},
    {"require_tls", FIELD_BOOL, AT(server.require_tls), .help = "send nothing without TLS"},
    {"tls_config", FIELD_OBJECT, AT(server.tls), .fields = email_tls_fields},
    {"timeout", FIELD_DURATION, AT(server.timeout_us), .min = 100000, .max = 120000000,
     .help = "of one attempt, 30s by default"},
    {0},
};

static bool name_ok(const char *name)
{
    for (const char *p = name; *p; p++)
        if (*p <= ' ' || *p > '~' || *p == ':')
            return false;
    return *name && strlen(name) <= 64;
}

/* What makes the mail what it is. */
static bool is_ours(const char *name)
{
    static const char *const ours[] = {"From",
                                       "To",
                                       "Date",
                                       "Message-ID",
                                       "References",
                                       "In-Reply-To",
                                       "MIME-Version",
                                       "Content-Type",
                                       "Content-Transfer-Encoding",
                                       "Bcc",
                                       "Auto-Submitted"};
    for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++)
        if (strcasecmp(name, ours[i]) == 0)
            return true;
    return false;
}

static void take_headers(struct decode *c, const struct node *n, struct email_spec *s)
{
    struct text_map rest = {arena_alloc(c->arena, (s->headers.n + 1) * sizeof(*rest.at)), 0};
    if (s->headers.n > HEADERS_MAX)
        diag_error(c->diag, n->pos, "headers: more than %d", HEADERS_MAX);
    for (size_t i = 0; i < s->headers.n; i++) {
        const char *key = s->headers.at[i].key;
        bool again = strcasecmp(key, "Subject") == 0 && s->subject;
        for (size_t k = 0; k < rest.n; k++)
            again = again || strcasecmp(rest.at[k].key, key) == 0;
        if (!name_ok(key) || is_ours(key))
            diag_error(c->diag, n->pos, "headers: %.64s cannot be set", key);
        else if (again)
            diag_error(c->diag, n->pos, "headers: %.64s is there twice", key);
        else if (strcasecmp(key, "Subject") == 0)
            s->subject = s->headers.at[i].text;
        else
            rest.at[rest.n++] = s->headers.at[i];
    }
    s->headers = rest;
}

void email_prepare(struct decode *c, const struct node *n, const struct node *global, void *spec)
{
    struct email_spec *s = spec;
    email_prepare_server(c, n, global, s);
    take_headers(c, n, s);
    text_default(c, &s->subject, TEXT_TITLE);
    text_default(c, &s->html, HTML);
    text_default(c, &s->text, TEXT_TITLE "\n\n" TEXT_BODY);
}

void email_init(struct email *e)
{
    *e = (struct email){0};
    str_init(&e->data, EMAIL_MAX);
    str_init(&e->from, ADDRESS_MAX);
}

void email_release(struct email *e)
{
    str_release(&e->data);
    str_release(&e->from);
    for (size_t i = 0; i < e->to_count; i++)
        str_release(&e->to[i]);
}

/* "ops@example.org" or "Ops <ops@example.org>"; no quoting, no IDN, nothing that could
 * end a command of SMTP. */
static int take_address(const char *text, size_t n, struct str *ret, struct err *reterr)
{
    const char *open = memchr(text, '<', n);
    const char *close = open ? memchr(open, '>', n - (size_t)(open - text)) : NULL;
    const char *from = open && close ? open + 1 : text;
    const char *end = open && close ? close : text + n;
    size_t ats = 0;
    while (from < end && *from == ' ')
        from++;
    while (end > from && end[-1] == ' ')
        end--;
    for (const char *p = from; p < end; p++) {
        if (*p <= ' ' || *p > '~' || strchr("<>()[]\\,;:\"", *p))
            return err_set(reterr, "not an address: %.*s", n < 100 ? (int)n : 100, text);
        ats += *p == '@';
    }
    if (ats != 1 || *from == '@' || end[-1] == '@' || str_addn(ret, from, (size_t)(end - from)))
        return err_set(reterr, "not an address: %.*s", n < 100 ? (int)n : 100, text);
    return 0;
}

static int take_recipients(struct email *e, const char *list, struct err *reterr)
{
    for (const char *p = list; *p;) {
        size_t n = strcspn(p, ",");
        if (e->to_count == EMAIL_RECIPIENTS_MAX)
            return err_set(reterr, "more than %d recipients", EMAIL_RECIPIENTS_MAX);
        str_init(&e->to[e->to_count], ADDRESS_MAX);
        if (take_address(p, n, &e->to[e->to_count++], reterr) < 0)
            return -1;
        p += n + (p[n] == ',');
    }
    return e->to_count ? 0 : err_set(reterr, "no recipient");
}

/* Names beside addresses are left out: then nothing in these headers needs quoting. */
static void add_addresses(struct email *e)
{
    struct str list;
    str_init(&list, (ADDRESS_MAX + 2) * EMAIL_RECIPIENTS_MAX);
    for (size_t i = 0; i < e->to_count; i++)
        str_addf(&list, "%s%s", i ? ", " : "", e->to[i].buf);
    mime_header(&e->data, "From", e->from.buf);
    mime_header(&e->data, "To", list.buf);
    str_release(&list);
}

static void add_date(struct email *e, int64_t at_us)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t t = (time_t)(at_us / USEC_PER_SEC);
    struct tm tm;
    gmtime_r(&t, &tm);
    str_addf(&e->data, "Date: %s, %02d %s %04d %02d:%02d:%02d +0000\r\n", days[tm.tm_wday],
             tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* Two mails of a group are answers to one that never was: its name is the group's. */
static void add_identity(struct email *e, const struct message *m, const char *dedup_key)
{
    char group[GROUP_ID_SIZE];
    const char *host = strchr(e->from.buf, '@') + 1;
    struct message named = *m;
    char mail[GROUP_ID_SIZE];
    named.group_key = dedup_key;
    group_id(group, m);
    group_id(mail, &named);
    str_addf(&e->data, "Message-ID: <%s@%s>\r\n", mail, host);
    str_addf(&e->data, "In-Reply-To: <%s@%s>\r\n", group, host);
    str_addf(&e->data, "References: <%s@%s>\r\n", group, host);
}

static void add_header(struct form *f, struct email *e, const char *name, const struct template *t)
{
    struct str value;
    form_value(f, t, HEADER_CHARS, &value);
    mime_header(&e->data, name, value.buf);
    str_release(&value);
}

static void add_part(struct form *f, struct email *e, const char *boundary, const char *type,
                     const struct template *t, enum text_style style)
{
    struct str text;
    str_init(&text, 6 * (size_t)PART_CHARS);
    texts_add(&f->texts, t, style, PART_CHARS, TEXT_CHARS, &text);
    if (text.len)
        mime_part(&e->data, boundary, type, text.buf);
    str_release(&text);
}

static int take_envelope(struct form *f, const struct email_spec *spec, struct email *e,
                         struct err *reterr)
{
    struct str from, to;
    form_value(f, spec->from, ADDRESS_MAX, &from);
    form_value(f, spec->to, (size_t)ADDRESS_MAX * EMAIL_RECIPIENTS_MAX, &to);
    int rc = take_address(from.buf, from.len, &e->from, reterr);
    if (rc == 0)
        rc = take_recipients(e, to.buf, reterr);
    str_release(&from);
    str_release(&to);
    return rc;
}

int email_build(const struct email_spec *spec, const struct message *m, const char *dedup_key,
                struct email *ret, struct err *reterr)
{
    char boundary[GROUP_ID_SIZE + 8];
    struct form f;
    form_init(&f, m, &ret->data);
    int rc = take_envelope(&f, spec, ret, reterr);
    if (rc == 0) {
        memcpy(boundary, "=_nines_", 8); /* in no base64 */
        group_id(boundary + 8, m);
        add_addresses(ret);
        add_date(ret, m->at_us);
        add_identity(ret, m, dedup_key);
        add_header(&f, ret, "Subject", spec->subject);
        for (size_t i = 0; i < spec->headers.n; i++)
            add_header(&f, ret, spec->headers.at[i].key, spec->headers.at[i].text);
        str_add(&ret->data, "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n");
        str_addf(&ret->data, "Content-Type: multipart/alternative;\r\n boundary=\"%s\"\r\n\r\n",
                 boundary);
        add_part(&f, ret, boundary, "text/plain", spec->text, TEXT_PLAIN);
        add_part(&f, ret, boundary, "text/html", spec->html, TEXT_HTML);
        str_addf(&ret->data, "--%s--\r\n", boundary);
    }
    form_release(&f);
    if (rc == 0 && ret->data.overflow)
        rc = err_set(reterr, "the mail is too long");
    return rc;
}
