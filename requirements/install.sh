#!/usr/bin/env bash
# Makes .venv: Python, the locked requirements, and this project, editable.
#
#   requirements/install.sh [PYTHON_VERSION]     the default is what .python-version says
#
# A stamp inside .venv holds a digest of everything the environment is made from, so a call with nothing
# to do returns at once. The stamp is written last: an environment without one was interrupted and is
# made again from nothing, which is quick, since uv keeps what it has downloaded.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

version=${1:-$(cat .python-version)}
lock=requirements/py${version/./}.txt
stamp=.venv/movielens-recommender.stamp
place="Python $version in $PWD/.venv"

say() { printf 'set-up: %s\n' "$*" >&2; }
stop() {
  printf 'set-up: %s\n' "$1" >&2
  shift
  if [ $# -gt 0 ]; then printf '  %s\n' "$@" >&2; fi
  exit 1
}

# The list of top-level packages is part of the digest because an editable install maps exactly those.
digest() {
  { cat "$lock" setup.py trainer_module/legacy_keras.pth && echo ./*/__init__.py ./*_runner.py; } | sha256sum
}
usable() { [ "$(head -n 1 "$stamp" 2>/dev/null)" = "$place" ] && .venv/bin/python -S -c '' 2>/dev/null; }
up_to_date() { usable && [ "$(tail -n 1 "$stamp")" = "$(digest)" ]; }

# Prints the interpreter to make .venv with: one that is on the machine, else one that uv downloads.
find_python() {
  local pyenv
  "$uv" python find --system --no-project --no-python-downloads "$version" 2>/dev/null && return
  for pyenv in "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version"*/bin/python"$version"; do
    if [ -x "$pyenv" ]; then echo "$pyenv" && return; fi
  done
  say "Python $version is not on this machine: downloading it with uv"
  if "$uv" python install --quiet "$version" >&2; then
    "$uv" python find --system --no-project --no-python-downloads "$version" && return
  fi
  stop "Python $version is not on this machine and could not be downloaded. Get it in one of these ways:" \
    "- ${uv/#$PWD\//} python install $version      (downloads from github.com)" \
    "- pyenv install $version      (downloads from python.org, needs a C compiler)" \
    "- apt-get install python$version      (Ubuntu: first add-apt-repository ppa:deadsnakes/ppa; Debian 12 has none)" \
    "Then repeat the command."
}

# uv names every package it installs. The downloads, the totals and the errors are enough.
quietly() {
  "$@" 2>&1 | sed -u -E '/^ |^(Using|Creating|Activate|Resolved|Audited|Checked|Uninstalled)/d; s/^/set-up: /' >&2
}

[ "$(uname -sm)" = "Linux x86_64" ] ||
  stop "this machine is $(uname -sm), and TensorFlow Extended publishes wheels for Linux x86_64 alone." \
    "Use a Linux x86_64 machine or container (docker run --platform linux/amd64 ...)."
[ -f "$lock" ] || stop "there are no locked requirements for Python $version ($lock): use 3.10 or 3.13."
if [ "$version" != 3.10 ]; then
  # The wheels of TFX 1.21 are built for manylinux_2_39.
  glibc=$(getconf GNU_LIBC_VERSION 2>/dev/null | cut -d ' ' -f 2)
  [ "$(printf '%s\n' 2.39 "$glibc" | sort -V | head -n 1)" = 2.39 ] ||
    stop "Python $version uses TFX 1.21, which needs glibc 2.39; this machine has ${glibc:-no glibc}." \
      "Leave PYTHON out, or use Debian 13, Ubuntu 24.04 or newer."
fi
up_to_date && exit 0

# Two set-ups at once would write into one .venv. The second waits and finds nothing left to do.
exec 9<"${BASH_SOURCE[0]}"
if command -v flock >/dev/null; then flock 9; fi
up_to_date && exit 0

uv=$(requirements/find_uv.sh)
if usable; then
  say "updating .venv to $lock"
  rm -f "$stamp"
else
  interpreter=$(find_python)
  say "making .venv with $("$interpreter" --version) from $lock (the first time downloads about 1 GB)"
  rm -rf .venv
  trap 'rm -rf .venv' EXIT
  quietly "$uv" venv --no-project --python "$interpreter" .venv
fi
made_from=$(digest)
echo "--editable ." |
  quietly "$uv" pip sync --python .venv/bin/python --reinstall-package movielens-recommender "$lock" - ||
  stop "the requirements could not be installed: the reason is above." \
    "- no network: connect, or set UV_DEFAULT_INDEX to a mirror of PyPI" \
    "- a package failed to build: apt-get install g++ (pyfarmhash, which TensorFlow Data Validation needs, has no wheel)"
printf '%s\n' "$place" "$made_from" >"$stamp"
trap - EXIT
say ".venv is ready after $SECONDS s"
