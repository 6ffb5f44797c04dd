#!/usr/bin/env bash
# Writes requirements.lock: exact versions and hashes of every third-party package, no host names.
# `scripts/lock.sh --check` exits 1 when the committed lock no longer matches the pyproject files or names a host.
set -euo pipefail
cd "$(dirname "$0")/.."
out=requirements.lock
[ "${1:-}" = "--check" ] && { out=$(mktemp); trap 'rm -f "$out"' EXIT; cp requirements.lock "$out"; }
ours=()
for toml in libs/*/pyproject.toml services/*/pyproject.toml; do
  ours+=(--no-emit-package "$(sed -n 's/^name = "\(.*\)"/\1/p' "$toml" | head -1)")
done
.venv/bin/uv pip compile pyproject.toml libs/*/pyproject.toml services/*/pyproject.toml \
  --group dev --extra postgres --extra redis --python-version 3.11 \
  --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header \
  "${ours[@]}" --quiet --output-file "$out" >/dev/null
if grep -nE 'https?://|file://' "$out"; then echo "requirements.lock names a host or a path" >&2; exit 1; fi
if [ "${1:-}" = "--check" ] && ! diff -u requirements.lock "$out"; then
  echo "requirements.lock is stale: run scripts/lock.sh" >&2; exit 1
fi
