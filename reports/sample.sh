#!/bin/sh
# Rewrites reports/sample from the made-up reports of the tests and of the demo:
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

# Of agents: a month as `nines demo history --agents` makes it up.
nines="../../${1:-build}/src/cli/nines"
[ -x "$nines" ] || nines="$1/src/cli/nines"
at=2026-11-21T00:00:00Z
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$nines" demo history --agents --to $at >"$work/history.ndjson"
sum() { "$nines" report --config agents.yaml --db "$work/nines.db" --at $at "$@"; }
"$nines" import --config agents.yaml --db "$work/nines.db" --create interval=5m \
    "$work/history.ndjson" >/dev/null
sum --format json >agents.json
sum --format csv >agents.csv
sum --format markdown >agents.md
sum --format html >agents.html
sum --format text >agents.txt
