#!/usr/bin/env bash
# Runs the scenarios in a cluster that it creates with kind: e2e/kind.sh [flag of go test...]
# Checks whether this machine has what they need: e2e/kind.sh check
#
# The cluster is always deleted at the end. If something failed, its logs are kept and their
# directory is printed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Each node image is built for one release of kind. This is the image with the Kubernetes of
# hack/tools/kubernetes in https://github.com/kubernetes-sigs/kind/releases/tag/v0.33.0
release=0.33.0
image=${EGRAFT_KIND_IMAGE:-kindest/node:v1.36.4@sha256:099e049362a1526b2db71494e1947aae99bd16290d7c895f2b7ea312e3cbfaed}

export KIND_CLUSTER_NAME=egraft-e2e # also for the commands of docs/install.md

reject() {
	echo "e2e: kind: $*" >&2
	exit 1
}
for program in docker kind kubectl helm; do
	command -v "$program" >/dev/null || reject "$program is not installed"
done
docker info >/dev/null 2>&1 || reject "docker reaches no engine, see \`docker info\`"
version=$(kind --quiet version)
[ "$version" = "$release" ] || reject "kind is $version, and the node image is for $release: go install sigs.k8s.io/kind@v$release"
version=$(helm version --template '{{.Version}}')
[[ $version == v4.* ]] || reject "helm is $version, and docs/install.md is for Helm 4"
[ "${1-}" != check ] || exit 0
clusters=$(kind --quiet get clusters)
if grep -Fqx "$KIND_CLUSTER_NAME" <<<"$clusters"; then
	reject "there is a cluster $KIND_CLUSTER_NAME already; if nobody needs it: kind delete cluster --name $KIND_CLUSTER_NAME"
fi

dir=$(mktemp -d "${TMPDIR:-/tmp}/egraft-kind-XXXXXX")
mkdir "$dir/log"
export KUBECONFIG=$dir/kubeconfig # the user's own is not changed

# clean ignores a second Ctrl-C, which would otherwise leave the cluster running.
clean() {
	local status=$?
	trap '' HUP INT TERM
	if [ "$status" -ne 0 ]; then
		kind export logs "$dir/log/kind" || true
		echo "e2e: kind: the logs of the cluster are in $dir/log" >&2
	else
		rm -rf "$dir/log"
	fi
	kind delete cluster || [ "$status" -ne 0 ] || status=1
	find "$dir" -mindepth 1 -maxdepth 1 ! -name log -exec rm -rf {} +
	rmdir "$dir" 2>/dev/null || true # unless it contains logs
	exit "$status"
}
trap clean EXIT

# run runs a command in a process group of its own. Bash handles a signal only after a foreground
# command ends, and go test does not forward signals.
job=
run() {
	set -m
	"$@" </dev/null &
	job=$!
	set +m
	wait "$job"
	job=
}

# stop waits for the running command, and exits with the code that a shell uses for a signal.
stop() {
	trap '' HUP INT TERM
	if [ -n "$job" ]; then
		kill -TERM -- "-$job" 2>/dev/null || true
		wait "$job" || true
	fi
	exit "$1"
}
trap 'stop 129' HUP
trap 'stop 130' INT
trap 'stop 143' TERM

# A cluster that fails to start is kept for its logs.
run kind create cluster --image "$image" --wait 3m --retain
run make --no-print-directory build # a command of deploy/patch/README.md is egraft
export PATH=$PWD/bin:$PATH EGRAFT_E2E=kind EGRAFT_E2E_KIND_DIR=$dir
run go test "$@" -tags e2e,grpcnotrace -timeout 40m -count 1 -v ./e2e -run '^TestCluster$'
