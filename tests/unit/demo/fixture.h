/* The sample platform as a process of its own, met with raw sockets. */
#pragma once

#include "base/str.h"

#include <stdio.h>
#include <sys/types.h>

#define ANSWER_MAX (8 << 20)
#define PATIENCE_MS 20000

struct fixture {
    pid_t pid;
    FILE *out;
    int port;
};

int set_up(void **state);
int tear_down(void **state); /* it ends when asked to, with every connection that is open */

int dial(const struct fixture *f);
void send_text(int fd, const char *text, size_t n);
int read_all(int fd, struct str *out); /* to the end: 0, or the errno that ended it */

/* One request on a connection of its own, which it asks to close: "GET /path", a fault or
 * NULL, a body or NULL. */
int ask(const struct fixture *f, const char *line, const char *fault, const char *body,
        struct str *answer);
int ask_with(const struct fixture *f, const char *line, const char *header, const char *body,
             struct str *answer);
const char *body_of(const struct str *answer);

#define assert_status(answer, status)                                                              \
    assert_true(str_starts((answer)->buf, "HTTP/1.1 " #status " "))
