#!/usr/bin/env bash
# Builds the documentation as a site in bin/site, and fails on broken links and on pages that
# docs/README.md does not list: hack/site/build.sh
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here/../.."
pins=$here/requirements.txt
cache=${XDG_CACHE_HOME:-$HOME/.cache}/egraft/tools
tool=$cache/site-$(git hash-object "$pins")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

if [ ! -d "$tool" ]; then
	mkdir -p "$cache"
	PIP_ROOT_USER_ACTION=ignore python3 -m pip install --quiet --disable-pip-version-check --no-input --no-deps \
		--require-hashes --requirement "$pins" --target "$scratch/tool"
	[ -d "$tool" ] || mv "$scratch/tool" "$tool" # unless another process has already created it
fi
export PYTHONPATH=$tool PYTHONDONTWRITEBYTECODE=1
python3 "$here/stage.py" "$scratch/source"
rm -rf bin/site
python3 -m sphinx --quiet --fail-on-warning \
	--doctree-dir "$scratch/doctrees" "$scratch/source" bin/site
echo "bin/site/index.html"
