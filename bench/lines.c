/*
 * Import lines of made-up results with lognormal phases: medians 0.1, 0.9, 2,
 * 11.2 and 0.1 ms for dns, connect, tls, wait and transfer, sigma 0.6, the total
 * being their sum. The same arguments give the same lines.
 *
 *   lines --results N [--probes N] [--interval SECONDS] [--start EPOCH_SECONDS]
 *         [--order probe|time] [--failing N]
 *
 * One result in --failing (1000; 0: none) is bad, with status 503. On the standard
 * error: one JSON object with the entropy of a result's phases in bits, as the
 * discretised distributions have it.
 */
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#define PHASES 5
#define SIGMA 0.6

static const char *const names[PHASES] = {"dns", "connect", "tls", "wait", "transfer"};
static const double medians_us[PHASES] = {100, 900, 2000, 11200, 100};

struct options {
    int64_t results, probes, interval, start, failing;
    bool by_time;
};

/* xorshift64* of a seed that is never 0 */
static double uniform(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return ((double)((*state * 0x2545f4914f6cdd1du) >> 11) + 0.5) / 9007199254740992.0;
}

static double normal(uint64_t *state)
{
    return sqrt(-2 * log(uniform(state))) * cos(2 * M_PI * uniform(state));
}

/* Of a lognormal in whole microseconds: the differential entropy, in bits. */
static double entropy_bits(void)
{
    double bits = 0;

    for (int i = 0; i < PHASES; i++)
        bits += log2(medians_us[i] * SIGMA * sqrt(2 * M_PI * M_E));
    return bits;
}

static size_t put_ms(char *out, size_t size, int64_t us)
{
    return (size_t)snprintf(out, size, "%" PRId64 ".%03" PRId64, us / 1000, us % 1000);
}

static void put_time(char *out, size_t size, int64_t at)
{
    struct tm tm;
    time_t t = at;

    gmtime_r(&t, &tm);
    strftime(out, size, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static void put_line(const struct options *o, int64_t probe, int64_t k, uint64_t *state)
{
    char phases[256], time[40], total[32];
    size_t at = 0;
    int64_t sum = 0;
    bool bad = o->failing && uniform(state) * (double)o->failing < 1;

    for (int i = 0; i < PHASES; i++) {
        int64_t us = (int64_t)(medians_us[i] * exp(SIGMA * normal(state)) + 0.5);

        sum += us;
        at +=
            (size_t)snprintf(phases + at, sizeof(phases) - at, "%s\"%s\":", i ? "," : "", names[i]);
        at += put_ms(phases + at, sizeof(phases) - at, us);
    }
    put_ms(total, sizeof(total), sum);
    put_time(time, sizeof(time), o->start + k * o->interval);
    printf("{\"probe\":\"p%" PRId64 "\",\"time\":\"%s\",\"outcome\":\"%s\",%s\"code\":%d,"
           "\"latency_ms\":%s,\"phases_ms\":{%s}}\n",
           probe, time, bad ? "bad" : "good", bad ? "\"reason\":\"status\"," : "", bad ? 503 : 200,
           total, phases);
}

static void parse(struct options *o, int argc, char **argv)
{
    static const struct option known[] = {{"results", 1, NULL, 'r'},  {"probes", 1, NULL, 'p'},
                                          {"interval", 1, NULL, 'i'}, {"start", 1, NULL, 's'},
                                          {"order", 1, NULL, 'o'},    {"failing", 1, NULL, 'f'},
                                          {NULL, 0, NULL, 0}};

    for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        int64_t n = c == 'o' ? 0 : strtoll(optarg ? optarg : "", NULL, 10);

        if (c == 'r')
            o->results = n;
        else if (c == 'p')
            o->probes = n;
        else if (c == 'i')
            o->interval = n;
        else if (c == 's')
            o->start = n;
        else if (c == 'f')
            o->failing = n;
        else if (c == 'o')
            o->by_time = strcmp(optarg, "time") == 0;
        else
            exit(2);
    }
    if (o->results < 1 || o->probes < 1 || o->interval < 1) {
        fprintf(stderr, "lines: --results N is needed, and what is given positive\n");
        exit(2);
    }
}

int main(int argc, char **argv)
{
    struct options o = {
        .probes = 1, .interval = 15, .start = 1760000000 / 86400 * 86400, .failing = 1000};
    uint64_t state = 0x9e3779b97f4a7c15u;

    parse(&o, argc, argv);
    int64_t each = o.results / o.probes;

    if (o.by_time) {
        for (int64_t k = 0; k < each; k++)
            for (int64_t p = 0; p < o.probes; p++)
                put_line(&o, p, k, &state);
    } else {
        for (int64_t p = 0; p < o.probes; p++)
            for (int64_t k = 0; k < each; k++)
                put_line(&o, p, k, &state);
    }
    fprintf(stderr, "{\"results\":%" PRId64 ",\"entropy_bits\":%.3f}\n", each * o.probes,
            entropy_bits());
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
