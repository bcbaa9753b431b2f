#include "demo/files.h"

#include "base/mem.h"
#include "base/str.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEXT_MAX (64 << 10)
#define MARK "# Written by `nines demo`."

const struct demo_file demo_files[] = {
    {"nines.yaml", "where alerts go",
     MARK " Change what you like and run `nines run` here.\n"
          "apiVersion: nines/v1\n"
          "kind: Daemon\n"
          "database: nines.db\n"
          "listen: 127.0.0.1:9464            # /metrics, /readyz, /health\n"
          "prices:                           # for a million tokens\n"
          "  currency: USD\n"
          "  models:\n"
          "    sample-large: {input: 0.15, output: 0.60}\n"
          "    sample-careful: {input: 3, output: 15}\n"
          "spend: {day: {tokens: 1000000}}   # of all probes that ask agents\n"
          "receivers:\n"
          "  - name: alert-file\n"
          "    log: {path: alerts.ndjson}\n"
          "  - name: on-call                 # here the sample platform itself takes alerts\n"
          "    webhook: {url: \"@PLATFORM@/v1/alerts\"}\n"},
    {"probes/platform.yaml", "six probes, each once a second",
     "apiVersion: nines/v1\n"
     "kind: Probes\n"
     "defaults: {interval: 1s, timeout: 5s, labels: {team: platform}}\n"
     "probes:\n"
     "  - id: api-health\n"
     "    http:\n"
     "      url: @PLATFORM@/health\n"
     "      expect: {status: 200, json: {$.status: healthy}}\n"
     "\n"
     "  - id: api-ready                  # a 200 alone proves nothing: ask the body\n"
     "    http:\n"
     "      url: @PLATFORM@/ready\n"
     "      expect:\n"
     "        status: 200\n"
     "        json: {$.ready: true, $.checks.redis.status: healthy}\n"
     "\n"
     "  - id: agent-execute              # what users come for\n"
     "    http:\n"
     "      url: @PLATFORM@/v1/agents/researcher/execute\n"
     "      body: '{\"task\": \"probe\"}'\n"
     "      expect: {status: 200, json: {$.status: completed}}\n"
     "\n"
     "  - id: chat-completions\n"
     "    http:\n"
     "      url: @PLATFORM@/v1/chat/completions\n"
     "      body: '{\"messages\": [{\"role\": \"user\", \"content\": \"ping\"}]}'\n"
     "      expect: {status: 200, json: {\"$.choices[0].finish_reason\": stop}}\n"
     "\n"
     "  - id: chat-stream                # the answer must arrive whole\n"
     "    http:\n"
     "      url: @PLATFORM@/v1/chat/completions\n"
     "      body: >-\n"
     "        {\"stream\": true, \"messages\": [{\"role\": \"user\", \"content\": \"ping\"}]}\n"
     "      expect: {status: 200, body: {contains: \"data: [DONE]\"}}\n"
     "\n"
     "  - id: platform-metrics\n"
     "    http:\n"
     "      url: @PLATFORM@/metrics\n"
     "      expect: {status: 200, body: {contains: agent_executions_total}}\n"},
    {"probes/agents.yaml", "five agents, each asked every 5 minutes",
     "apiVersion: nines/v1\n"
     "kind: Probes\n"
     "defaults: {interval: 5m, timeout: 60s, labels: {team: agents}}\n"
     "probes:\n"
     "  - id: chat-answers               # a stream: first token, gaps, tokens, cost\n"
     "    agent:\n"
     "      protocol: openai\n"
     "      url: @PLATFORM@/v1/chat/completions\n"
     "      model: sample-large\n"
     "      prompt: What is an error budget? In one sentence. Run {nonce}.\n"
     "      max_tokens: 64\n"
     "      first_event_timeout: 10s\n"
     "      idle_timeout: 15s\n"
     "      expect: {answer: {contains: budget}, finish: [stop], min_tokens: 5}\n"
     "\n"
     "  - id: support-messages           # a dear model: at most 60 cents a day\n"
     "    agent:\n"
     "      protocol: anthropic\n"
     "      url: @PLATFORM@/v1/messages\n"
     "      model: sample-careful\n"
     "      prompt: What may we spend on change? Run {nonce}.\n"
     "      max_tokens: 200\n"
     "      idle_timeout: 15s\n"
     "      spend: {day: {cost: 0.60}}\n"
     "      expect: {answer: {contains: budget}, finish: [end_turn]}\n"
     "\n"
     "  - id: coder-events               # events of its own kind\n"
     "    agent:\n"
     "      protocol: sse\n"
     "      url: @PLATFORM@/v1/agents/coder/events\n"
     "      body: '{\"task\": \"Say what an error budget is. Run {nonce}.\"}'\n"
     "      read:\n"
     "        text: $.text\n"
     "        reasoning: $.thought\n"
     "        finish: $.finish\n"
     "        tokens_in: $.usage.in\n"
     "        tokens_out: $.usage.out\n"
     "        end: {event: done}\n"
     "        error: {event: error}\n"
     "      expect: {answer: {contains: budget}}\n"
     "\n"
     "  - id: search-tool                # a tool, by MCP\n"
     "    agent:\n"
     "      protocol: mcp\n"
     "      url: @PLATFORM@/mcp\n"
     "      tool: search\n"
     "      arguments: {query: error budget}\n"
     "      expect: {answer: {contains: results}}\n"
     "\n"
     "  - id: researcher-tasks           # an agent, by A2A\n"
     "    agent:\n"
     "      protocol: a2a\n"
     "      url: @PLATFORM@\n"
     "      prompt: Find out what an error budget is. Run {nonce}.\n"
     "      expect: {answer: {contains: budget}}\n"},
    {"slos/answers.yaml", "what agents answer: right, soon, steadily, at a price",
     "apiVersion: nines/v1\n"
     "kind: SLOs\n"
     "slos:\n"
     "  - name: answers\n"
     "    service: answers\n"
     "    description: The model answers, and to the point.\n"
     "    sli: {probe: chat-answers}\n"
     "    objective: 99%\n"
     "    window: 30d\n"
     "    alerting: default\n"
     "  - name: answers-first-token\n"
     "    service: answers\n"
     "    sli: {probe: chat-answers, ttft_faster_than: 800ms}\n"
     "    objective: 99%\n"
     "    window: 30d\n"
     "  - name: answers-speed\n"
     "    service: answers\n"
     "    sli: {probe: chat-answers, tokens_per_second_at_least: 30}\n"
     "    objective: 99%\n"
     "    window: 30d\n"
     "  - name: messages-gap\n"
     "    service: answers\n"
     "    description: Nobody waits two seconds in the middle of an answer.\n"
     "    sli: {probe: support-messages, gap_below: 2s}\n"
     "    objective: 99%\n"
     "    window: 30d\n"
     "  - name: messages-cost\n"
     "    service: answers\n"
     "    sli: {probe: support-messages, cost_at_most: 0.001}\n"
     "    objective: 95%\n"
     "    window: 30d\n"
     "  - name: events-whole\n"
     "    service: answers\n"
     "    sli: {probe: coder-events}\n"
     "    objective: 99%\n"
     "    window: 30d\n"
     "  - name: tools\n"
     "    service: answers\n"
     "    sli: {probe: search-tool}\n"
     "    objective: 99%\n"
     "    window: 30d\n"
     "  - name: tasks\n"
     "    service: answers\n"
     "    sli: {probe: researcher-tasks}\n"
     "    objective: 99%\n"
     "    window: 30d\n"},
    {"slos/agents.yaml", "agents: available and fast",
     "apiVersion: nines/v1\n"
     "kind: SLOs\n"
     "slos:\n"
     "  - name: agent-availability\n"
     "    service: agents\n"
     "    description: An agent that is asked to work does.\n"
     "    sli: {probe: agent-execute}\n"
     "    objective: 99.9%               # 43 minutes of a month\n"
     "    window: 30d\n"
     "    alerting: default              # 14.4x over 1h and 5m pages, and three slower tiers\n"
     "  - name: agent-latency\n"
     "    service: agents\n"
     "    sli: {probe: agent-execute, faster_than: 400ms}\n"
     "    objective: 99%\n"
     "    window: 30d\n"},
    {"slos/chat.yaml", "chat: available, whole and fast",
     "apiVersion: nines/v1\n"
     "kind: SLOs\n"
     "slos:\n"
     "  - name: chat-availability\n"
     "    service: chat\n"
     "    sli: {probe: chat-completions}\n"
     "    objective: 99.5%\n"
     "    window: 30d\n"
     "    alerting: default\n"
     "  - name: chat-stream\n"
     "    service: chat\n"
     "    description: A streamed answer ends with its last token.\n"
     "    sli: {probe: chat-stream}\n"
     "    objective: 99.5%\n"
     "    window: 30d\n"
     "    alerting: default\n"
     "  - name: chat-latency\n"
     "    service: chat\n"
     "    sli: {probe: chat-completions, faster_than: 1s}\n"
     "    objective: 95%\n"
     "    window: {calendar: 1 month, timezone: Europe/Berlin}\n"},
    {"slos/platform.yaml", "the platform below them",
     "apiVersion: nines/v1\n"
     "kind: SLOs\n"
     "slos:\n"
     "  - name: api-availability\n"
     "    service: platform\n"
     "    sli: {probe: api-health}\n"
     "    objective: 99.9%\n"
     "    window: 30d\n"
     "    alerting: default\n"
     "  - name: platform-readiness\n"
     "    service: platform\n"
     "    sli: {probe: api-ready}\n"
     "    objective: 99.9%\n"
     "    window: 30d\n"
     "    alerting: default\n"},
    {NULL, NULL, NULL},
};

