/*
 * Helper processes of tests: servers that print `name value` lines and then
 * `ready` on standard output, and end when their standard input is closed.
 *
 *     struct spawned *s = spawn_python("badserver.py");
 *     int port = spawn_port(s, "http");
 *     ...
 *     spawn_stop(s);
 *
 * Failures abort with a message: a test without its server is no test.
 */
#pragma once

struct spawned;

/* A script of tests/servers, with Debian's Python. Waits until it is ready. */
struct spawned *spawn_python(const char *script);

/* Any program, by path; `argv` ends with NULL. */
struct spawned *spawn_program(const char *const *argv);

const char *spawn_value(const struct spawned *s, const char *name);
int spawn_port(const struct spawned *s, const char *name);

/* Closes its standard input and waits for its end (killed after 10 s). */
void spawn_stop(struct spawned *s);
