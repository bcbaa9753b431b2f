/* Alerts open, join and close incidents in the transaction of their transition, whatever
 * process is there; people do so beside them. */
#include "../cmocka_all.h"
#include "fixture.h"

#include "base/arena.h"
#include "base/mem.h"
#include "nines/incident.h"

#include <string.h>

#define MIN USEC_PER_MIN

struct rows {
    struct arena arena;
    struct incident *at;
    size_t n;
};

static struct rows read_all(struct fixture *f)
{
    struct rows rows = {0};
    struct err err;
    fixture_flush(f);
    struct store_reader *r = fixture_reader(f);
    if (store_reader_incidents(r, 0, &rows.arena, &rows.at, &rows.n, &err) < 0)
        fail_msg("%s", err.msg);
    store_reader_free(r);
    return rows;
}

/* A transition of the alert of `slo` that fires since `since_us`. */
struct move {
    const char *slo, *service;
    int64_t at_us, since_us;
    enum alert_event_kind kind;
    enum severity severity;
    bool muted;
};

static void push(struct fixture *f, const struct move *m)
{
    struct alert_transition t = {
        .slo = m->slo,
        .objective_name = "",
        .service = m->service,
        .at_us = m->at_us,
        .kind = m->kind,
        .notify = !m->muted && m->kind != ALERT_EVENT_COOL && m->kind != ALERT_EVENT_REFIRE,
        .severity = m->severity,
        .since_us = m->since_us,
        .tier = {.severity = m->severity, .long_us = 60 * MIN, .short_us = 5 * MIN},
    };
    store_push_transition(f->store, &t);
}

static const struct move story[] = {
    /* A page opens one, and the ticket just before it comes along; that of yesterday does
     * not. */
    {"old", "agents", T0 - 60 * MIN, T0 - 60 * MIN, ALERT_EVENT_FIRE, SEVERITY_TICKET, false},
    {"slow", "agents", T0 - 2 * MIN, T0 - 2 * MIN, ALERT_EVENT_FIRE, SEVERITY_TICKET, false},
    {"api", "agents", T0, T0, ALERT_EVENT_FIRE, SEVERITY_PAGE, false},
    {"web", "shop", T0 + 4 * MIN, T0 + 4 * MIN, ALERT_EVENT_FIRE, SEVERITY_PAGE, false},
    {"api", "agents", T0 + 9 * MIN, T0, ALERT_EVENT_COOL, SEVERITY_PAGE, false},
    {"api", "agents", T0 + 10 * MIN, T0, ALERT_EVENT_REFIRE, SEVERITY_PAGE, false},
    /* Another service, another incident; a muted one of it comes along. */
    {"db", "data", T0 + 11 * MIN, T0 + 11 * MIN, ALERT_EVENT_FIRE, SEVERITY_PAGE, false},
    {"cache", "data", T0 + 30 * MIN, T0 + 30 * MIN, ALERT_EVENT_FIRE, SEVERITY_PAGE, true},
    {"api", "agents", T0 + 20 * MIN, T0, ALERT_EVENT_COOL, SEVERITY_PAGE, false},
    {"api", "agents", T0 + 25 * MIN, T0, ALERT_EVENT_RESOLVE, SEVERITY_PAGE, false},
    {"web", "shop", T0 + 31 * MIN, T0 + 4 * MIN, ALERT_EVENT_RESOLVE, SEVERITY_PAGE, false},
    /* The first one is closed now. This one is of the same outage. */
    {"api", "agents", T0 + 46 * MIN, T0 + 46 * MIN, ALERT_EVENT_FIRE, SEVERITY_PAGE, false},
    {"api", "agents", T0 + 51 * MIN, T0 + 46 * MIN, ALERT_EVENT_RESOLVE, SEVERITY_PAGE, false},
    /* ... and this one is not. */
    {"api", "agents", T0 + 67 * MIN, T0 + 67 * MIN, ALERT_EVENT_FIRE, SEVERITY_PAGE, false},
    /* The ticket has held nothing open. */
    {"slow", "agents", T0 + 90 * MIN, T0 - 2 * MIN, ALERT_EVENT_RESOLVE, SEVERITY_TICKET, false},
};

