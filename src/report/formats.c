#include "nines/report.h"

#include "report/formats.h"

/* In the order of help. To add a format, see nines/report.h. */
const struct report_format *const report_formats[] = {
    &report_text, &report_json, &report_markdown, &report_html, &report_csv, NULL,
};
