#!/usr/bin/env bash
# Fetches axe-core, the accessibility checker, from npm into .cache/axe-core, once. Needs npm.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

version=4.14.1
sum=e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745
folder=.cache/axe-core
[ -f "$folder/$version" ] && exit 0

command -v npm >/dev/null || { echo "axe-core comes from npm, which is not here: apt-get install npm" >&2; exit 1; }
mkdir -p "$folder"
staged=$(mktemp -d "$folder/fetch.XXXXXX")
trap 'rm -rf "$staged"' EXIT
npm pack --silent "axe-core@$version" --pack-destination "$staged" >/dev/null
echo "$sum  $staged/axe-core-$version.tgz" | sha256sum --check --quiet
tar -xzf "$staged/axe-core-$version.tgz" -C "$staged" package/axe.min.js
mv "$staged/package/axe.min.js" "$folder/axe.min.js"
touch "$folder/$version"
