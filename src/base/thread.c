#include "base/thread.h"

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

void thread_background(void)
{
    const struct sched_param none = {0};
    int nice_now = getpriority(PRIO_PROCESS, 0);

    /* On Linux both are the thread's own, not its process's. */
    (void)sched_setscheduler(0, SCHED_BATCH, &none);
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), nice_now + THREAD_BACKGROUND_NICE);
}
