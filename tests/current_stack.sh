#!/usr/bin/env bash
# Runs the project on the current stack: on this machine where its glibc is new enough, else in a Debian 13
# root that debootstrap makes once and that stays in the user's cache.
#
#   tests/current_stack.sh [STEP...]
#
# STEP is `run`, `fast`, `contract`, `e2e`, or a path below tests/. Without one, all four run, in this order.
# `run exchange` has each stack read the runs of the other: models, metadata store and artifacts. It needs a
# machine of the legacy stack, on which `make run` has run.
# MOVIELENS_DIR is passed on, and so are the settings of the package index (PIP_*, UV_*, proxies, certificates).

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=3.13
root=${XDG_CACHE_HOME:-$HOME/.cache}/movielens-recommender/trixie
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}

. requirements/stacks.sh
say() { printf 'current stack: %s\n' "$*" >&2; }

steps=("$@")
if [ $# -eq 0 ]; then steps=(run fast contract e2e); fi
commands=()
exchange=
# What each stack does with the runs of the other, beside which are the answers of their own stack.
read_runs() { # FOLDER
  .venv/bin/python tests/exchanged_models.py "$1" && .venv/bin/python -m pipeline versions --output "$1" &&
    .venv/bin/python -m reports build --output "$1"
}
for step in "${steps[@]}"; do
  case $step in
    run) commands+=("make PYTHON=$python run") ;;
    fast) commands+=("make PYTHON=$python test-fast") ;;
    contract | e2e) commands+=("make PYTHON=$python test ARGS=tests/$step") ;;
    exchange)
      runs_tfx_1_21 "$(glibc)" && stop "exchange reads runs of the legacy stack too, and this machine's stack is the current one"
      [ -d runs/serving ] || stop "runs/serving is not there: exchange reads what \`make run\` of this machine has written"
      exchange=yes
      commands+=(".venv/bin/python tests/exchanged_models.py runs" "read_runs legacy_runs") ;;
    tests/*)
      if [ ! -e "${step%%::*}" ]; then stop "there is no $step"; fi
      commands+=("make PYTHON=$python test ARGS='$step'") ;;
    *) stop "unknown step '$step': use run, exchange, fast, contract, e2e or a path below tests/" ;;
  esac
done

run_commands() { # the commands, each one timed; all of them run, whatever fails
  local command started failed=0
  for command in "$@"; do
    say "$command"
    started=$SECONDS
    if bash -c "$command" </dev/null; then
      say "$command passed after $((SECONDS - started)) s"
    else
      say "$command FAILED after $((SECONDS - started)) s"
      failed=1
    fi
  done
  return "$failed"
}

export -f read_runs
if runs_tfx_1_21 "$(glibc)"; then
  run_commands "${commands[@]}"
  exit
fi

say "TFX 1.21 needs glibc $glibc_of_tfx_1_21, and this machine has $(glibc): using a Debian 13 root, $root"
[ "$(id -u)" = 0 ] || stop "a Debian root needs chroot and mounts, so run this as root (sudo -E), or use Debian 13 or Ubuntu 24.04."
for tool in unshare chroot flock tar; do
  command -v "$tool" >/dev/null || stop "$tool is not on PATH: apt-get install util-linux tar"
done
mkdir -p "$root.work"
exec 8>"$root.lock"
flock --nonblock 8 || { say "another run uses the root: waiting for it" && flock 8; }

if [ ! -e "$root/usr/include/python$python/Python.h" ]; then
  command -v debootstrap >/dev/null || stop "debootstrap is not on PATH: apt-get install debootstrap"
  say "making the root from $mirror (about 200 MB of downloads, once)"
  log=$root.work/debootstrap.log
  # Made beside its place and then renamed: an interrupted root is never taken for a whole one.
  rm -rf "$root.making"
  debootstrap --variant=minbase --include=git,make,g++,python3-venv,python3-dev,ca-certificates trixie "$root.making" "$mirror" \
    >"$log" 2>&1 || {
    tail -n 5 "$log" >&2
    rm -rf "$root.making"
    stop "the Debian 13 root could not be made: the reason is above, and the whole log is in $log." \
      "- no network, or another mirror: connect, or set DEBIAN_MIRROR=http://..."
  }
  rm -rf "$root"
  mv "$root.making" "$root"
fi

# The checkout as git lists it, new files among them, as a repository of its own. Its environment stays.
checkout=$root/opt/checkout
mkdir -p "$checkout"
find "$checkout" -mindepth 1 -maxdepth 1 ! -name .venv ! -name .uv -exec rm -rf {} +
git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
  if [ -e "$file" ] || [ -L "$file" ]; then printf '%s\0' "$file"; fi
done | tar --null --files-from=- --create | tar --extract --directory "$checkout" --no-same-owner

if [ -n "$exchange" ]; then
  cp -r runs "$checkout/legacy_runs"
  .venv/bin/python tests/exchanged_models.py "$checkout/legacy_runs"
fi

# The mounts live in a namespace of their own, so they end with this command, however it ends.
export root run_in_root
run_in_root=$(declare -f run_commands read_runs say)
status=0
# shellcheck disable=SC2016
unshare --mount --pid --fork --kill-child bash -euo pipefail -c '
  bind() { # SOURCE, which can be missing, at TARGET in the root
    if [ -d "$1" ]; then mkdir -p "$root$2"; elif [ -e "$1" ]; then mkdir -p "$root$(dirname "$2")" && touch "$root$2"; else return 0; fi
    mount --bind "$1" "$root$2"
  }
  mount -t proc proc "$root/proc"
  mount --rbind /dev "$root/dev"
  mount -t tmpfs tmpfs "$root/dev/shm" 2>/dev/null || true
  rm -f "$root/etc/resolv.conf"
  for file in /etc/resolv.conf /etc/hosts /etc/pip.conf /etc/uv/uv.toml /etc/ssl/certs/ca-certificates.crt; do bind "$file" "$file"; done
  # Folders of wheels on this machine are package sources too.
  for place in ${PIP_FIND_LINKS:-} ${UV_FIND_LINKS:-}; do if [ -d "$place" ]; then bind "$place" "$place"; fi; done
  settings=(HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 PYTHONUNBUFFERED=1)
  if [ -n "${MOVIELENS_DIR:-}" ]; then bind "$MOVIELENS_DIR" /srv/movielens && settings+=(MOVIELENS_DIR=/srv/movielens); fi
  while IFS= read -r setting; do
    case $setting in
      UV_CACHE_DIR=*) ;; # in the root, so that uv links what it installs and copies nothing
      PIP_*=* | UV_*=* | SSL_CERT_FILE=* | REQUESTS_CA_BUNDLE=* | CURL_CA_BUNDLE=* | *_proxy=* | *_PROXY=*) settings+=("$setting") ;;
    esac
  done < <(env)
  cd "$root/opt/checkout"
  exec env -i "${settings[@]}" chroot "$root" bash -euo pipefail -c "
    $run_in_root
    cd /opt/checkout
    git init --quiet --initial-branch=main . && git add --all
    export -f read_runs
    run_commands \"\$@\"" bash "$@"
' bash "${commands[@]}" || status=$?

if [ -n "$exchange" ]; then
  run_commands "read_runs $checkout/runs" || status=1
fi
exit "$status"
