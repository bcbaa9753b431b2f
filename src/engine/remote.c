#include "engine/remote.h"

#include "base/mem.h"
#include "base/units.h"
#include "io/http.h"

#include <assert.h>
#include <jansson.h>
#include <uv.h>

#define REPLY_BYTES (64 << 10)
#define TIMEOUT_US (5 * USEC_PER_MIN)

struct remote {
    char *socket_path;
    uv_loop_t loop;
    struct http_client *client;

    /* The call under way: */
    bool replied;
    int rc, status;
    json_t *reply;
    struct err *reterr;
};

int remote_open(const char *socket_path, struct remote **ret, struct err *reterr)
{
    struct remote *r = mem_alloc(sizeof(*r));
    int rc = uv_loop_init(&r->loop);
    if (rc < 0) {
        free(r);
        return err_set(reterr, "cannot make an event loop: %s", uv_strerror(rc));
    }
    r->socket_path = mem_strdup(socket_path);
    if (http_client_new(&r->loop, NULL, &r->client, reterr) < 0) {
        remote_close(r);
        return -1;
    }
    *ret = r;
    return 0;
}

void remote_close(struct remote *r)
{
    if (r->client)
        http_client_close(r->client, NULL, NULL);
    uv_run(&r->loop, UV_RUN_DEFAULT);
    int rc = uv_loop_close(&r->loop);
    assert(rc == 0);
    (void)rc;
    free(r->socket_path);
    free(r);
}

static void on_reply(void *ctx, const struct http_response *resp)
{
    struct remote *r = ctx;
    r->replied = true;
    if (resp->reason != REASON_NONE) {
        r->rc = err_set(r->reterr, "%s: %s", r->socket_path, resp->message);
        return;
    }
    r->status = resp->status;
    r->reply = json_loadb(resp->body, resp->body_len, JSON_REJECT_DUPLICATES, NULL);
}

int remote_post(struct remote *r, const char *path, const char *body, size_t n, int *ret_status,
                json_t **ret, struct err *reterr)
{
    mem_auto char *url = mem_printf("http://localhost%s", path);
    const char *const headers[] = {"Content-Type: application/json"};
    struct http_request req = {
        .method = "POST",
        .url = url,
        .unix_socket = r->socket_path,
        .headers = headers,
        .header_count = 1,
        .body = body,
        .body_len = n,
        .timeout_us = TIMEOUT_US,
        .max_body = REPLY_BYTES,
    };
    r->replied = false;
    r->rc = 0;
    r->reply = NULL;
    r->reterr = reterr;
    http_start(r->client, &req, NULL, on_reply, r);
    while (!r->replied)
        uv_run(&r->loop, UV_RUN_ONCE);
    *ret_status = r->status;
    *ret = r->reply;
    return r->rc;
}
