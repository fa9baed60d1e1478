# Two commands matter: `make demo` and `make test`. Each sets up what it needs.
#
# Everything is installed into .venv from requirement files with hashes, and the package itself as
# the wheel that users get, so what is tested is what is shipped.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# As many test files at a time as there are cores; each rig needs about 1 GB. `-n 0` is one by one.
SIDE_BY_SIDE := -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
WHEEL_SOURCES := pyproject.toml README.md LICENSE $(shell find src -type f -not -name '*.pyc')
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-warn-script-location
COMPILE := $(BIN)/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe --no-header \
  --no-emit-find-links --no-emit-index-url --no-emit-trusted-host --no-emit-options

# How long each of the fuzzers runs.
FUZZ_SECONDS ?= 60

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test check lint format golden rules fuzz bench docs e2e newcomer node requirements clean

help: ## Show what can be made
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/installed ## Run the whole chain on this machine: real Kubernetes, strict local AWS
	@$(BIN)/irsa demo

test: $(VENV)/installed-dev ## Run all tests, on the built wheel
	@$(BIN)/irsa local fetch > /dev/null
	$(BIN)/coverage erase
	COVERAGE_PROCESS_START=pyproject.toml $(BIN)/python -m pytest $(SIDE_BY_SIDE) $(ARGS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --skip-covered $(if $(ARGS),--fail-under=0)

lint: $(VENV)/installed-dev ## Style, types, layers, and docs that agree with the code
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python tools/reference.py --check

check: lint test ## What CI runs first; then it runs `make node`

format: $(VENV)/dev ## Format the code, and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

golden: $(VENV)/installed-dev ## Rewrite the expected files under tests/golden; review the diff
	UPDATE_GOLDEN=1 $(BIN)/python -m pytest -q tests/unit

docs: $(VENV)/installed-dev ## Rewrite the generated reference pages
	$(BIN)/python tools/reference.py

rules: $(VENV)/installed-dev ## Take each rule of the local AWS out in turn: a test must notice
	$(BIN)/python tests/aws/kill_rules.py

fuzz: $(VENV)/fuzz ## Look for bytes that break a promise; FUZZ_SECONDS=600 looks longer
	@for mode in reviews structured wire; do \
	  corpus=tests/fuzz/corpus/$$(test $$mode = wire && echo wire || echo reviews); \
	  mkdir -p .fuzz_cache/$$mode; echo "$$mode …" >&2; \
	  $(BIN)/python tests/fuzz/fuzz.py $$mode -max_total_time=$(FUZZ_SECONDS) -max_len=20000 \
	    -verbosity=0 -print_final_stats=1 -artifact_prefix=.fuzz_cache/found-$$mode- \
	    .fuzz_cache/$$mode $$corpus || exit; \
	done

bench: $(VENV)/installed-dev ## Measure; prints tables, asserts nothing (PEER=… is the AWS webhook)
	$(BIN)/python bench/startup.py
	$(BIN)/python bench/plan.py
	$(BIN)/python bench/webhook.py $(if $(PEER),--peer $(PEER)) $(ARGS)

e2e: newcomer node ## What a newcomer does, then everything on a real node

newcomer: ## Do what a newcomer does, in a fresh clone, and look at what is left
	tests/e2e/newcomer.sh

node: $(VENV)/installed ## Run everything on a real node, and look at what is left; needs root and Debian
	PYTHONDONTWRITEBYTECODE=1 $(BIN)/python -m tests.e2e.node

requirements: $(VENV)/dev ## Resolve the pinned requirement files anew
	$(COMPILE) --upgrade -o requirements/build.txt requirements/build.in
	$(COMPILE) --upgrade -o requirements/runtime.txt pyproject.toml
	$(COMPILE) --upgrade -o requirements/local.txt --extra local -c requirements/runtime.txt pyproject.toml
	$(COMPILE) --upgrade -o requirements/fuzz.txt requirements/fuzz.in
	$(COMPILE) --upgrade -o requirements/dev.txt --extra local -c requirements/local.txt pyproject.toml requirements/dev.in

clean: ## Remove what was made in the tree (caches outside it stay)
	rm -rf $(VENV) dist .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .fuzz_cache

# --- the environment -----------------------------------------------------------------------------

$(VENV)/created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "irsa needs Python 3.11 or newer; name one with: make PYTHON=python3.12 …" >&2; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV) \
	  || { echo "Python's venv is missing; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@touch $@

$(VENV)/local: $(VENV)/created requirements/build.txt requirements/local.txt
	@echo "installing the pinned requirements into $(VENV) …" >&2
	@$(PIP_INSTALL) --require-hashes -r requirements/build.txt -r requirements/local.txt
	@touch $@

$(VENV)/dev: $(VENV)/local requirements/dev.txt
	@echo "installing the development tools into $(VENV) …" >&2
	@$(PIP_INSTALL) --require-hashes -r requirements/build.txt -r requirements/dev.txt
	@touch $@

$(VENV)/fuzz: $(VENV)/installed-dev requirements/fuzz.txt
	@echo "installing the fuzzer into $(VENV) …" >&2
	@$(PIP_INSTALL) --require-hashes -r requirements/fuzz.txt
	@touch $@

$(VENV)/installed: $(VENV)/local $(WHEEL_SOURCES)
	@echo "building and installing irsa …" >&2
	@rm -rf dist
	@$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir dist .
	@$(PIP_INSTALL) --no-deps --force-reinstall dist/irsa-*.whl
	@touch $@

$(VENV)/installed-dev: $(VENV)/dev $(VENV)/installed
	@touch $@
