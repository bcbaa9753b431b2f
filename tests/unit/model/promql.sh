#!/bin/sh
# promql EXE: what EXE says of selectors and conditions must be what Prometheus
# says. 77: no promtool here.
command -v promtool >/dev/null || exit 77
file=$(mktemp --suffix=.yaml) || exit 1
trap 'rm -f "$file"' EXIT
"$1" > "$file" && promtool test rules "$file"
