#!/usr/bin/env bash
# Makes .venv from nothing but Python >= 3.11: the locked uv, the locked dependencies, the workspace packages.
# Every third-party file is checked against the hashes in requirements.lock; the system's Python is left alone.
set -euo pipefail
cd "$(dirname "$0")/.."

suitable() {
  "$1" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
  local candidate
  for candidate in "${PYTHON:-python3}" python3.13 python3.12 python3.11 python3.14; do
    if suitable "$candidate"; then command -v "$candidate"; return; fi
  done
  echo "Focal needs Python 3.11 or newer with the venv module (on Debian and Ubuntu: apt install python3-venv)." >&2
  echo "Found: $("${PYTHON:-python3}" --version 2>&1 || true). Name another one with make PYTHON=/path/to/python3." >&2
  return 1
}

usable_venv() { # one that was copied here from another folder still points there
  [ "$(.venv/bin/python -c 'import sys; print(sys.prefix)' 2>/dev/null)" = "$PWD/.venv" ] && .venv/bin/pip --version >/dev/null 2>&1
}

if ! usable_venv; then
  python=$(find_python)
  rm -rf .venv
  "$python" -m venv .venv
fi

locked_uv=$(mktemp)
trap 'rm -f "$locked_uv"' EXIT
awk '/^uv==/ { inside = 1 } inside { print } inside && !/\\$/ { exit }' requirements.lock >"$locked_uv"
.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r "$locked_uv"

.venv/bin/uv pip install --quiet --python .venv/bin/python --require-hashes -r requirements.lock
editables=()
for folder in libs/* services/*; do editables+=(-e "$folder"); done
.venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation "${editables[@]}"
# Compiled once here: where the environment forbids Python to write bytecode, every start of a process would
# compile all it imports, which takes longer than the start. A file that does not compile says so when imported.
.venv/bin/python -m compileall -qq -j 0 -x '/(pip|setuptools|mypy|mypyc|lexers|tests)/' .venv/lib libs services || true
rm -f .venv/.installed-*
