#!/usr/bin/env bash
# Prints the path of a uv that runs: the one on PATH, else a private one, installed from PyPI into .uv.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
home=$PWD/.uv

runs() { "$1" --version >/dev/null 2>&1; }

for uv in "$(command -v uv || true)" "$home/bin/uv"; do
  if [ -n "$uv" ] && runs "$uv"; then echo "$uv" && exit 0; fi
done

# A python3 on PATH may be a pyenv shim that refuses to run under this folder's .python-version. So there
# are several candidates, and each of them runs from another folder.
candidates() {
  type -ap python3 python3.13 python3.12 python3.11 python3.10 || true
  ls -r "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.*/bin/python3 2>/dev/null || true
}
with_venv() { rm -rf "$home" && "$1" -m venv "$home" && "$home/bin/python" -m pip install --quiet uv; }
# Debian's Python can come with pip and without what venv needs.
with_target() { rm -rf "$home" && "$1" -m pip install --quiet --target "$home" uv; }

echo "set-up: uv is not on PATH: installing it into .uv" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
cd /
for python3 in $(candidates); do
  for way in with_venv with_target; do
    if "$way" "$python3" >"$log" 2>&1 && runs "$home/bin/uv"; then echo "$home/bin/uv" && exit 0; fi
  done
done

rm -rf "$home"
tail -n 3 "$log" >&2
cat >&2 <<'MESSAGE'
set-up: uv could not be installed. Do one of these, then repeat the command:
  - connect to the network, or set PIP_INDEX_URL to a mirror of PyPI
  - apt-get install python3-venv      (where there is no python3 that can install packages)
  - install uv yourself, so that it is on PATH: https://docs.astral.sh/uv/
MESSAGE
exit 1
