#!/usr/bin/env bash
# Generates libs/contracts/focal from protos/. With --check it lints, compares with what is committed, and looks for
# breaking changes against the last commit of main that has protos.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH="$PWD/.venv/bin:$PATH"

generate() { # generate TARGET_FOLDER
  python -m grpc_tools.protoc --proto_path=protos --python_out="$1" --grpc_python_out="$1" \
    --mypy_out=quiet,readable_stubs:"$1" --mypy_grpc_out=quiet,readable_stubs:"$1" $(find protos -name '*.proto' | sort)
  find "$1" -name '*_pb2_grpc.py*' | while read -r stub; do # a proto without a service needs no gRPC stub
    proto="protos/${stub#"$1"/}"; proto="${proto%_pb2_grpc.py*}.proto"
    grep -q '^service ' "$proto" || rm "$stub"
  done
  find "$1/focal" -type d -exec touch {}/py.typed \;
}

case "${1:-}" in
  "")
    find libs/contracts/focal -type f -delete
    generate libs/contracts
    ;;
  --check)
    buf lint
    buf format --diff --exit-code
    fresh=$(mktemp -d)
    trap 'rm -rf "$fresh"' EXIT
    generate "$fresh"
    diff -ru --exclude=__pycache__ libs/contracts/focal "$fresh/focal" \
      || { echo "stubs differ from protos/: run make proto" >&2; exit 1; }
    base=$(git rev-parse --verify --quiet origin/main || git rev-parse --verify --quiet HEAD~1 || true)
    if [ -n "$base" ] && git cat-file -e "$base:protos" 2>/dev/null; then
      git archive "$base" protos buf.yaml | tar -x -C "$fresh"
      buf breaking --against "$fresh"
    fi
    ;;
  *)
    echo "usage: scripts/gen_protos.sh [--check]" >&2
    exit 2
    ;;
esac
