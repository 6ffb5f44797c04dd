#!/usr/bin/env bash
# Starts each service in an environment that holds only its declared dependencies: the shared .venv would hide a
# missing one. Environments live in build/smoke and are reused until a lock or pyproject changes.
set -euo pipefail
cd "$(dirname "$0")/.."
uv=$PWD/.venv/bin/uv
smoke=$PWD/build/smoke
mkdir -p "$smoke"
wanted=$(cat requirements.lock pyproject.toml libs/*/pyproject.toml services/*/pyproject.toml | cksum)

install() { # install SERVICE_FOLDER ENVIRONMENT
  [ "$(cat "$2/.wanted" 2>/dev/null)" = "$wanted" ] && return
  rm -rf "$2" &&
    "$uv" venv --quiet --python .venv/bin/python "$2" &&
    "$uv" pip install --quiet --python "$2/bin/python" --constraint requirements.lock -e "$1" &&
    echo "$wanted" >"$2/.wanted"
}

keys() { # the two key files that every service wants
  [ -f "$smoke/internal.pem" ] && return
  .venv/bin/python scripts/throwaway_keys.py "$smoke"
}

try_service() { # try_service FOLDER: install it, show its help and settings, import all of it
  local name environment prefix run
  name=$(basename "$1")
  environment=$smoke/$name
  prefix=FOCAL_${name^^}__AUTH__
  run=(env -i PATH=/usr/bin:/bin "${prefix}TENANT_PUBLIC_KEY_FILE=$smoke/tenant.pub.pem"
    "${prefix}INTERNAL_KEY_FILE=$smoke/internal.pem" "$environment/bin/python")
  install "$1" "$environment" &&
    "${run[@]}" -m "focal_$name" --help >/dev/null &&
    "${run[@]}" -m "focal_$name" --check-config >/dev/null &&
    "${run[@]}" scripts/import_all.py "focal_$name"
}

keys
export uv smoke wanted
export -f install try_service
# Two at a time: one installs while the other starts.
failed=$(printf '%s\n' services/* | xargs -P 2 -I FOLDER bash -c 'try_service FOLDER || echo FOLDER')
[ -z "$failed" ] || { echo "does not stand alone:" $failed >&2; exit 1; }
