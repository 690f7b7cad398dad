# Which Python and which TFX this machine can use: functions for install.sh and tests/current_stack.sh.

# The wheels of TFX 1.21 are built for manylinux_2_39.
glibc_of_tfx_1_21=2.39

say() { printf 'set-up: %s\n' "$*" >&2; }
stop() {
  printf 'set-up: %s\n' "$1" >&2
  shift
  if [ $# -gt 0 ]; then printf '  %s\n' "$@" >&2; fi
  exit 1
}

glibc() { getconf GNU_LIBC_VERSION 2>/dev/null | cut -d ' ' -f 2; }

runs_tfx_1_21() { # GLIBC, empty where there is another C library
  [ -n "$1" ] && [ "$(printf '%s\n' "$glibc_of_tfx_1_21" "$1" | sort -V | head -n 1)" = "$glibc_of_tfx_1_21" ]
}

# Prints the TFX of a Python version, whose requirements are locked in tfx-VERSION.txt.
tfx_of() {
  case $1 in
    3.10) echo 1.16 ;;
    3.11 | 3.12 | 3.13) echo 1.21 ;;
    *) return 1 ;;
  esac
}

# Prints an interpreter of this machine that an environment can be made with. It has C headers, because
# pyfarmhash is compiled. The path is the real one: pyenv's shim and an active environment come first on PATH.
find_python() { # VERSION
  local candidate uv_pythons=${UV_PYTHON_INSTALL_DIR:-${XDG_DATA_HOME:-$HOME/.local/share}/uv/python}
  local usable='import os, sys, sysconfig
if "%d.%d" % sys.version_info[:2] != sys.argv[1] or not os.path.exists(sysconfig.get_path("include") + "/Python.h"):
    sys.exit(1)
print(os.path.realpath(sys.executable))'
  for candidate in $(type -ap "python$1" || true) "${PYENV_ROOT:-$HOME/.pyenv}/versions/$1".*/bin/"python$1" \
    "$uv_pythons/cpython-$1".*/bin/"python$1"; do
    # From /, because a shim obeys the .python-version of a folder.
    if [ -x "$candidate" ] && (cd / && "$candidate" -c "$usable" "$1") 2>/dev/null; then return 0; fi
  done
  return 1
}

# Sets `version`, and prints one line that says why; stops where the choice is impossible.
choose_python() { # the version that the user asks for, or nothing
  local libc why each
  libc=$(glibc)
  if [ -n "$1" ]; then
    version=$1
    tfx_of "$version" >/dev/null ||
      stop "there are no locked requirements for Python $version: use 3.10, 3.11, 3.12 or 3.13."
    if [ "$(tfx_of "$version")" = 1.21 ] && ! runs_tfx_1_21 "$libc"; then
      stop "Python $version uses TFX 1.21, which needs glibc $glibc_of_tfx_1_21; this machine has ${libc:-none}." \
        "Leave PYTHON out, or use Debian 13, Ubuntu 24.04 or newer."
    fi
    why="PYTHON is $version"
  elif ! runs_tfx_1_21 "$libc"; then
    version=3.10
    why="TFX 1.21 needs glibc $glibc_of_tfx_1_21, and this machine has ${libc:-none}"
  else
    version=
    for each in 3.13 3.12 3.11 3.10; do
      if find_python "$each" >/dev/null; then version=$each && break; fi
    done
    why="glibc is $libc, and this is the newest Python here that has header files"
    if [ -z "$version" ]; then
      version=3.13
      why="glibc is $libc, and no Python from 3.10 to 3.13 with header files is on this machine"
    fi
  fi
  say "Python $version with TFX $(tfx_of "$version"): $why"
}
