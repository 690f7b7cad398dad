# Every target makes the environment it needs. `make help` lists them.

# `make PYTHON=3.13 test` uses the current stack (glibc >= 2.39).
PYTHON := $(shell cat .python-version)
BIN := .venv/bin
# In the order of the folders, because the long tests come first in it.
PYTEST := $(BIN)/python -m pytest -rs -n auto --maxprocesses=4 --dist loadgroup --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help run test test-fast test-reliability lint types format bench lock clean venv

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: venv ## Run the pipeline; flags go into ARGS="--dataset ml-100k"
	@$(BIN)/python local_runner.py $(ARGS)

test: venv ## Run the tests; MOVIELENS_DIR names a folder with the real ml-100k
	@$(PYTEST) --durations=15 --ignore=tests/reliability $(ARGS)

test-fast: venv ## Run the tests that start no pipeline
	@$(PYTEST) -m "not slow" $(ARGS)

test-reliability: venv ## Run the long tests: bad data against the real pipeline
	@$(PYTEST) --durations=15 tests/reliability $(ARGS)

lint: venv ## Check style, formatting and which room imports which
	@status=0; for check in "ruff check ." "ruff format --check ." "lint-imports --no-logo"; do \
		$(BIN)/$$check || status=1; done; exit $$status

types: venv ## Check the types (mypy --strict)
	@$(BIN)/mypy

format: venv ## Format the code and sort the imports
	@$(BIN)/ruff check --select I --fix .
	@$(BIN)/ruff format .

bench: venv ## Measure seconds and memory per node
	@$(BIN)/python -m benchmarks $(ARGS)

lock: ## Refresh both lock files from setup.py; ARGS=--upgrade takes the newest releases
	@requirements/lock.sh $(ARGS)

clean: ## Delete caches and build files; .venv, .uv and runs stay
	@rm -rf build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .grimp_cache .hypothesis
	@find . -name __pycache__ -not -path './.venv/*' -not -path './.uv/*' -prune -exec rm -rf {} +

venv:
	@requirements/install.sh $(PYTHON)
