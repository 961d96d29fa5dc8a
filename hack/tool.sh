#!/usr/bin/env bash
# Runs a tool in the version that hack/tools/<name>/go.mod pins, built once by the go command and
# kept in its cache: hack/tool.sh <name> [argument...]
set -euo pipefail
tools=$(cd "$(dirname "${BASH_SOURCE[0]}")/tools" && pwd)
case $1 in
promtool) export GOFLAGS="${GOFLAGS:-} -tags=remove_all_sd" ;; # without clients of cloud providers
esac
exec go tool -modfile="$tools/$1/go.mod" "$@"
