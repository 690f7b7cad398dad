#!/usr/bin/env bash
# Writes both lock files from the ranges in setup.py, and that of the documentation from docs.in. Versions that are locked already stay as they are
# where the ranges allow it; `make lock ARGS=--upgrade` takes the newest releases.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
uv=$(requirements/find_uv.sh)

lock() { # PYTHON_VERSION PLATFORM, then uv's own flags
  local version=$1 platform=$2
  shift 2
  "$uv" pip compile --quiet --no-python-downloads --all-extras --custom-compile-command "make lock" \
    --python-version "$version" --python-platform "$platform" "$@" \
    --output-file "requirements/py${version/./}.txt" setup.py
}

# The platforms are the oldest Linux that each stack has wheels for.
lock 3.10 x86_64-manylinux_2_28 "$@"
lock 3.13 x86_64-manylinux_2_39 "$@"

# On top of the default stack, whose versions it keeps.
"$uv" pip compile --quiet --no-python-downloads --generate-hashes --custom-compile-command "make lock" \
  --python-version 3.10 --python-platform x86_64-manylinux_2_28 --constraint requirements/py310.txt "$@" \
  --output-file requirements/docs.txt requirements/docs.in
