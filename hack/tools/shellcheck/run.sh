#!/usr/bin/env bash
# Runs ShellCheck in the version that requirements.txt pins. It is obtained once and kept in the
# user's cache: hack/tools/shellcheck/run.sh [argument...]
set -euo pipefail
pins=$(dirname "${BASH_SOURCE[0]}")/requirements.txt
cache=${XDG_CACHE_HOME:-$HOME/.cache}/egraft/tools
tool=$cache/shellcheck-$(git hash-object "$pins")
if [ ! -d "$tool" ]; then
	mkdir -p "$cache"
	# Created next to its destination, and moved there when complete.
	making=$(mktemp -d "$cache/making-XXXXXX")
	trap 'rm -rf "$making"' EXIT
	PIP_ROOT_USER_ACTION=ignore python3 -m pip install --quiet --disable-pip-version-check --no-input --no-deps \
		--require-hashes --requirement "$pins" --target "$making/tool"
	[ -d "$tool" ] || mv "$making/tool" "$tool" # unless another process has already created it
	rm -rf "$making"
fi
exec "$tool/bin/shellcheck" "$@"
