#!/usr/bin/env bash
# Generates, tidies and formats, then lints and compares the exported API with its record. It fails
# if a file changed: it compares the tree before and after, not with the last commit, so that it
# works with uncommitted changes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# snapshot prints the hash of a git tree of all files that git does not ignore. The index and the
# objects are temporary, so that the repository's own are not changed.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/objects"
objects=$(git rev-parse --path-format=absolute --git-path objects)
own() {
	GIT_INDEX_FILE="$scratch/index" GIT_OBJECT_DIRECTORY="$scratch/objects" \
		GIT_ALTERNATE_OBJECT_DIRECTORIES="$objects" git "$@"
}
snapshot() {
	own add --all
	own write-tree
}

before=$(snapshot)
make --no-print-directory generate tidy fmt
after=$(snapshot)
status=0
make --no-print-directory lint || status=$?
make --no-print-directory api-diff || status=$?
git ls-files -z --cached --others --exclude-standard '*.sh' .ci/run |
	xargs -0 hack/tools/shellcheck/run.sh || status=$?
workflows() { hack/tool.sh actionlint -shellcheck hack/tools/shellcheck/run.sh -pyflakes= "$@" || status=$?; }
workflows
workflows internal/scaffold/templates/common/ci.yml.txt # what `egraft new` writes, unmodified
if [ "$before" != "$after" ]; then
	own --no-pager diff "$before" "$after"
	echo "check: the files above were not as generated, tidied and formatted; now they are" >&2
	status=1
fi
exit "$status"
