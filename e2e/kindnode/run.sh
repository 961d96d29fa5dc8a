#!/usr/bin/env bash
# Runs a command that needs kind, without access to a registry: e2e/kindnode/run.sh COMMAND... For
# example: e2e/kindnode/run.sh e2e/kind.sh. It needs root, Debian and its packages docker.io,
# debootstrap and jq.
#
# A separate Docker engine has a node image that e2e/kindnode/image.sh makes once. Everything runs
# in its own network, mount and process namespaces: nothing listens, filters or mounts outside, no
# packet leaves, and all processes end with the command. What takes long to build is kept in the
# user's cache directory, below egraft/kind.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

fail() {
	echo "kindnode: $*" >&2
	exit 1
}
[ $# -gt 0 ] || fail "name a command, such as e2e/kind.sh"
[ "$(id -u)" -eq 0 ] || fail "the engine needs root"
missing=()
for program in docker:docker.io dockerd:docker.io containerd:containerd runc:runc debootstrap:debootstrap jq:jq; do
	command -v "${program%:*}" >/dev/null || missing+=("${program#*:}")
done
[ ${#missing[@]} -eq 0 ] || fail "programs are missing: apt-get install --no-install-recommends ${missing[*]}"

DIR=${XDG_CACHE_HOME:-$HOME/.cache}/egraft/kind
export DIR
mkdir -p "$DIR/docker" "$DIR/log"
e2e/kindnode/image.sh "$DIR"
code=0
unshare --mount --net --pid --fork --kill-child=SIGKILL --propagation private e2e/kindnode/inside.sh "$@" || code=$?
# Control groups outlive their processes. The groups below belong to this Docker.
for group in /sys/fs/cgroup/*/egraft-kind /sys/fs/cgroup/egraft-kind; do
	[ ! -d "$group" ] || find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || true
done
exit "$code"
