# Everything runs in .venv, which the first target makes: nothing else has to be installed.
RIGHT_PYTHON := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
# Tried and not only looked up: version managers leave names behind that lead nowhere.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c '$(RIGHT_PYTHON)' 2>/dev/null && { echo $$python; break; }; done)
BIN := .venv/bin
# A file stays in one process: its tests share what they prepared. Files start in their order: those with the longest
# tests would else be the last, for they have the fewest.
PYTEST := $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

.PHONY: demo test test-slow check bench bi up lock clean

demo: .venv/installed
	$(BIN)/canvaslake demo

up: .venv/installed
	$(BIN)/canvaslake --demo up

test: .venv/installed
	$(PYTEST) -m "not slow"

test-slow: .venv/installed
	$(PYTEST) -m slow

check: .venv/installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pipelines.cli.reference --check docs/reference
	DAGSTER_HOME= CANVASLAKE_HOME=$$(mktemp -d) $(BIN)/dagster definitions validate -w workspace.yaml

bench: .venv/installed
	for bench in tests/bench/bench_*.py; do $(BIN)/python -m tests.bench.$$(basename $$bench .py) || exit 1; done

# Real clients open the published file while publishes go on. Installs them from their registries: needs network.
bi: .venv/installed
	$(BIN)/python -m tests.bi $(BI)

# Needs uv on the PATH. DuckDB is held back: see docs/decisions.
lock:
	printf 'duckdb==1.5.5\n' | uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-header --no-strip-extras --constraints - -o requirements.lock

.venv/installed: requirements.lock pyproject.toml
	@$(or $(PYTHON),false) -c '$(RIGHT_PYTHON)' || \
		{ echo "canvaslake needs Python 3.11, 3.12 or 3.13, and none is on the PATH. Try: make PYTHON=/path/to/python3.11"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

clean:
	rm -rf .venv data .pytest_cache .ruff_cache .mypy_cache .hypothesis
