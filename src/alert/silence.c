#include "alert/silence.h"

#include "base/str.h"
#include "base/when.h"
#include "model/matcher.h"

#include <string.h>

enum silence_state silence_state(const struct silence *s, int64_t t_us)
{
    if (t_us >= s->ends_us)
        return SILENCE_EXPIRED;
    return t_us < s->starts_us ? SILENCE_PENDING : SILENCE_ACTIVE;
}

const char *silence_state_name(enum silence_state state)
{
    static const char *const names[] = {"pending", "active", "expired"};
    return names[state];
}

static bool is_narrow(const struct matchers *list)
{
    bool narrow = false;
    for (size_t i = 0; !narrow && i < list->n; i++)
        narrow = !matcher_takes(&list->at[i], "");
    return narrow;
}

static int check_text(const char *what, const char *text, struct err *reterr)
{
    if (!text || !*text)
        return err_set(reterr, "a silence has %s", what);
    if (strlen(text) > SILENCE_TEXT_MAX)
        return err_set(reterr, "%s of a silence is at most %d bytes long", what, SILENCE_TEXT_MAX);
    return 0;
}

/* They are stored as text, and read back. */
static int check_matchers(const struct matchers *list, struct err *reterr)
{
    struct str text;
    str_init(&text, MATCHERS_TEXT_MAX);
    matchers_text(list, &text);
    bool fits = !text.overflow;
    str_release(&text);
    return fits ? 0
                : err_set(reterr,
                          "the matchers of a silence are at most %d bytes long, quotes and"
                          " escapes included",
                          MATCHERS_TEXT_MAX);
}

int silence_check(const struct silence *s, int64_t now_us, struct err *reterr)
{
    char starts[WHEN_MAX], ends[WHEN_MAX];
    if (s->ends_us <= s->starts_us)
        return err_set(reterr, "it would end at %s, no later than it starts, at %s",
                       when_text(ends, s->ends_us), when_text(starts, s->starts_us));
    if (s->ends_us <= now_us)
        return err_set(reterr, "it would have ended already, at %s", when_text(ends, s->ends_us));
    if (!is_narrow(&s->matchers))
        return err_set(reterr, "expected a matcher that an absent label does not match, such as "
                               "alertname=\"x\": this would silence everything");
    if (check_matchers(&s->matchers, reterr) < 0 || check_text("an author", s->author, reterr) < 0)
        return -1;
    return check_text("a comment", s->comment, reterr);
}

bool silence_mutes(const struct silence *s, const struct string_map *labels, int64_t t_us)
{
    return silence_state(s, t_us) == SILENCE_ACTIVE && matchers_match(&s->matchers, labels);
}

const struct silence *silence_find(const struct silence *list, size_t n,
                                   const struct string_map *labels, int64_t t_us)
{
    for (size_t i = 0; i < n; i++)
        if (silence_mutes(&list[i], labels, t_us))
            return &list[i];
    return NULL;
}
