# nephoscope: two commands on a fresh machine, `make run` and `make test`.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
JOBS   ?= 3
PARTS  := .parts

.DEFAULT_GOAL := help
.PHONY: help setup run test test-all fuzz lint format bench soak lock clean

help: ## what can be made here
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  \1\t/' | expand -t 14

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "nephoscope needs Python 3.11 or newer: make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "This Python has no venv: install it first (Debian: apt-get install python3-venv)"; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/base.stamp: $(VENV)/bin/python requirements/clouds.txt pyproject.toml
	@echo "installing nephoscope into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check --require-hashes -r requirements/clouds.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/dev.stamp: $(VENV)/base.stamp requirements/dev.txt requirements/model.txt
	@echo "installing what the suite needs into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check --no-deps --require-hashes -r requirements/model.txt
	@touch $@

$(VENV)/bench.stamp: $(VENV)/base.stamp requirements/bench.txt
	@echo "installing what the benchmarks compare with into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check --require-hashes -r requirements/bench.txt
	@touch $@

$(PARTS)/litellm.stamp: requirements/litellm.txt | $(VENV)/bin/python
	@echo "installing LiteLLM's proxy into $(PARTS)/litellm (600 MB) ..."
	@$(PYTHON) -m venv --clear $(PARTS)/litellm
	@$(PARTS)/litellm/bin/python -m pip install --quiet --no-compile --disable-pip-version-check --require-hashes -r requirements/litellm.txt
	@touch $@

$(PARTS)/portkey.stamp: tests/portkey/package.json tests/portkey/package-lock.json
	@mkdir -p $(PARTS)/portkey
	@cp tests/portkey/package.json tests/portkey/package-lock.json $(PARTS)/portkey/
	@if ! command -v npm >/dev/null; then echo "no npm here, so no tests with Portkey's gateway (Debian: apt-get install nodejs npm)"; \
	else echo "installing Portkey's gateway into $(PARTS)/portkey ..." && cd $(PARTS)/portkey && npm ci --loglevel error --ignore-scripts --no-audit --no-fund && touch ../portkey.stamp; fi

ORACLES := $(patsubst requirements/oracles/%.in,%,$(wildcard requirements/oracles/*.in))
ORACLE_STAMPS := $(ORACLES:%=$(PARTS)/oracles/%.stamp)

$(PARTS)/oracles/%.stamp: requirements/oracles/%.txt | $(VENV)/dev.stamp
	@echo "installing the oracle $* into $(PARTS)/oracles/$* ..."
	@mkdir -p $(@D)
	@$(BIN)/uv venv -q --clear --python $(BIN)/python $(PARTS)/oracles/$*
	@$(BIN)/uv pip install -q --python $(PARTS)/oracles/$*/bin/python --require-hashes -r $<
	@touch $@

setup: $(VENV)/base.stamp ## build .venv with what the daemon needs

run: $(VENV)/base.stamp ## the daemon on nephoscope.yaml, or else the demo; REAL=1: on the clouds whose credentials are set
ifeq ($(REAL),1)
	@if test -e nephoscope.yaml; then $(BIN)/nephoscope check -c nephoscope.yaml; else $(BIN)/nephoscope init --found nephoscope.yaml; fi
	@exec $(BIN)/nephoscope run -c nephoscope.yaml $(ARGS)
else
	@exec $(BIN)/nephoscope $(if $(wildcard nephoscope.yaml),run,demo) $(ARGS)
endif

test: $(VENV)/dev.stamp ## the suite, its own Postgres and a real language model included
	@$(BIN)/python -m pytest -q -n $(JOBS) --dist loadfile -m "not heavy" $(ARGS)

test-all: $(VENV)/dev.stamp $(PARTS)/litellm.stamp $(PARTS)/portkey.stamp $(ORACLE_STAMPS) ## the heavy parts too: Prometheus, Helm, a system Postgres, real gateways, the vendors' own parsers
	@$(BIN)/python -m pytest -q -n $(JOBS) --dist loadfile -m heavy $(ARGS)

fuzz: $(VENV)/dev.stamp ## new bytes for framing, HTTP, dialects and the exchange, a quarter of an hour
	@PROPERTIES=fuzz $(BIN)/python -m pytest -q -n $(JOBS) --dist worksteal --timeout 3600 tests/fuzz tests/contract/test_dialects.py $(ARGS)

lint: $(VENV)/dev.stamp ## ruff, mypy --strict, import arrows
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(VENV)/dev.stamp ## let ruff put things in order
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(VENV)/bench.stamp ## how far off nephoscope and others are, what a probe costs, what troubles cost the asker, what pages, what evaluating costs, how often the fault is right
	@$(BIN)/python benchmarks/bench_accuracy.py $(ARGS)
	@PYTHONPATH=tests $(BIN)/python benchmarks/bench_lateness.py
	@$(BIN)/python benchmarks/bench_paging.py
	@PYTHONPATH=tests $(BIN)/python benchmarks/bench_evaluation.py
	@PYTHONPATH=tests $(BIN)/python benchmarks/bench_blame.py

soak: $(VENV)/dev.stamp ## 500 targets at 10 s for ten minutes: slots, lateness, memory, CPU
	@PYTHONPATH=tests $(BIN)/python benchmarks/soak.py $(ARGS)

lock: $(VENV)/dev.stamp ## pin requirements anew, with hashes and without addresses
	@for part in base clouds all dev bench litellm $(ORACLES:%=oracles/%); do $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --upgrade requirements/$$part.in -o requirements/$$part.txt; done
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-deps --upgrade requirements/model.in -o requirements/model.txt
	@cd tests/portkey && npm install --loglevel error --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved --no-audit --no-fund

clean: ## remove what was built here
	@rm -rf $(VENV) $(PARTS) dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
