#!/bin/sh
# What `test_metrics` prints must please `promtool check metrics`: exit 3 is a
# lint warning, 1 a syntax error. 77: no promtool here.
command -v promtool >/dev/null || exit 77
"$1" print | promtool check metrics
