/* Parts of the HTML page. */
#pragma once

#include "nines/report.h"

extern const char report_css[];  /* reports/style.css, generated at build */
extern const char answers_css[]; /* reports/answers.css, the same */

/* One objective as a section with the id "slo-INDEX". */
void html_slo(struct str *out, const struct report *r, size_t index);

/* "met", as a coloured word with a mark of its own shape. */
void html_state(struct str *out, enum slo_state state);

/* The name of the objective, escaped. */
void html_title(struct str *out, const struct report_slo *s);
