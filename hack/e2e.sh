#!/usr/bin/env bash
# Runs the scenarios in every environment that this machine supports, and prints a summary:
# hack/e2e.sh [flag of go test...]
# The exit code is 1 if an environment that ran failed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
trap 'exit 130' INT
trap 'exit 143' TERM

status=0
summary=()

# run ENVIRONMENT COMMAND...
run() {
	if "${@:2}"; then
		summary+=("$1: passed")
	else
		summary+=("$1: FAILED")
		status=1
	fi
}

skip() {
	summary+=("$1: skipped, because $2")
}

run "on this machine" make --no-print-directory e2e-here
if [ "$(id -u)" -eq 0 ]; then
	run "on a node" make --no-print-directory e2e-node
else
	skip "on a node" "it needs root"
fi
if why=$(e2e/kind.sh check 2>&1); then
	run "in kind" e2e/kind.sh "$@"
else
	skip "in kind" "${why#e2e: kind: }"
fi

printf 'e2e: %s\n' "${summary[@]}"
exit "$status"