static void check_first(const struct incident *in)
{
    assert_string_equal(in->title, "api");
    assert_int_equal(in->severity, SEVERITY_PAGE);
    assert_true(in->opened_us == T0 && in->closed_us == T0 + 51 * MIN);
    assert_string_equal(in->opened_by, "");
    assert_string_equal(in->closed_by, "");
    assert_int_equal(in->alert_count, 4);
    assert_string_equal(in->alerts[0].slo, "slow");
    assert_string_equal(in->alerts[1].slo, "api");
    assert_string_equal(in->alerts[2].slo, "web");
    assert_true(in->alerts[1].told_us == T0 && in->alerts[1].cleared_us == T0 + 20 * MIN);
    assert_true(in->alerts[1].resolved_us == T0 + 25 * MIN);
    assert_true(in->alerts[1].long_us == 60 * MIN && in->alerts[1].short_us == 5 * MIN);
    assert_true(in->alerts[3].since_us == T0 + 46 * MIN);
    assert_int_equal(in->services.n, 2);
}

/* An alert knows its incident, by its life and nothing else. */
static void check_numbers(struct fixture *f)
{
    static const struct {
        const char *slo;
        int64_t since_us, id;
    } want[] = {{"api", T0, 1},
                {"api", T0 + 46 * MIN, 1},
                {"api", T0 + 67 * MIN, 3},
                {"slow", T0 - 2 * MIN, 1},
                {"cache", T0 + 30 * MIN, 2},
                {"old", T0 - 60 * MIN, 0},
                {"api", T0 + MIN, 0}};
    struct store_reader *r = fixture_reader(f);
    for (size_t i = 0; i < countof(want); i++) {
        struct alert_transition t = {
            .slo = want[i].slo, .objective_name = "", .since_us = want[i].since_us};
        int64_t id = -1;
        assert_int_equal(store_reader_incident_of(r, &t, &id, NULL), 0);
        assert_int_equal(id, want[i].id);
        t.condition = "no_data";
        assert_int_equal(store_reader_incident_of(r, &t, &id, NULL), 0);
        assert_int_equal(id, 0);
    }
    store_reader_free(r);
}

static void check_story(struct fixture *f)
{
    struct rows rows = read_all(f);
    check_numbers(f);
    assert_int_equal(rows.n, 3);
    check_first(&rows.at[0]);
    const struct incident *data = &rows.at[1];
    assert_true(data->closed_us == 0 && data->alert_count == 2);
    assert_string_equal(data->alerts[1].slo, "cache");
    assert_true(data->alerts[1].told_us == 0);
    assert_true(rows.at[2].opened_us == T0 + 67 * MIN && rows.at[2].alert_count == 1);
    arena_release(&rows.arena);
}

/* `restarts`: another process before each transition. */
static void tell_story(bool restarts)
{
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    for (size_t i = 0; i < countof(story); i++) {
        if (restarts) {
            fixture_close(&f);
            fixture_open(&f);
        }
        push(&f, &story[i]);
    }
    check_story(&f);
    fixture_release(&f);
}

static void alerts_make_incidents(void **state)
{
    (void)state;
    tell_story(false);
}

static void restarts_change_nothing(void **state)
{
    (void)state;
    tell_story(true);
}

static void a_page_once_muted_opens_when_it_is_told(void **state)
{
    (void)state;
    struct fixture f;
    struct move m = {"api", "agents", T0, T0, ALERT_EVENT_FIRE, SEVERITY_PAGE, true};
    fixture_init(&f);
    fixture_open(&f);
    push(&f, &m);
    struct rows rows = read_all(&f);
    assert_int_equal(rows.n, 0);
    arena_release(&rows.arena);
    m.muted = false;
    m.at_us = T0 + 7 * MIN;
    push(&f, &m);
    rows = read_all(&f);
    assert_int_equal(rows.n, 1);
    assert_true(rows.at[0].opened_us == T0 + 7 * MIN && rows.at[0].alerts[0].since_us == T0);
    arena_release(&rows.arena);
    fixture_release(&f);
}

