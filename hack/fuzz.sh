#!/usr/bin/env bash
# Runs the fuzz targets of all modules one after the other: hack/fuzz.sh <time for each>
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

grep -rnoE '^func Fuzz[A-Za-z0-9_]*' --include='*_test.go' internal pkg e2e examples | sort |
	while IFS=: read -r file _ declaration; do
		go -C "$(dirname "$file")" test -run '^$' -fuzz "^${declaration#func }\$" -fuzztime "$1" -fuzzminimizetime 1x . </dev/null
	done
