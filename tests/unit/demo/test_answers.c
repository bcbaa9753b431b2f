#include "../cmocka_all.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "base/when.h"
#include "demo/answers.h"
#include "model/schedule.h"

#include <jansson.h>

#define END "2026-11-21T00:00:00Z"
#define DAYS 30

static int64_t end_us(void)
{
    int64_t us;
    assert_int_equal(when_parse(END, strlen(END), &us, NULL), 0);
    return us;
}

static unsigned long long hash_of(uint64_t seed, int64_t *ret_lines)
{
    struct answers a;
    struct str line;
    unsigned long long sum = 0;
    int64_t n = 0;
    str_init(&line, 1024);
    answers_init(&a, end_us(), 2, seed);
    int64_t total = a.total;
    for (; answers_line(&a, &line); str_clear(&line), n++)
        sum = sum * 31 + str_hash(line.buf, line.len);
    str_release(&line);
    assert_int_equal(n, total);
    *ret_lines = n;
    return sum;
}

static void test_same_seed_same_bytes(void **state)
{
    int64_t lines, again;
    (void)state;
    unsigned long long a = hash_of(1, &lines);
    assert_true(a == hash_of(1, &again));
    assert_true(a != hash_of(2, &again));
    assert_int_equal(lines, 5 * (2 * 288 + 12));
}

/* ---- a month ------------------------------------------------------------------------ */

struct sums {
    int64_t lines, bad, held, day, last_us;
    double spent, dearest_day;
    char probe[64];
};

static const char *text_of(const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));
    return text ? text : "";
}

/* The instants follow each other, and the phases are all of the time. */
static void check_times(const json_t *line, const json_t *answer)
{
    static const char *const keys[] = {"headers_ms", "first_event_ms", "first_token_ms",
                                       "last_token_ms", "last_event_ms"};
    double before = 0, total = json_number_value(json_object_get(line, "latency_ms")), sum = 0;
    const char *key;
    json_t *value;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        const json_t *t = json_object_get(answer, keys[i]);
        assert_true(!t || json_number_value(t) >= before);
        before = t ? json_number_value(t) : before;
    }
    assert_true(total >= before);
    json_object_foreach(json_object_get(line, "phases_ms"), key, value)
    {
        assert_true(json_number_value(value) >= 0);
        sum += json_number_value(value);
    }
    assert_true(sum > total - 0.001 && sum < total + 0.001);
}

static void take(struct sums *all, const struct str *text)
{
    json_error_t why;
    json_t *line = json_loadb(text->buf, text->len, JSON_REJECT_DUPLICATES, &why);
    const json_t *answer = json_object_get(line, "answer");
    const char *when = text_of(line, "time");
    int64_t us;
    assert_non_null(line);
    assert_int_equal(when_parse(when, strlen(when), &us, NULL), 0);
    struct sums *s = all;
    while (s->probe[0] && !str_eq(s->probe, text_of(line, "probe")))
        s++;
    assert_true(s < all + 5);
    str_copy(s->probe, sizeof(s->probe), text_of(line, "probe"));
    assert_true(us > s->last_us);
    assert_int_equal(
        schedule_next(schedule_phase(s->probe, ANSWERS_INTERVAL_US), ANSWERS_INTERVAL_US, us), us);
    bool held = str_eq(text_of(line, "outcome"), "excluded");
    assert_int_equal(held, str_eq(text_of(line, "reason"), "spend_cap"));
    assert_int_equal(held, !answer);
    if (answer)
        check_times(line, answer);
    s->spent = us / USEC_PER_DAY == s->day ? s->spent : 0;
    s->day = us / USEC_PER_DAY;
    s->spent += strtod(text_of(answer, "cost"), NULL);
    s->dearest_day = s->spent > s->dearest_day ? s->spent : s->dearest_day;
    s->last_us = us;
    s->lines++;
    s->held += held;
    s->bad += str_eq(text_of(line, "outcome"), "bad");
    json_decref(line);
}

static void test_a_month(void **state)
{
    struct sums sums[6] = {0};
    struct answers a;
    struct str line;
    (void)state;
    str_init(&line, 1024);
    answers_init(&a, end_us(), DAYS, 1);
    while (answers_line(&a, &line)) {
        take(sums, &line);
        str_clear(&line);
    }
    str_release(&line);
    for (int i = 0; i < 5; i++) {
        /* 30 days and an hour, less 47 minutes without a prober */
        assert_in_range(sums[i].lines, DAYS * 288 + 12 - 10, DAYS * 288 + 12 - 9);
        assert_int_equal(sums[i].held > 0, i == 1);
        assert_true(sums[i].bad > 0);
    }
    assert_string_equal(sums[0].probe, "chat-answers");
    assert_true(sums[0].dearest_day > 0.0044 && sums[0].dearest_day < 0.0046);
    /* held back before its cap, and not long before */
    assert_true(sums[1].dearest_day > 0.59 && sums[1].dearest_day <= 0.6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_seed_same_bytes),
        cmocka_unit_test(test_a_month),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
