#!/bin/sh
# Rewrites reports/sample from the made-up reports of the tests:
#   reports/sample.sh BUILD_DIR
set -eu
cd "$(dirname "$0")/sample"
print="../../${1:-build}/tests/unit/report/print_sample"
[ -x "$print" ] || print="$1/tests/unit/report/print_sample"
"$print" json >report.json
"$print" csv >report.csv
"$print" markdown >report.md
"$print" html >report.html
"$print" text 100 >report.txt
"$print" json 80 plain agents >agents.json
"$print" csv 80 plain agents >agents.csv
"$print" markdown 80 plain agents >agents.md
"$print" html 80 plain agents >agents.html
"$print" text 100 plain agents >agents.txt
