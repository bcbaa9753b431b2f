/*
 * Threads whose work can wait: what the loop thread measures must not.
 */
#pragma once

/*
 * The calling thread gives way to the others of the process: it is nice to them
 * by THREAD_BACKGROUND_NICE, does not take the core when it wakes up, and
 * leaves a real-time policy that it inherited. It still gets its share of a
 * busy core, so whoever waits for it waits for a while only; nothing that the
 * loop thread locks should be held for longer than a few instructions. What the
 * system refuses stays as it is.
 */
#define THREAD_BACKGROUND_NICE 10
void thread_background(void);
