/* nines alerts retry: messages that were given up are sent again. */
#include "cli/alerts.h"
#include "cli/cli.h"

#include "base/str.h"
#include "engine/edit.h"
#include "nines/config.h"
#include "nines/store.h"
#include "nines/store_reader.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>

#define IDS_MAX 1000

static const struct command command_retry = {
    .name = "alerts retry",
    .arguments = "ID...",
    .summary = "send messages again that were given up",
    .details =
        "A message is given up when the receiver's service refuses it, or when it could not\n"
        "be sent for a day; `nines alerts history` shows such as dead, with its number and\n"
        "what was answered. While `nines run` holds the database it tries them at once;\n"
        "else they are sent when it starts. What a service has seen it can tell by the\n"
        "key, which is the same as before.\n\n"
        "Examples:\n"
        "  nines alerts history --dead\n"
        "  nines alerts retry 12 15\n"
        "  nines alerts retry --all-dead\n",
};

struct dead {
    int64_t sendable, old;
};

static bool count(void *ctx, const struct outbox_row *row)
{
    struct dead *d = ctx;
    if (row->state == OUTBOX_DEAD && *row->integration)
        d->sendable++;
    else if (row->state == OUTBOX_DEAD)
        d->old++;
    return true;
}

/* Asking would make the database that is missing. */
static int count_dead(const char *database, struct dead *ret, struct err *reterr)
{
    struct store_reader *r;
    *ret = (struct dead){0};
    if (store_reader_open(database, &r, reterr) < 0)
        return -1;
    int rc = store_reader_outbox(r, INT64_MIN, INT64_MAX, count, ret, reterr);
    store_reader_free(r);
    return rc;
}

static int ask(const char *database, int64_t id, struct err *reterr)
{
    json_t *request = json_pack("{s:s, s:I}", "do", "retry_message", "id", (json_int_t)id);
    json_t *answer = NULL;
    int rc = edit_ask(database, request, &answer, reterr);
    json_decref(answer);
    json_decref(request);
    return rc;
}

static const char *plural(int64_t n)
{
    return n == 1 ? "" : "s";
}

static void say(const char *database, int64_t n)
{
    bool runs = store_lock_holder(database) != 0;
    printf("%" PRId64 " message%s %s pending again%s\n", n, plural(n), n == 1 ? "is" : "are",
           runs ? "" : ", to be sent when `nines run` starts");
}

static int retry_all(const struct command *self, const char *database)
{
    struct dead dead;
    struct err err;
    int64_t done = 0;
    if (count_dead(database, &dead, &err) < 0)
        return cli_fail(self, "%s", err.msg);
    for (; done < dead.sendable; done += OUTBOX_RETRY_MAX)
        if (ask(database, 0, &err) < 0)
            return cli_fail(self, "%s", err.msg);
    say(database, dead.sendable);
    if (dead.old)
        fprintf(stderr,
                "%" PRId64 " of an older nines cannot be sent; what still fires is told anew\n",
                dead.old);
    return EXIT_GOOD;
}

/* Each is tried, whatever becomes of the others. */
static int retry_some(const struct command *self, const char *database, const int64_t *ids,
                      size_t n)
{
    struct dead dead;
    struct err err;
    int64_t done = 0;
    int status = EXIT_GOOD;
    if (count_dead(database, &dead, &err) < 0)
        return cli_fail(self, "%s", err.msg);
    for (size_t i = 0; i < n; i++) {
        if (ask(database, ids[i], &err) == 0)
            done++;
        else
            status = cli_fail(self, "%s", err.msg);
    }
    if (done)
        say(database, done);
    return status;
}

/* -1, or an exit code once told. */
static int take_ids(const struct command *self, int n, char **words, int64_t *ids)
{
    if (n > IDS_MAX)
        return cli_usage(self, "at most %d numbers", IDS_MAX);
    for (int i = 0; i < n; i++)
        if (!cli_id(words[i], &ids[i]))
            return cli_usage(self, "expected the number of a message; found '%s'", words[i]);
    return -1;
}

int alerts_retry(int argc, char **argv)
{
    const struct command *self = &command_retry;
    struct cli_common common = {0};
    bool all = false;
    int64_t ids[IDS_MAX];
    const struct cli_option options[] = {
        {"all-dead", 0, OPT_FLAG, &all, NULL, "all that were given up"},
        {0},
    };
    int first, rc = cli_parse(self, options, argc, argv, &common, &first);
    if (rc >= 0)
        return rc;
    if (all == (first < argc))
        return cli_usage(self, "expected numbers of messages, or --all-dead");
    if (common.format && !str_eq(common.format, "text"))
        return cli_usage(self, "--format is text; found '%s'", common.format);
    rc = take_ids(self, argc - first, argv + first, ids);
    if (rc >= 0)
        return rc;
    struct config *cfg = cli_config(self, &common, true);
    if (!cfg)
        return EXIT_BAD;
    const char *database = cfg->daemon.database;
    rc = all ? retry_all(self, database) : retry_some(self, database, ids, (size_t)(argc - first));
    config_unref(cfg);
    return rc;
}
