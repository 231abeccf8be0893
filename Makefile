# Everything a person types here; `make` alone lists it.
PYTHON ?= python3
MODEL  ?= qwen2.5-coder:1.5b

BIN       := .venv/bin
INSTALLED := .venv/installed
PIP       := $(BIN)/python -m pip --disable-pip-version-check
PINS      := requirements/dev.txt

.DEFAULT_GOAL := help
.PHONY: help setup run test lint bench requirements clean

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

run: setup ## fetch a model, start the server, hold the guide's conversation (MODEL=... for another)
	@$(BIN)/cortex pull $(MODEL)
	@$(BIN)/cortex run -d $(MODEL)
	@$(BIN)/python examples/function_calling.py --model $(MODEL)
	@echo "The server is still running. Stop it with: $(BIN)/cortex stop"

test: lint ## lint, then every test; those with real models fetch the weights once
	$(BIN)/python -m pytest -n auto -m "not model" --cov --cov-report=term-missing:skip-covered
	$(BIN)/python -m pytest -m model --durations=5

lint: setup ## style, types, layering
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy examples/function_calling.py benchmarks
	$(BIN)/python -m pytest tests/test_layering.py tests/test_project.py

bench: setup ## time a running server: first token, tokens a second, cached and not (MODEL=...)
	@$(BIN)/python benchmarks/chat.py --model $(MODEL)

requirements: setup ## pin anew what .venv installs, from pyproject.toml
	@$(PIP) install --quiet --only-binary=:all: uv
	@echo "# Made by 'make requirements' from pyproject.toml." >$(PINS).new
	@$(BIN)/uv pip compile pyproject.toml --extra dev --upgrade --universal --python-version 3.11 --fork-strategy fewest \
	  --no-build --generate-hashes --no-emit-index-url --no-header --quiet >>$(PINS).new
	@mv $(PINS).new $(PINS)

clean: ## remove .venv, caches and reports; models and settings stay
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage htmlcov build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
