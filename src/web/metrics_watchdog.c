#include "web/metrics_watchdog.h"

#include "base/mem.h"

void metrics_watchdog(struct exposition *e, const struct status *s)
{
    const struct watchdog_stats *w = &s->watchdog;
    const struct {
        const char *result;
        int64_t value;
    } ends[] = {{"delivered", w->delivered}, {"failed", w->failed}};

    if (!w->on)
        return;
    exposition_family(e, "nines_watchdog_heartbeats_total", EXPOSITION_COUNTER,
                      "Words of the watchdog by how they ended.");
    for (size_t i = 0; i < countof(ends); i++) {
        const struct label l[] = {{"result", ends[i].result}};
        exposition_int(e, l, countof(l), ends[i].value);
    }
    exposition_gauge(e, "nines_watchdog_silent",
                     "Whether it is withheld, as this process does not do its work.", w->silent);
    exposition_family(e, "nines_watchdog_last_delivery_timestamp_seconds", EXPOSITION_GAUGE,
                      "When the last one was delivered; absent before the first.");
    if (w->last_us)
        exposition_seconds(e, NULL, 0, w->last_us);
}
