#!/usr/bin/env bash
# Writes the lock files of both stacks from the ranges in setup.py, with the hash of every file that may be
# installed: tfx-VERSION-dev.txt with all extras, and tfx-VERSION.txt, its part that running needs. Versions
# that are locked already stay as they are where the ranges allow it; `make lock ARGS=--upgrade` takes the
# newest releases.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
uv=$(requirements/find_uv.sh)

lock() { # FILE, then uv's own flags
  local file=requirements/$1
  shift
  "$uv" pip compile --quiet --no-python-downloads --generate-hashes --custom-compile-command "make lock" \
    "$@" --output-file "$file" setup.py >/dev/null
}
stack() { # TFX_VERSION, then the Python versions and platform as flags
  local tfx=$1
  shift
  lock "tfx-$tfx-dev.txt" --all-extras "$@" ${upgrade:+"$upgrade"}
  lock "tfx-$tfx.txt" --extra kfp --extra serving --extra app --constraint "requirements/tfx-$tfx-dev.txt" "$@"
}
upgrade=${1:-}

stack 1.16 --python-version 3.10 --python-platform x86_64-manylinux_2_28
# One lock for 3.11, 3.12 and 3.13; [tool.uv] in pyproject.toml has its bounds.
stack 1.21 --python-version 3.11 --universal
