/* What the words of health documents mean. */
#include "wire/health_internal.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

#include <ctype.h>

/* In small letters, blanks and dashes as '_'; "not_" before a word for good
 * need not be listed. To teach nines a word, put it into its line. */
static const struct {
    enum health_state state;
    const char *words; /* each between blanks */
} meanings[] = {
    {HEALTH_OK,
     " ok okay healthy up pass passed passing ready alive live serving running available "
     "online operational active connected reachable success successful succeeded good "
     "green normal true yes started accepting_traffic correct "},
    {HEALTH_DEGRADED, " degraded warn warning partial partially_degraded degraded_performance "
                      "yellow impaired slow unstable limited "},
    {HEALTH_BAD,
     " unhealthy down fail failed failing failure error errored critical fatal dead offline "
     "unavailable unreachable disconnected unready inactive stopped stopping crashed broken bad "
     "red "
     "false no timeout timed_out refused refusing_traffic out_of_service outage major_outage "
     "partial_outage maintenance under_maintenance starting initializing pending loading "
     "draining shutting_down terminating exception panic invalid denied "},
    {HEALTH_UNKNOWN, " unknown disabled skipped not_configured unconfigured none n/a null "},
};

#define WORD_MAX 40

static const char *const state_names[] = {
    [HEALTH_UNKNOWN] = "unknown",
    [HEALTH_OK] = "healthy",
    [HEALTH_DEGRADED] = "degraded",
    [HEALTH_BAD] = "unhealthy",
};

const char *health_state_name(enum health_state s)
{
    return state_names[s];
}

enum health_state health_worse(enum health_state a, enum health_state b)
{
    static const int rank[] = {
        [HEALTH_OK] = 0, [HEALTH_DEGRADED] = 1, [HEALTH_UNKNOWN] = 2, [HEALTH_BAD] = 3};
    return rank[a] >= rank[b] ? a : b;
}

const char *health_text(struct arena *a, const char *text, size_t n, size_t max)
{
    size_t keep = n < max ? n : max - 1;
    while (keep < n && keep > 0 && ((unsigned char)text[keep] & 0xc0) == 0x80)
        keep--;
    char *copy = arena_alloc(a, keep + 1);
    memcpy(copy, text, keep);
    for (size_t i = 0; i < keep; i++) {
        unsigned char c = (unsigned char)copy[i];
        bool c1 = c == 0xc2 && i + 1 < keep && (unsigned char)copy[i + 1] < 0xa0;
        if (c < 0x20 || c == 0x7f || c1)
            copy[i] = '?';
        if (c1)
            copy[++i] = '?';
    }
    return copy;
}

/* ---- words -------------------------------------------------------------------- */

/* " word " as the table holds it; 0: too long for any. */
static size_t normalise(char buf[static WORD_MAX], const char *text, size_t n)
{
    size_t len = 0;
    if (n == 0 || n > WORD_MAX - 3 || memchr(text, '\0', n))
        return 0;
    buf[len++] = ' ';
    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        buf[len++] = c == ' ' || c == '-' ? '_' : (char)tolower((unsigned char)c);
    }
    buf[len++] = ' ';
    buf[len] = '\0';
    return len;
}

/* Whether the n bytes are a word of the table. */
static bool look_up(const char *text, size_t n, enum health_state *ret)
{
    char word[WORD_MAX];
    if (normalise(word, text, n) == 0)
        return false;
    for (size_t i = 0; i < countof(meanings); i++) {
        if (strstr(meanings[i].words, word)) {
            *ret = meanings[i].state;
            return true;
        }
    }
    if (strncmp(word, " not_", 5) != 0)
        return false;
    word[4] = ' ';
    if (!strstr(meanings[0].words, word + 4))
        return false;
    *ret = HEALTH_BAD;
    return true;
}

static size_t trimmed(const char **text, size_t n)
{
    while (n && isspace((unsigned char)**text)) {
        (*text)++;
        n--;
    }
    while (n && strchr(" \t\r\n.!", (*text)[n - 1]))
        n--;
    return n;
}

/* Where a word ends that something is said about: "down: why", "down (why)". */
static size_t head(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bool alone = strchr(":,;", text[i]) != NULL;
        bool spaced = i > 0 && text[i - 1] == ' ' && strchr("-(", text[i]) != NULL;
        if (text[i] && (alone || spaced))
            return i;
    }
    return n;
}

static struct health_claim claim(struct arena *a, enum health_state state, const char *word,
                                 size_t len, const char *why, size_t why_len)
{
    return (struct health_claim){
        .state = state,
        .listed = true,
        .said = health_text(a, word, len, HEALTH_SAID_MAX),
        .why = health_text(a, why, why_len, HEALTH_WHY_MAX),
    };
}

struct health_claim health_claim_text(struct arena *a, const char *text, size_t n)
{
    enum health_state state;
    n = trimmed(&text, n);
    if (look_up(text, n, &state))
        return claim(a, state, text, n, "", 0);

    size_t word = head(text, n);
    const char *rest = text + word + (word < n);
    size_t rest_len = trimmed(&rest, (size_t)(text + n - rest));
    if (word < n && text[word] == '(' && rest_len && rest[rest_len - 1] == ')')
        rest_len--;
    size_t len = word;
    while (len && text[len - 1] == ' ')
        len--;
    if (look_up(text, len, &state))
        return claim(a, state, text, len, rest, rest_len);

    const char *blank = memchr(text, ' ', len);
    if (blank && look_up(text, (size_t)(blank - text), &state) && state != HEALTH_OK)
        return claim(a, state, text, (size_t)(blank - text), text, n);
    struct health_claim none = claim(a, HEALTH_UNKNOWN, text, n, text, n);
    none.listed = false;
    return none;
}

struct health_claim health_claim_bool(bool well)
{
    return (struct health_claim){
        .state = well ? HEALTH_OK : HEALTH_BAD,
        .listed = true,
        .said = well ? "true" : "false",
        .why = "",
    };
}
