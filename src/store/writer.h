/* The store thread: takes batches, commits them in order, and uses the time
 * between them for rolling up, checkpoints and old evidence. */
#pragma once

struct store;

/* Until the queue is stopped and empty, or stopped and out of patience: then
 * s->failed is -1 and s->err says why. */
void *writer_main(void *store);
