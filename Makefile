# Everything a newcomer types. `make` alone lists it; each target installs what is missing first.
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c

BIN := .venv/bin
# The stamp carries the folder's name: an environment that was moved is made anew.
STAMP := .venv/.installed-$(shell pwd | cksum | cut -d' ' -f1)
PROJECTS := pyproject.toml $(wildcard libs/*/pyproject.toml services/*/pyproject.toml)
SEEDS ?= 20
# Set, it would have every process compile anew what was edited since the installation.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run test check proto bench limits soak chaos lock install clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 16

run: $(STAMP) ## start the mesh and chat with the example agent (DEMO=1: play the demo and exit)
	$(BIN)/focal run $(if $(DEMO),--demo)

test: $(STAMP) ## run every test against real servers
	scripts/test.sh

check: $(STAMP) ## lint, types, layers, contracts, lock, and each service alone with its own dependencies
	scripts/check.sh

proto: $(STAMP) ## generate libs/contracts from protos/
	scripts/gen_protos.sh

bench: $(STAMP) ## measure turns per second, latency and CPU per turn, and what tool calls cost (TOOLBOX_ARGS)
	$(BIN)/python -m benchmarks.mesh $(ARGS)
	$(BIN)/python -m benchmarks.toolbox $(TOOLBOX_ARGS)

limits: $(STAMP) ## measure bursts, a flood, open streams, rude clients and restarts, one after the other (docs/limits.md)
	for what in burst fairness streams clients restart; do $(BIN)/python -m benchmarks.limits $$what; done

chaos: $(STAMP) ## crash at every fault point, then seeded chaos; resumable (SEEDS=20, ARGS=--fresh)
	PYTHONPATH=examples $(BIN)/python -m tests.chaos.soak --points --seeds $(SEEDS) $(ARGS)

soak: $(STAMP) ## kill the toolbox line by line, then play seeded chaos; resumable (SEEDS=20, ARGS=--fresh)
	PYTHONPATH=examples $(BIN)/python -m tests.chaos.soak --seeds $(SEEDS) $(ARGS)

lock: $(STAMP) ## write requirements.lock after a change of dependencies
	scripts/lock.sh

install: $(STAMP) ## make .venv with the locked dependencies and the workspace

clean: ## remove caches, build output and the environment; conversations in .focal/ stay
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMP): requirements.lock $(PROJECTS) scripts/bootstrap.sh
	scripts/bootstrap.sh
	@touch $@
