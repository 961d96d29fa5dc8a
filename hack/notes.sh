#!/usr/bin/env bash
# Prints a section of CHANGELOG.md without its heading, and fails if there is none:
# hack/notes.sh v0.1.0|Unreleased [FILE]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
awk -v heading="## [${1#v}]" '
	inside && (/^## / || /^\[[^]]*\]: /) { exit }
	inside && (printed || NF)           { print; printed = 1 }
	index($0, heading) == 1             { inside = 1 }
	END                                 { exit !printed }
' "${2:-CHANGELOG.md}"
