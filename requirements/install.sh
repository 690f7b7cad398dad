#!/usr/bin/env bash
# Makes .venv: Python, the locked requirements, and this project, editable.
#
#   requirements/install.sh [--dev] [PYTHON_VERSION]
#
# Without a version, stacks.sh chooses by the machine. With --dev, what tests, checks, studies and the
# documentation need is installed too, and stays.
#
# A stamp inside .venv holds a digest of everything the environment is made from, so a call with nothing
# to do returns at once. The stamp is written last: an environment without one was interrupted and is
# made again from nothing, which is quick, since uv keeps what it has downloaded.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. requirements/stacks.sh

dev=
if [ "${1:-}" = --dev ]; then dev=-dev && shift; fi

[ "$(uname -sm)" = "Linux x86_64" ] ||
  stop "this machine is $(uname -sm), and TensorFlow Extended publishes wheels for Linux x86_64 alone." \
    "Use a Linux x86_64 machine or container (docker run --platform linux/amd64 ...)."
choose_python "${1:-}"

stamp=.venv/movielens-recommender.stamp
place="Python $version in $PWD/.venv"
run_lock=requirements/tfx-$(tfx_of "$version").txt
dev_lock=${run_lock/.txt/-dev.txt}

# The list of top-level packages is part of the digest because an editable install maps exactly those.
digest() {
  { cat "$1" setup.py trainer_module/*.pth && echo ./*/__init__.py ./*.py; } | sha256sum
}
usable() { [ "$(head -n 1 "$stamp" 2>/dev/null)" = "$place" ] && .venv/bin/python -S -c '' 2>/dev/null; }
# An environment with the tools of development runs the pipeline too, and keeps them.
choose_lock() {
  lock=$run_lock
  if [ -n "$dev" ] || { usable && grep -qx -- "$dev_lock" "$stamp"; }; then lock=$dev_lock; fi
}
up_to_date() { choose_lock && usable && grep -qxF -- "$lock" "$stamp" && [ "$(tail -n 1 "$stamp")" = "$(digest "$lock")" ]; }

# Prints the interpreter to make .venv with: one that is on the machine, else one that uv downloads.
find_or_download_python() {
  find_python "$version" && return
  say "Python $version with header files is not on this machine: downloading it with uv"
  if "$uv" python install --quiet "$version" >&2; then
    "$uv" python find --managed-python --no-project --no-python-downloads "$version" && return
  fi
  stop "Python $version is not on this machine and could not be downloaded. Get it in one of these ways:" \
    "- ${uv/#$PWD\//} python install $version      (downloads from github.com)" \
    "- pyenv install $version      (downloads from python.org, needs a C compiler)" \
    "- apt-get install python$version-dev      (Debian 13 has 3.13, Ubuntu 24.04 has 3.12, Ubuntu 22.04 has 3.10;" \
    "  for others on Ubuntu: add-apt-repository ppa:deadsnakes/ppa)" \
    "Then repeat the command."
}

# uv names every package it installs. The downloads, the totals and the errors are enough. From an error on every
# line is kept: what a compiler wrote is indented below it.
quietly() {
  "$@" 2>&1 | sed -u -E -e '/^ *(×|error:)/,$ b keep' \
    -e '/^ |^(Using|Creating|Activate|Resolved|Audited|Checked|Uninstalled)/d' -e ':keep' -e 's/^/set-up: /' >&2
}

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
  interpreter=$(find_or_download_python)
  say "making .venv with $interpreter from $lock (the first time downloads about 1 GB)"
  rm -rf .venv
  trap 'rm -rf .venv' EXIT
  quietly "$uv" venv --no-project --python "$interpreter" .venv
fi
made_from=$(digest "$lock")
# Python writes byte code when it first imports a file. Where it is told not to, as in many images, every process would
# compile thousands of files anew, for ten seconds.
bytecode=${PYTHONDONTWRITEBYTECODE:+--compile-bytecode}
{ quietly "$uv" pip sync --python .venv/bin/python $bytecode --require-hashes "$lock" &&
  # An editable project has no hash, and all that it needs is there.
  quietly "$uv" pip install --python .venv/bin/python --no-deps --editable .; } ||
  stop "the requirements could not be installed: the reason is above." \
    "- no network: connect, or set UV_DEFAULT_INDEX to a mirror of PyPI" \
    "- a package failed to build: apt-get install g++ (pyfarmhash, which TensorFlow Data Validation needs, has no wheel)"
printf '%s\n' "$place" "$lock" "$made_from" >"$stamp"
trap - EXIT
say ".venv is ready after $SECONDS s"
