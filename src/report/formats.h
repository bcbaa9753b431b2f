/*
 * The report formats, each defined in the file of its name. A writer appends
 * to `out`, whose maximum is the hard limit of the report's size; past it the
 * writer returns -1 and what stands in `out` is not a report.
 */
#pragma once

#include "nines/report.h"

extern const struct report_format report_text, report_json, report_markdown, report_html,
    report_csv;
