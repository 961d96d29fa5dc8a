#!/usr/bin/env bash
# The first process in the namespaces that run.sh creates: it runs a Docker engine and the command.
# DIR is the cache directory.
set -euo pipefail
mount -t proc proc /proc
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/lock
ip link set lo up
# kind mounts /lib/modules into nodes; this kernel may have no modules.
if [ ! -d /lib/modules ]; then
	mkdir -p "$DIR/work"
	mount -t tmpfs tmpfs "$DIR/work"
	mkdir "$DIR/work/upper" "$DIR/work/work"
	mount -t overlay overlay -o "lowerdir=/usr/lib,upperdir=$DIR/work/upper,workdir=$DIR/work/work" /usr/lib
	mkdir /lib/modules
fi
dockerd --data-root "$DIR/docker" --exec-root /run/docker --pidfile /run/docker.pid --host unix:///run/docker.sock \
	--cgroup-parent /egraft-kind --storage-driver overlay2 \
	--add-runtime "own=$PWD/e2e/kindnode/runc.sh" --default-runtime own >"$DIR/log/dockerd.log" 2>&1 &
unset DOCKER_HOST DOCKER_CONTEXT
for _ in {1..100}; do
	docker info >/dev/null 2>&1 && break
	sleep 0.2
done
# remove_containers removes all containers: only the command creates containers in this engine.
remove_containers() {
	docker ps --all --quiet | xargs --no-run-if-empty docker rm --force --volumes >/dev/null
}
remove_containers # left by a run that was killed
image=kindest/node:egraft
key=$(cat "$DIR/node.key")
if [ "$(docker image inspect --format '{{index .Config.Labels "key"}}' $image 2>/dev/null)" != "$key" ]; then
	docker import --change 'ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]' --change 'ENV container=docker' \
		--change "LABEL key=$key" "$DIR/node.tar" $image
	docker image prune --force >/dev/null
fi
export PATH=$DIR/bin:$PATH EGRAFT_KIND_IMAGE=$image
trap 'kill -TERM "$job"' HUP INT TERM
"$DIR/offline" registry "$DIR" "$@" </dev/null &
job=$!
code=0
wait "$job" || code=$?
remove_containers
kill "$(cat /run/docker.pid)"
wait || true
exit "$code"
