# Every target makes the environment it needs. `make help` lists them.

# requirements/stacks.sh chooses the Python and with it the stack; `make PYTHON=3.12 test` overrides that.
PYTHON :=
BIN := .venv/bin
# In the order of the folders, because the long tests come first in it.
PYTEST := $(BIN)/python -m pytest -rs -n auto --maxprocesses=4 --dist loadgroup --no-loadscope-reorder
# `COVERAGE=1 make test` measures the lines that the tests run, and takes a third longer.
COVERAGE ?=
MEASURE := $(if $(COVERAGE),--cov --cov-report=term --cov-fail-under=90)

.DEFAULT_GOAL := help
.PHONY: help run test test-fast test-browser test-serving test-models test-reliability \
	test-current-stack lint types format bench \
	bench-app bench-serving studies serve app docs protos lock sbom audit clean venv venv-run

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: venv-run ## Run the pipeline; flags go into ARGS="--dataset ml-100k"
	@$(BIN)/python local_runner.py $(ARGS)

test: venv ## Run the tests; MOVIELENS_DIR names a folder with the real ml-100k
	@$(if $(COVERAGE),COVERAGE_FILE=$(CURDIR)/.coverage) $(PYTEST) --durations=15 $(MEASURE) --ignore=tests/reliability --ignore=tests/models $(ARGS)

test-fast: venv ## Run the tests that start no pipeline
	@$(PYTEST) -m "not slow" $(ARGS)

test-browser: venv ## Open the report in chromium and check its accessibility; fetches axe-core from npm
	@tests/browser/fetch_axe.sh
	@$(PYTEST) tests/browser $(ARGS)

test-serving: venv ## Send the local model server malformed requests by the thousand
	@SERVING_MALFORMED=3000 $(PYTEST) tests/contract/model_server/test_malformed.py $(ARGS)

test-models: venv ## Train every kind of model on worlds whose right answers are known
	@$(PYTEST) --durations=8 tests/models $(ARGS)

test-reliability: venv ## Run the long tests: other data sets, bad data, killed pushes and runs, full disks, rollbacks
	@$(PYTEST) --durations=15 tests/reliability $(ARGS)

test-current-stack: ## Run the pipeline and tests on TFX 1.21, in a Debian 13 root where glibc is older; ARGS="run e2e"
	@tests/current_stack.sh $(ARGS)

lint: venv ## Check style, formatting and which package imports which
	@status=0; for check in "ruff check ." "ruff format --check ." "lint-imports --no-logo"; do \
		$(BIN)/$$check || status=1; done; exit $$status

types: venv ## Check the types (mypy --strict)
	@$(BIN)/mypy

format: venv ## Format the code and sort the imports
	@$(BIN)/ruff check --select I --fix .
	@$(BIN)/ruff format .

bench: venv ## Measure seconds and memory per node
	@$(BIN)/python -m benchmarks $(ARGS)

studies: venv ## Measure our models and the baselines; ARGS="leaderboard --data-dir data/ml-100k"
	@$(BIN)/python -m studies $(or $(ARGS),--help)

serve: venv-run ## Serve the pushed models with tensorflow_model_server, Docker or the local server
	@$(BIN)/python -m serving serve $(ARGS)

app: venv-run ## Run the web application and a model server on the pushed models; ARGS="--port 8080"
	@$(BIN)/python -m serving app --start-model-server $(ARGS)

bench-app: venv ## Measure the pages of the web application under load; ARGS="--models DIR"
	@$(BIN)/python -m benchmarks.app $(ARGS)

bench-serving: venv ## Measure latency, version swaps and the partitioned index; ARGS="load --models DIR"
	@$(BIN)/python -m benchmarks.serving $(ARGS)

docs: venv ## Build the documentation site in site/, strictly
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict $(ARGS)

protos: venv ## Refresh the serving client's messages from the locked tensorflow-serving-api
	@$(BIN)/python -m serving.make_protos

lock: ## Refresh the lock files from setup.py; ARGS=--upgrade takes the newest releases
	@requirements/lock.sh $(ARGS)

sbom: ## Write a bill of materials (CycloneDX) of each stack into dist/
	@requirements/sbom.sh

audit: venv-run ## List outdated packages, and published advisories where the network has them
	@requirements/audit.sh

clean: ## Delete caches and build files; .venv, .uv and runs stay
	@rm -rf build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .grimp_cache .hypothesis
	@find . -name __pycache__ -not -path './.venv/*' -not -path './.uv/*' -prune -exec rm -rf {} +

venv: # with the tools of development
	@requirements/install.sh --dev $(PYTHON)

venv-run: # what running and serving needs
	@requirements/install.sh $(PYTHON)
