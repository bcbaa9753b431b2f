#include "base/json.h"
#include "base/units.h"
#include "base/when.h"
#include "wire/answer_json.h"
#include "wire/import.h"
#include "wire/put.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_span(int64_t us)
{
    return us >= 0 && us <= IMPORT_LATENCY_MAX_US;
}

static bool has_its_reason(const struct result *r)
{
    if (r->outcome == OUTCOME_GOOD)
        return r->reason == REASON_NONE;
    return r->reason < REASON_COUNT && (r->outcome != OUTCOME_BAD || r->reason != REASON_NONE);
}

bool import_writable(const struct result *r)
{
    const struct phases *f = &r->phases;
    return r->slot_us >= 0 && r->slot_us < WHEN_END_US && r->outcome < OUTCOME_COUNT &&
           has_its_reason(r) && r->code >= 0 && r->code <= IMPORT_CODE_MAX &&
           is_span(r->total_us) && is_span(f->dns_us) && is_span(f->connect_us) &&
           is_span(f->tls_us) && is_span(f->send_us) && is_span(f->wait_us) &&
           is_span(f->transfer_us) &&
           (!(r->flags & RESULT_ANSWER) || answer_json_writable(&r->answer));
}

void import_writer_init(struct import_writer *w, const char *probe)
{
    struct str head;
    str_init(&head, sizeof(w->head));
    str_add(&head, "{\"probe\":");
    json_add_stringn(&head, probe, strnlen(probe, IMPORT_PROBE_MAX));
    str_add(&head, ",\"time\":\"");
    w->head_len = head.len;
    memcpy(w->head, head.buf, head.len);
    w->day = -1;
    memset(w->date, 0, sizeof(w->date));
    str_release(&head);
}

/* As when_text() writes it; the date of the last line mostly serves again. */
static char *put_time(struct import_writer *w, char *p, int64_t us)
{
    int64_t day = us / USEC_PER_DAY, rest = us % USEC_PER_DAY;
    if (day != w->day) {
        char text[WHEN_MAX];
        memcpy(w->date, when_text(text, us), sizeof("2026-10-22T") - 1);
        w->day = day;
    }
    p = put_text(p, w->date);
    p = put_digits(p, rest / USEC_PER_HOUR, 2);
    *p++ = ':';
    p = put_digits(p, rest / USEC_PER_MIN % 60, 2);
    *p++ = ':';
    p = put_digits(p, rest / USEC_PER_SEC % 60, 2);
    int64_t sub = rest % USEC_PER_SEC;
    if (sub) {
        *p++ = '.';
        p = sub % 1000 ? put_digits(p, sub, 6) : put_digits(p, sub / 1000, 3);
    }
    *p++ = 'Z';
    return p;
}

static char *put_phases(char *p, const struct phases *f)
{
    if (!(f->dns_us | f->connect_us | f->tls_us | f->send_us | f->wait_us | f->transfer_us))
        return p;
    p = put_ms(put_text(p, ",\"phases_ms\":{\"dns\":"), f->dns_us);
    p = put_ms(put_text(p, ",\"connect\":"), f->connect_us);
    p = put_ms(put_text(p, ",\"tls\":"), f->tls_us);
    p = put_ms(put_text(p, ",\"send\":"), f->send_us);
    p = put_ms(put_text(p, ",\"wait\":"), f->wait_us);
    p = put_ms(put_text(p, ",\"transfer\":"), f->transfer_us);
    return put_text(p, "}");
}

size_t import_writer_put(struct import_writer *w, const struct result *r,
                         char buf[static IMPORT_WRITE_MAX])
{
    char *p = buf;
    memcpy(p, w->head, w->head_len);
    p = put_time(w, p + w->head_len, r->slot_us);
    p = put_text(put_text(p, "\",\"outcome\":\""), outcome_name(r->outcome));
    if (r->reason != REASON_NONE)
        p = put_text(put_text(p, "\",\"reason\":\""), reason_name(r->reason));
    *p++ = '"';
    if (r->code)
        p = put_number(put_text(p, ",\"code\":"), r->code);
    if (r->total_us || r->outcome == OUTCOME_GOOD || r->outcome == OUTCOME_BAD)
        p = put_ms(put_text(p, ",\"latency_ms\":"), r->total_us);
    p = put_phases(p, &r->phases);
    if (r->flags & RESULT_ANSWER) {
        p = put_text(p, ",\"answer\":");
        p += answer_json_write(&r->answer, p);
    }
    p = put_text(p, "}\n");
    return (size_t)(p - buf);
}

/* The fewest digits that give the number back. */
static void put_value(struct str *out, double value)
{
    char text[40];
    if (isinf(value)) {
        str_add(out, value < 0 ? "\"-Inf\"" : "\"+Inf\"");
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    str_add(out, text);
}

int import_write_sample(struct str *out, const char *probe, int64_t slot_us, const char *series,
                        double value)
{
    char time[WHEN_MAX];
    str_add(out, "{\"probe\":");
    json_add_stringn(out, probe, strnlen(probe, IMPORT_PROBE_MAX));
    str_add(out, ",\"time\":\"");
    str_add(out, when_text(time, slot_us));
    str_add(out, "\",\"series\":");
    json_add_string(out, series);
    str_add(out, ",\"value\":");
    put_value(out, value);
    return str_add(out, "}\n");
}
