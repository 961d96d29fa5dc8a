#!/usr/bin/env bash
# Builds egraft's image as bin/egraft-image.tar, the image of a backend for trials as
# bin/echo-image.tar, and a bill of materials for each of their platforms:
# hack/image.sh [NAME:TAG]
#
# The default name is the one in the manifests, that of the newest release. There is no base image:
# the programs are static, and the only other files name their user. The same commit and the same Go
# give the same bytes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
export SOURCE_DATE_EPOCH

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
go -C hack/tools/image build -o "$scratch/image" .
umask 022
mkdir -p bin

# root PROGRAM PACKAGE ARCHITECTURE makes the file system of an image and prints its path.
root() {
	local root=$scratch/$1-$3
	mkdir -p "$root/etc"
	echo 'nonroot:x:65532:65532:nonroot:/:/sbin/nologin' >"$root/etc/passwd"
	echo 'nonroot:x:65532:' >"$root/etc/group"
	GOOS=linux GOARCH=$3 GOAMD64=v1 GOARM64=v8.0 hack/build.sh "$root/$1" "$2"
	echo "$root"
}

# image PROGRAM PACKAGE NAME:TAG
image() {
	local amd64 arm64
	amd64=$(root "$1" "$2" amd64)
	arm64=$(root "$1" "$2" arm64)
	"$scratch/image" --output "bin/$1-image.tar" --reference "$3" --sbom-dir bin --gzip 9 \
		--entrypoint "/$1" --user 65532:65532 \
		--label "org.opencontainers.image.title=$1" \
		--label org.opencontainers.image.source=https://github.com/egraft/egraft \
		--label org.opencontainers.image.licenses=Apache-2.0 \
		"linux/amd64=$amd64" "linux/arm64=$arm64"
}

release=$(sed -n 's/^const Release = "\(.*\)"$/\1/p' internal/version/release.go)
image egraft ./cmd/egraft "${1:-ghcr.io/egraft/egraft:$release}"
image echo ./e2e/cmd/echo ghcr.io/egraft/echo:dev
