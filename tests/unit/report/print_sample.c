/* Prints the sample report: print_sample FORMAT [WIDTH [color [agents]]]. Makes
 * reports/sample and is what the page is looked at with. */
#include "sample.h"

#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    struct report r;
    struct str out;
    struct report_style style = {.width = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 80,
                                 .color = argc > 3 && str_eq(argv[3], "color")};
    const struct report_format *const *f = report_formats;
    while (*f && !str_eq((*f)->name, argc > 1 ? argv[1] : "text"))
        f++;
    if (!*f)
        return 2;
    if (argc > 4) {
        sample_agents(&r);
        r.slo_count = 2; /* one of success, one of a measure */
    } else {
        sample_all(&r);
    }
    str_init(&out, 64 << 20);
    int rc = (*f)->write(&r, &style, &out);
    fwrite(out.buf, 1, out.len, stdout);
    str_release(&out);
    sample_release(&r);
    return rc < 0;
}
