# policyc: every target works on a fresh clone that has only python3 (3.11 or newer) and make.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.policyc-installed
CODE   := grammar engine runtime tests benchmarks examples docs

.DEFAULT_GOAL := help
.PHONY: help setup run fmt lint type layers docs docs-current unit golden e2e soak bench bench-record bench-peers test clean

help: ## say what there is
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP) ## make .venv, install policyc and its tools into it, warm the caches

# The last line leaves the saved parser and the byte code ready, so that the first real `check` is a quick one.
$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "policyc needs Python 3.11 or newer; try: make PYTHON=python3.12 $(MAKECMDGOALS)")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing policyc and its tools into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable . --group dev
	@$(BIN)/python -m compileall -q grammar engine runtime
	@$(BIN)/policyc check examples/shop.policy >/dev/null
	@touch $@

run: $(STAMP) ## start the gateway on examples/shop.policy
	@echo 'try, in another terminal:'; sed -n 's/^ *# try: /  /p' examples/shop.policy; echo
	@$(BIN)/python -m compileall -q grammar engine runtime
	@exec $(BIN)/policyc run examples/shop.policy \
	  --app https://app.internal=examples/shop_app.py:app \
	  --app https://api.internal=examples/shop_app.py:api_one \
	  --app https://api.internal=examples/shop_app.py:api_two

fmt: $(STAMP) ## format the code
	$(BIN)/ruff format $(CODE)
	$(BIN)/ruff check --fix $(CODE)

lint: $(STAMP) ## ruff, rules and format
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)

type: $(STAMP) ## mypy, strict
	$(BIN)/mypy

layers: $(STAMP) ## runtime sees engine sees grammar, never back
	$(BIN)/lint-imports

docs: $(STAMP) ## write the generated pages of docs/ anew
	$(BIN)/python docs/generate.py

docs-current: $(STAMP)
	$(BIN)/python docs/generate.py --check

unit: $(STAMP) ## the tests that open no socket
	$(BIN)/pytest -m "not e2e"

golden: $(STAMP) ## rewrite the golden files; review the difference as prose
	$(BIN)/pytest -m "not e2e" --update-golden

e2e: $(STAMP) ## the tests that start a gateway on loopback
	$(BIN)/pytest -m e2e

soak: $(STAMP) ## hours of traffic in twenty minutes: faults, reloads, slow clients, many more examples
	POLICYC_SOAK=1 POLICYC_EXCHANGES=100000 POLICYC_MUTATIONS=20000 POLICYC_RELOADS=1000 \
	  $(BIN)/pytest tests/soak tests/e2e/test_faults.py tests/e2e/test_mutated_responses.py \
	  tests/e2e/test_reloads.py --timeout 0 -rP
	POLICYC_SOAK=1 POLICYC_EXAMPLES=20000 $(BIN)/pytest tests/property --timeout 0

bench: $(STAMP) ## measure: expressions, rules, requests per second
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --group bench \
	  || echo "some peers could not be installed: their columns will be missing"
	$(BIN)/pytest benchmarks --benchmark-enable --benchmark-columns=median,iqr,ops,rounds --benchmark-sort=name

bench-record: $(STAMP) ## measure, and write the results that docs/performance.md shows
	$(BIN)/pytest benchmarks --benchmark-enable --benchmark-json=.benchmarks-run.json -q
	$(BIN)/python benchmarks/record.py .benchmarks-run.json
	$(BIN)/python docs/generate.py
	@rm .benchmarks-run.json

bench-peers: $(STAMP) ## compare with nginx, Envoy and others that are installed; COMPARE=path/to/compare.py RECORD=--record
	$(BIN)/python benchmarks/gateways.py $(RECORD) $(or $(COMPARE),../shared/bench/compare.py) $(FLAGS)

test: lint type layers docs-current ## all that must be green
	$(BIN)/pytest

clean: ## remove .venv and every cache
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .benchmarks
