#!/usr/bin/env bash
# Runs a command where kind works and no registry can be reached: e2e/kindnode/run.sh COMMAND...
# For example: e2e/kindnode/run.sh e2e/kind.sh. It needs root, Debian and its packages docker.io,
# debootstrap and jq.
#
# A Docker engine of its own knows a node image that e2e/kindnode/image.sh makes, once. All of it has
# network, mount and process namespaces of its own: nothing is listened on, filtered or mounted outside,
# no packet gets out, and all processes end with the command. What takes long to make is kept in the
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
# Control groups outlive their processes; those below are Docker's own.
for group in /sys/fs/cgroup/*/egraft-kind /sys/fs/cgroup/egraft-kind; do
	[ ! -d "$group" ] || find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || true
done
exit "$code"
