#!/usr/bin/env bash
# Fetches what checks the files of deploy/ into .cache/deploy-tools, once: promtool and prometheus out of Debian's
# package, which is not installed, so that no service starts; the types of KServe's API out of its PyPI package;
# and kustomize through the Go module proxy where kubectl is missing.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

kserve=0.21.0
kserve_sum=df9bc5888704d9085015e08f1a8fced5ff0698f3becc6212d4e7b8234c71623b
kustomize=v5.0.3
folder=$PWD/.cache/deploy-tools
mkdir -p "$folder"
staged=$(mktemp -d "$folder/fetch.XXXXXX")
trap 'rm -rf "$staged"' EXIT

if [ ! -x "$folder/promtool" ]; then
  download() { (cd "$staged" && apt-get download -qq -o APT::Sandbox::User=root prometheus); }
  download 2>/dev/null || { apt-get update -qq && download; }
  dpkg --extract "$staged"/prometheus_*.deb "$staged"
  mv "$staged/usr/bin/promtool" "$staged/usr/bin/prometheus" "$folder/"
fi
if [ ! -d "$folder/kserve-$kserve" ]; then
  python3 -m pip download --quiet --no-deps --dest "$staged" "kserve==$kserve"
  echo "$kserve_sum  $staged/kserve-$kserve-py3-none-any.whl" | sha256sum --check --quiet
  python3 -m zipfile --extract "$staged/kserve-$kserve-py3-none-any.whl" "$staged/kserve"
  mv "$staged/kserve/kserve/models" "$folder/kserve-$kserve"
fi
if [ ! -x "$folder/kustomize" ] && ! command -v kubectl >/dev/null; then
  GOBIN=$folder go install "sigs.k8s.io/kustomize/kustomize/v5@$kustomize"
fi