static void a_page_that_comes_back_later_is_another(void **state)
{
    (void)state;
    const struct {
        int64_t after;
        enum alert_event_kind kind;
        enum severity severity;
        size_t incidents;
        bool open;
    } steps[] = {
        {0, ALERT_EVENT_FIRE, SEVERITY_PAGE, 1, true},
        {10, ALERT_EVENT_DEESCALATE, SEVERITY_TICKET, 1, false},
        {20, ALERT_EVENT_ESCALATE, SEVERITY_PAGE, 1, true}, /* within 15 minutes */
        {30, ALERT_EVENT_DEESCALATE, SEVERITY_TICKET, 1, false},
        {46, ALERT_EVENT_ESCALATE, SEVERITY_PAGE, 2, true},
        {50, ALERT_EVENT_DEESCALATE, SEVERITY_TICKET, 2, false},
        {60, ALERT_EVENT_COOL, SEVERITY_TICKET, 2, false},
        {65, ALERT_EVENT_RESOLVE, SEVERITY_TICKET, 2, false},
    };
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    for (size_t i = 0; i < countof(steps); i++) {
        const struct move m = {"api", "agents",      T0 + steps[i].after * MIN,
                               T0,    steps[i].kind, steps[i].severity,
                               false};
        push(&f, &m);
        struct rows rows = read_all(&f);
        assert_int_equal(rows.n, steps[i].incidents);
        assert_int_equal(rows.at[rows.n - 1].closed_us == 0, steps[i].open);
        arena_release(&rows.arena);
    }
    struct rows rows = read_all(&f);
    assert_true(rows.at[0].alert_count == 1 && rows.at[0].closed_us == T0 + 30 * MIN);
    assert_true(rows.at[0].alerts[0].cleared_us == T0 + 30 * MIN);
    assert_true(rows.at[1].alert_count == 1 && rows.at[1].closed_us == T0 + 50 * MIN);
    assert_true(rows.at[1].alerts[0].fired_us == T0 + 46 * MIN);
    arena_release(&rows.arena);
    fixture_release(&f);
}

/* ---- by hand ------------------------------------------------------------------------- */

static const char *service[] = {"agents"};

static struct incident by_hand(int64_t opened_us, int64_t began_us)
{
    return (struct incident){.title = "slow",
                             .severity = SEVERITY_TICKET,
                             .opened_us = opened_us,
                             .opened_by = "anna",
                             .began_us = began_us,
                             .services = {service, 1}};
}

