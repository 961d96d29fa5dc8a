#!/usr/bin/env bash
# Adds egraft to Envoy Gateway's chart as Helm renders it, from standard input to standard
# output: what ../chart does with a file. It needs kubectl or kustomize.
set -euo pipefail
# -P, because the plug-in comes here over a symbolic link.
deploy=$(cd -P "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# Kustomize reads files, and none outside the folder that it is given.
cp -R "$deploy/." "$scratch"
cat >"$scratch/chart/envoy-gateway.yaml"
if command -v kubectl >/dev/null; then
	kubectl kustomize "$scratch/chart"
else
	kustomize build "$scratch/chart"
fi
