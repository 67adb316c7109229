# The words a new user needs. Everything happens in .venv beside this file; nothing is installed elsewhere
# but Label Studio's own environment, which lives with the user's data (see `hint doctor`).
SHELL := /bin/bash
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
STAMP := $(VENV)/.setup-complete

.PHONY: help setup setup-mmpose setup-docs demo test test-fast check format docs clean

help:  ## List what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

setup: $(STAMP)  ## Make .venv with the hint command and everything the tests need

$(STAMP): pyproject.toml constraints-cpu.txt scripts/setup.sh
	@bash scripts/setup.sh "$(PYTHON)" $(VENV)
	@touch $@

setup-mmpose: $(STAMP)  ## Add MMPose and MMDet to .venv
	@bash scripts/setup_mmpose.sh $(VENV)

setup-docs: $(STAMP)
	@$(PIP) install -q -c constraints-cpu.txt -e '.[docs]'

demo: $(STAMP)  ## Run a whole annotation round on a synthetic world
	@bash scripts/demo.sh $(BIN)

test: $(STAMP)  ## Run all tests (set-up of Label Studio's environment included)
	@$(BIN)/hint server install
	@$(BIN)/python -m pytest

test-fast: $(STAMP)  ## Run the quick tests only
	@$(BIN)/python -m pytest -m "not slow and not labelstudio and not mmpose"

check: $(STAMP)  ## Lint, types, import contracts, spelling
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/codespell

format: $(STAMP)  ## Put the code into the house format
	@$(BIN)/ruff check --fix -q . ; $(BIN)/ruff format -q .

docs: setup-docs  ## Build the documentation site into site/
	@$(BIN)/mkdocs build --strict

clean:  ## Remove what was made here (not your projects)
	rm -rf $(VENV) build dist site demo .pytest_cache .mypy_cache .ruff_cache