static const char *const leftovers[] = {"nines.db",      "nines.db-wal",  "nines.db-shm",
                                        "nines.db.lock", "nines.db.sock", "alerts.ndjson",
                                        "report.html"};

/* ---- the directory -------------------------------------------------------------- */

static bool is_empty(const char *dir)
{
    DIR *d = opendir(dir);
    const struct dirent *e;
    int n = 0;
    while (d && (e = readdir(d)))
        n++;
    if (d)
        closedir(d);
    return n <= 2; /* . and .. */
}

static bool is_ours(const char *dir)
{
    mem_auto char *path = mem_printf("%s/%s", dir, demo_files[0].path);
    char line[128] = "";
    FILE *f = fopen(path, "re");
    if (!f)
        return false;
    bool ours = fgets(line, sizeof(line), f) && str_starts(line, MARK);
    fclose(f);
    return ours;
}

static int make_dir(const char *path, struct err *reterr)
{
    if (mkdir(path, 0777) < 0 && errno != EEXIST)
        return err_errno(reterr, errno, "cannot make %s", path);
    return 0;
}

static int make_sub(const char *dir, const char *name, struct err *reterr)
{
    mem_auto char *path = mem_printf("%s/%s", dir, name);
    return make_dir(path, reterr);
}

int files_prepare(const char *dir, struct err *reterr)
{
    if (make_dir(dir, reterr) < 0)
        return -1;
    if (!is_empty(dir) && !is_ours(dir))
        return err_set(reterr, "%s exists and is not from a demo; choose another with --dir", dir);
    for (size_t i = 0; i < countof(leftovers); i++) {
        mem_auto char *path = mem_printf("%s/%s", dir, leftovers[i]);
        if (unlink(path) < 0 && errno != ENOENT)
            return err_errno(reterr, errno, "cannot remove %s", path);
    }
    if (make_sub(dir, "probes", reterr) < 0)
        return -1;
    return make_sub(dir, "slos", reterr);
}

/* ---- the files ---------------------------------------------------------------------- */

static void substitute(struct str *out, const char *text, const char *platform)
{
    static const char mark[] = "@PLATFORM@";
    const char *at;
    while ((at = strstr(text, mark))) {
        str_addn(out, text, (size_t)(at - text));
        str_add(out, platform);
        text = at + sizeof(mark) - 1;
    }
    str_add(out, text);
}

static int write_file(const char *path, const struct str *text, struct err *reterr)
{
    FILE *f = fopen(path, "we");
    if (!f)
        return err_errno(reterr, errno, "cannot write %s", path);
    fwrite(text->buf, 1, text->len, f);
    bool failed = ferror(f);
    if (fclose(f) != 0 || failed)
        return err_errno(reterr, errno, "cannot write %s", path);
    return 0;
}

int files_write(const char *dir, const char *platform, struct err *reterr)
{
    int rc = 0;
    for (const struct demo_file *f = demo_files; f->path && rc == 0; f++) {
        mem_auto char *path = mem_printf("%s/%s", dir, f->path);
        struct str text;
        str_init(&text, TEXT_MAX);
        substitute(&text, f->text, platform);
        rc = write_file(path, &text, reterr);
        str_release(&text);
    }
    return rc;
}
