#!/usr/bin/env bash
# Lists the packages of .venv that have newer releases, and the published advisories about those of its lock.
# Both ask the package index; a mirror can lack the advisories, and then this fails and says so.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
uv=$(requirements/find_uv.sh)
lock=$(sed -n 2p .venv/movielens-recommender.stamp)
status=0

echo "newer releases of what $lock installs (the stack itself has bounds in setup.py):"
"$uv" pip list --python .venv/bin/python --outdated || status=1

echo
echo "advisories:"
report=$(mktemp)
trap 'rm -f "$report"' EXIT
# --strict: a package without an answer must not count as one without advisories.
"$uv" tool run --quiet --from pip-audit==2.10.1 pip-audit --strict --disable-pip --require-hashes \
  --progress-spinner off --desc off --requirement "$lock" 2>"$report" || {
  status=1
  tail -n 3 "$report" >&2
  if grep -q "not found on PyPI" "$report"; then
    echo "audit: this index serves no advisories (a mirror?): repeat where https://pypi.org answers" >&2
  fi
}
exit "$status"
