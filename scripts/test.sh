#!/usr/bin/env bash
# All tests. Unit and contract tests share the cores; mesh and crash tests measure time, so they run alone.
set -euo pipefail
cd "$(dirname "$0")/.."

.venv/bin/pytest tests/unit tests/contract -n 2 --dist loadfile
.venv/bin/pytest tests/mesh
FOCAL_CHAOS_SEEDS=${FOCAL_CHAOS_SEEDS:-3} .venv/bin/pytest tests/chaos
