#!/usr/bin/env bash
# Adds egraft to Envoy Gateway's chart while Helm renders it, from standard input to standard
# output. ../chart does the same with a file. It needs kubectl or kustomize.
set -euo pipefail
# -P, because Helm runs the plug-in through a symbolic link.
deploy=$(cd -P "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# Kustomize reads only files, and only inside its folder.
cp -R "$deploy/." "$scratch"
cat >"$scratch/chart/envoy-gateway.yaml"
if command -v kubectl >/dev/null; then
	kubectl kustomize "$scratch/chart"
else
	kustomize build "$scratch/chart"
fi
