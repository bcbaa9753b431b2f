/* An agent's whole work in one document. */
#include "demo/platform_internal.h"

#include "base/json.h"
#include "demo/speech.h"

#include <inttypes.h>
#include <jansson.h>

#define TEXT_MAX 256

static void put_output(struct call *c, const char *task)
{
    struct str *b = &c->reply->body;
    str_add(b, "\"output\":");
    if (c->fault.kind == FAULT_REASONING_ONLY) {
        str_add(b, "\"\"");
        return;
    }
    struct str text;
    str_init(&text, 8 * TEXT_MAX);
    str_add(&text, "Done: ");
    if (task)
        str_addn(&text, task, strnlen(task, TEXT_MAX));
    json_add_string(b, text.buf);
    str_release(&text);
}

void route_execute(struct call *c)
{
    struct platform *p = c->p;
    int agent = call_agent(c);
    json_t *o = agent < 0 ? NULL : call_object(c);
    if (!o)
        return;
    const char *task = json_string_value(json_object_get(o, "task"));
    int64_t prompt = 20 + (task ? (int64_t)strlen(task) / 4 : 0);
    int64_t completion = 40 + dice_poisson(&p->dice, 60);
    call_takes(c, 120000, 0.35);
    traffic_execution(&p->traffic, agent, true, c->reply->delay_us, prompt, completion);
    struct str *b = &c->reply->body;
    if (c->fault.kind == FAULT_ERROR_EVENT) {
        str_add(b, "{\"status\":\"failed\",\"error\":\"the model gave up\"}\n");
        json_decref(o);
        return;
    }
    str_addf(b, "{\"execution_id\":\"exec-%06" PRId64 "\",\"agent_id\":\"%s\",", ++p->next_id,
             traffic_agents[agent]);
    str_add(b, "\"status\":\"completed\",");
    put_output(c, task);
    str_addf(b,
             ",\"tokens\":{\"in\":%" PRId64 ",\"out\":%" PRId64 "},\"tokens_used\":%" PRId64
             ",\"duration_ms\":%" PRId64 "}\n",
             prompt, completion, prompt + completion,
             (int64_t)(c->reply->delay_us / USEC_PER_MSEC));
    json_decref(o);
}