static void a_person_opens_notes_and_closes(void **state)
{
    (void)state;
    struct fixture f;
    struct incident in = by_hand(T0, T0 - 20 * MIN);
    const struct incident_note note = {T0 + MIN, "ben", "a bad deploy"};
    const struct move before = {
        "api", "agents", T0 - 15 * MIN, T0 - 15 * MIN, ALERT_EVENT_FIRE, SEVERITY_TICKET, false};
    const struct move other = {
        "web", "shop", T0 - 14 * MIN, T0 - 14 * MIN, ALERT_EVENT_FIRE, SEVERITY_TICKET, false};
    struct move page = {"chat",           "agents",      T0 + 40 * MIN, T0 + 40 * MIN,
                        ALERT_EVENT_FIRE, SEVERITY_PAGE, false};
    fixture_init(&f);
    fixture_open(&f);
    push(&f, &before);
    push(&f, &other);
    store_push_incident(f.store, &in);
    store_push_incident_note(f.store, 1, &note);
    push(&f, &page); /* opens none: there is one */
    struct rows rows = read_all(&f);
    assert_int_equal(rows.n, 1);
    const struct incident *at = &rows.at[0];
    assert_true(at->began_us == T0 - 20 * MIN && at->severity == SEVERITY_PAGE);
    assert_string_equal(at->opened_by, "anna");
    assert_int_equal(at->alert_count, 2);
    assert_string_equal(at->alerts[0].slo, "api");
    assert_string_equal(at->alerts[1].slo, "chat");
    assert_int_equal(at->note_count, 1);
    assert_string_equal(at->notes[0].text, "a bad deploy");
    assert_string_equal(at->notes[0].author, "ben");
    arena_release(&rows.arena);

    /* It was over before the page: that is none of it. Closed, it stays so. */
    store_push_close_incident(f.store, 1, T0 + 50 * MIN, "anna", T0 + 30 * MIN);
    store_push_close_incident(f.store, 1, T0 + 51 * MIN, "ben", 0);
    page.at_us = T0 + 52 * MIN;
    page.kind = ALERT_EVENT_RESOLVE;
    push(&f, &page);
    rows = read_all(&f);
    at = &rows.at[0];
    assert_true(rows.n == 1 && at->closed_us == T0 + 50 * MIN && at->restored_us == T0 + 30 * MIN);
    assert_string_equal(at->closed_by, "anna");
    assert_int_equal(at->alert_count, 1);
    arena_release(&rows.arena);
    fixture_release(&f);
}

static void what_a_person_closed_stays_closed(void **state)
{
    (void)state;
    struct fixture f;
    struct move m = {"api", "agents", T0, T0, ALERT_EVENT_FIRE, SEVERITY_TICKET, false};
    fixture_init(&f);
    fixture_open(&f);
    struct incident in = by_hand(T0, 0);
    push(&f, &m);
    store_push_incident(f.store, &in);
    store_push_close_incident(f.store, 1, T0 + 10 * MIN, "anna", 0);
    m.at_us = T0 + 20 * MIN; /* the same alert goes on, worse */
    m.kind = ALERT_EVENT_ESCALATE;
    m.severity = SEVERITY_PAGE;
    push(&f, &m);
    struct rows rows = read_all(&f);
    assert_int_equal(rows.n, 1);
    assert_true(rows.at[0].closed_us == T0 + 10 * MIN);
    arena_release(&rows.arena);
    m.since_us = m.at_us = T0 + 22 * MIN; /* a new one */
    m.kind = ALERT_EVENT_FIRE;
    push(&f, &m);
    rows = read_all(&f);
    assert_true(rows.n == 2 && rows.at[1].closed_us == 0);
    arena_release(&rows.arena);
    fixture_release(&f);
}

static void reads_what_was_going_on(void **state)
{
    (void)state;
    struct fixture f;
    struct arena arena = {0};
    struct incident *at, in = by_hand(T0, 0);
    struct err err;
    size_t n;
    fixture_init(&f);
    fixture_open(&f);
    store_push_incident(f.store, &in);
    store_push_close_incident(f.store, 1, T0 + 10 * MIN, "anna", 0);
    store_push_incident(f.store, &in);
    fixture_flush(&f);
    struct store_reader *r = fixture_reader(&f);
    assert_int_equal(store_reader_incidents(r, T0 + 10 * MIN, &arena, &at, &n, &err), 0);
    assert_int_equal(n, 2);
    assert_int_equal(store_reader_incidents(r, T0 + 10 * MIN + 1, &arena, &at, &n, &err), 0);
    assert_true(n == 1 && at[0].id == 2);
    store_reader_free(r);
    arena_release(&arena);
    fixture_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alerts_make_incidents),
        cmocka_unit_test(restarts_change_nothing),
        cmocka_unit_test(a_page_once_muted_opens_when_it_is_told),
        cmocka_unit_test(a_page_that_comes_back_later_is_another),
        cmocka_unit_test(a_person_opens_notes_and_closes),
        cmocka_unit_test(what_a_person_closed_stays_closed),
        cmocka_unit_test(reads_what_was_going_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
