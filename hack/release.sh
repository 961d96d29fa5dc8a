#!/usr/bin/env bash
# Builds the files of a release in bin/release, and their notes as bin/release-notes.md:
# hack/release.sh [VERSION]
#
# VERSION is a tag of the commit that is checked out, such as v0.1.0. CHANGELOG.md must have a
# section for it, and internal/version/release.go must name it. Without VERSION, the files are named
# after the version that the Go command gives the commit. The same commit and the same Go give the
# same bytes, except for the provenance, which names RELEASE_BUILDER. Needs GNU tar.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
umask 022
out=bin/release
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

fail() {
	echo "release: $*" >&2
	exit 1
}

# version prints the version of the binary that is built here.
version() { go run -buildvcs=true -tags grpcnotrace ./cmd/egraft version | sed -n 's/^egraft //p'; }

# pack FILE DIRECTORY MEMBER... writes a tar file that depends only on the content.
pack() {
	tar --create --directory "$2" --sort=name --format=ustar --owner=0 --group=0 --numeric-owner \
		--mtime="@$SOURCE_DATE_EPOCH" "${@:3}" | gzip --no-name --best >"$1"
}

# binary OS ARCHITECTURE packs a binary with its licence, and lists its modules.
binary() {
	local name=egraft_${version#v}_$1_$2
	local root=$scratch/$name
	mkdir "$root"
	GOOS=$1 GOARCH=$2 GOAMD64=v1 GOARM64=v8.0 GOFLAGS=-buildvcs=true hack/build.sh "$root/egraft" ./cmd/egraft
	cp LICENSE "$root"
	pack "$out/$name.tar.gz" "$scratch" "$name"
	"$scratch/image" sbom "$root/egraft" >"$out/$name.cdx.json"
}

# manifests packs the CRDs and the kustomizations, with the image of this release.
manifests() {
	local name=egraft_${version#v}_manifests
	mkdir "$scratch/$name"
	git archive HEAD crds deploy LICENSE | tar --extract --directory "$scratch/$name"
	find "$scratch/$name" -name '*.go' -delete
	# The image of the demo's backend is not released.
	rm -rf "$scratch/$name/crds/testdata" "$scratch/$name/deploy/demo" "$scratch/$name/deploy/charts" # a release has separate charts
	grep -rl 'ghcr.io/egraft/egraft' "$scratch/$name/deploy" | xargs sed -i \
		-e "s|ghcr.io/egraft/egraft:${release}|ghcr.io/egraft/egraft:${version}|" \
		-e "s|^\(    newTag:\) ${release}$|\1 ${version}|"
	pack "$out/$name.tar.gz" "$scratch" "$name"
	for crd in crds/egraft.io_*.yaml; do cat "$crd"; done >"$out/egraft_${version#v}_crds.yaml"
}

# charts packs the Helm charts. The archive of a chart is named after the chart and its version.
charts() {
	go run ./hack/charts -version "$version" "$scratch/charts"
	for chart in egraft gateway-helm-egraft; do
		pack "$out/$chart-${version#v}.tgz" "$scratch/charts" "$chart"
	done
}

[ -z "$(git status --porcelain)" ] || fail "the tree has changes that are not committed"
version=$(version)
# The release named in the manifests.
release=$(sed -n 's/^const Release = "\(.*\)"$/\1/p' internal/version/release.go)
if [ -n "${1:-}" ]; then
	[ "$version" = "$1" ] || fail "this commit is $version, not $1: check out the tag $1, and fetch all tags"
	[ "$release" = "$1" ] || fail "internal/version/release.go and the manifests name $release, not $1"
fi
if ! hack/notes.sh "$version" >"$scratch/notes.md"; then
	[ -z "${1:-}" ] || fail "CHANGELOG.md has no section ## [${version#v}]"
	hack/notes.sh Unreleased >"$scratch/notes.md" || echo "Nothing is listed in CHANGELOG.md." >"$scratch/notes.md"
fi

rm -rf "$out"
mkdir -p "$out"
go -C hack/tools/image build -o "$scratch/image" .
for platform in linux/amd64 linux/arm64 darwin/amd64 darwin/arm64; do
	binary "${platform%/*}" "${platform#*/}"
done
# An image tag cannot contain +, and Go's pseudo-versions do not.
GOFLAGS=-buildvcs=true hack/image.sh "ghcr.io/egraft/egraft:$version"
mv bin/egraft-image.tar "$out/egraft_${version#v}_image.tar"
manifests
charts
mv "$scratch/notes.md" bin/release-notes.md
(cd "$out" && sha256sum -- * >../SHA256SUMS)
mv bin/SHA256SUMS "$out"
about=(-version "$version" -commit "$(git rev-parse HEAD)")
go run ./hack/release "${about[@]}" ${RELEASE_BUILDER:+-builder "$RELEASE_BUILDER"} provenance "$out"
ls -l "$out"
go run ./hack/release "${about[@]}" verify "$out"
