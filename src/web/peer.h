/* Whose process is at the other end of a connection over TCP on this machine. */
#pragma once

#include <stdbool.h>

/* It is one of our own user or of root, and the connection is between addresses of the
 * loopback interface. False also when the kernel does not tell. */
bool peer_is_us(int fd);
