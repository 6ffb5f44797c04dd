#!/usr/bin/env bash
# Every check that needs no server. All of them run, even after one failed; the failed ones are named at the end.
set -uo pipefail
cd "$(dirname "$0")/.."
PATH="$PWD/.venv/bin:$PATH"
failed=()

step() { # step NAME COMMAND...
  local name=$1 started=$SECONDS
  shift
  echo "== $name"
  "$@" || failed+=("$name")
  echo "   $((SECONDS - started)) s"
}

handwritten() { # the packages mypy looks at; generated stubs are its input only
  local path
  for path in libs/*/focal_* services/*/focal_* tests examples benchmarks scripts; do
    find "$path" -name '*.py' -print -quit | grep -q . && echo "$path"
  done
}

mapfile -t sources < <(handwritten)
step "lint" ruff check .
step "format" ruff format --check .
step "types" mypy "${sources[@]}"
step "layers" lint-imports
step "contracts" scripts/gen_protos.sh --check
step "lock" scripts/lock.sh --check
step "tracked text" python scripts/tracked_text.py
step "each service alone" scripts/isolated_smoke.sh

if [ ${#failed[@]} -gt 0 ]; then
  printf 'failed: %s\n' "${failed[@]}" >&2
  exit 1
fi
echo "all checks passed"
