/*
 * A blocking HTTP client for tests: sends exactly the bytes it is given, so
 * that bad requests can be written too.
 */
#pragma once

#include <stddef.h>

int client_connect_tcp(const char *address); /* "127.0.0.1:1234"; fails the test */
int client_connect_unix(const char *path);
void client_send(int fd, const char *text);

/* Reads until the peer closes; caller frees. */
char *client_read_all(int fd);

/* Reads one answer by its Content-Length, headers included; caller frees. */
char *client_read_answer(int fd);

/* Connects, asks, reads one answer, closes. "GET /livez". Caller frees. */
char *client_get(const char *address, const char *request_line);
