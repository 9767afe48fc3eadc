# Everything that a developer does, by name; `make` alone lists it. `.ci/run` calls `make test`.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:

# The first interpreter that is new enough (a name may be on the path and still not run).
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3; do \
  $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
BACKENDS ?= jax,tensorflow,torch
# The tests of one file share what they trained, so a file stays with one worker.
PYTEST_ARGS ?= --numprocesses=2 --dist=loadfile
# Set FRESH=1 to build the test environment anew; CI always does.
FRESH ?= $(CI)

TEST := .venv-test
DEMO := .venv-demo
# Quiet pip, and no question about its own version.
PIP_FLAGS := --quiet --disable-pip-version-check

export SAMEFIT_TEST_BACKENDS := $(BACKENDS)
export TF_CPP_MIN_LOG_LEVEL ?= 3

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*?## ' $(MAKEFILE_LIST) | sort | awk -F ':.*?## ' '{ printf "  make %-12s %s\n", $$1, $$2 }'

.PHONY: demo
demo: $(DEMO)/.installed ## Run the main job on real data with the JAX backend, in an environment of its own
	@echo '$$ samefit check examples/sequential_vs_subclass.py --trainings 1,2'
	@KERAS_BACKEND=jax $(DEMO)/bin/samefit check examples/sequential_vs_subclass.py --trainings 1,2 \
	  || { status=$$?; test $$status -eq 2; }  # 2: the trainings diverged, which is what the example shows

.PHONY: test
test: test-env check ## Set up all three backends; lint, types, docs and the fast tests
	$(TEST)/bin/python -m pytest -m "not slow" $(PYTEST_ARGS)

.PHONY: test-all
test-all: test-env check ## The same with the slow tests
	$(TEST)/bin/python -m pytest $(PYTEST_ARGS)

.PHONY: versions
versions: $(TEST)/.installed ## The same pinned trainings, and the same answers, on Keras 3.12 to 3.15 (downloads them)
	$(TEST)/bin/python tests/pin/versions.py --backends $(BACKENDS)
	$(TEST)/bin/python -m tests.live.versions --backends $(BACKENDS)

.PHONY: check
check: lint types docs ## Lint, types and docs, without the tests

.PHONY: lint
lint: $(TEST)/.installed ## Style and format
	$(TEST)/bin/ruff check src tests examples docs benchmarks
	$(TEST)/bin/ruff format --check src tests examples docs benchmarks

.PHONY: types
types: $(TEST)/.installed ## Static types
	$(TEST)/bin/mypy

.PHONY: docs
docs: $(TEST)/.installed ## Build the documentation into site/
	$(TEST)/bin/python docs/_generate.py --check
	NO_MKDOCS_2_WARNING=1 $(TEST)/bin/mkdocs build --strict --quiet

.PHONY: generate
generate: $(TEST)/.installed ## Write the generated pages of the documentation anew
	$(TEST)/bin/python docs/_generate.py

.PHONY: bench
bench: $(TEST)/.installed ## Measure what samefit costs and write docs/benchmarks/ (some rows: ROWS=disk,help)
	$(TEST)/bin/python benchmarks $(ROWS)

.PHONY: format
format: $(TEST)/.installed ## Put the code into the house format
	$(TEST)/bin/ruff check --fix src tests examples docs benchmarks
	$(TEST)/bin/ruff format src tests examples docs benchmarks

.PHONY: test-env
test-env: ## Make the test environment (anew with FRESH=1)
	$(if $(FRESH),rm -rf $(TEST))
	@$(MAKE) --no-print-directory $(TEST)/.installed

$(TEST)/.installed: pyproject.toml requirements/test.txt
	@$(call need_python)
	rm -rf $(TEST)
	$(PYTHON) -m venv $(TEST)
	$(TEST)/bin/python -m pip install $(PIP_FLAGS) -c requirements/test.txt -e '.[dev,backends]' torch==2.13.0
	@touch $@

$(DEMO)/.installed: pyproject.toml requirements/test.txt
	@$(call need_python)
	rm -rf $(DEMO)
	$(PYTHON) -m venv $(DEMO)
	$(DEMO)/bin/python -m pip install $(PIP_FLAGS) -c requirements/test.txt -e '.[jax,demo]'
	@touch $@

.PHONY: backends
backends: $(TEST)/.installed ## Compare the three backends anew (some minutes); write the pages about it
	$(TEST)/bin/python docs/_digits_on_three_backends.py
	$(TEST)/bin/python docs/_backend_differences.py

.PHONY: honesty
honesty: $(TEST)/.installed ## Measure false alarms and found faults anew (one to two hours); write their page
	rm -f docs/reference/honesty.jsonl
	$(TEST)/bin/python -m tests.honesty

.PHONY: clean
clean: ## Remove environments, caches and the built documentation
	rm -rf $(TEST) $(DEMO) .versions site build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .samefit
	find . -name __pycache__ -prune -exec rm -rf {} +

define need_python
test -n "$(PYTHON)" || { echo "samefit needs Python 3.11 or later on the path; or set PYTHON=..." >&2; exit 1; }
endef
