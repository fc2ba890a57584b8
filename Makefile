# `make demo` and `make test` set up their environments themselves; nothing else has to be installed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Recipes need older libraries than all else, and so an environment of their own.
RECIPES := .venv-recipes
LOWEST := .venv-lowest
DOCS := .venv-docs
# What a user meets first, for environments in which all tests would take too long.
CORE := tests/test_public.py tests/test_config.py tests/packages/test_package.py \
	tests/stores/test_write.py

# About half of the tests, by time.
FIRST := tests/alignment tests/batches tests/catalog tests/cli tests/evaluation tests/training tests/twin

.PHONY: install recipes docs docs-install notebooks demo dist test test-main test-first test-second test-recipes test-lowest \
	lint clean

install: $(VENV)/installed

# What xldm itself needs; what development needs is installed on top of it.
$(VENV)/runs: pyproject.toml constraints.txt
	@echo "Creating $(VENV): xldm and the packages that it needs, at the versions of constraints.txt"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt -e .
	touch $@

$(VENV)/installed: $(VENV)/runs
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $@

recipes: $(RECIPES)/installed

$(RECIPES)/installed: pyproject.toml recipes/constraints.txt
	$(PYTHON) -m venv $(RECIPES)
	$(RECIPES)/bin/python -m pip install --quiet --disable-pip-version-check \
		-c recipes/constraints.txt -e ".[recipes-dev]"
	touch $@

# The lowest versions that pyproject.toml allows, and xldm as its source archive installs it.
$(LOWEST)/installed: lowest.txt dist/checked
	$(PYTHON) -m venv $(LOWEST)
	$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check -r lowest.txt dist/xldm-*.tar.gz
	touch $@

docs-install: $(DOCS)/installed

$(DOCS)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(DOCS)
	$(DOCS)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[docs]"
	touch $@

# Executes the notebooks whose code changed. Quicker, with the outputs that they were saved with:
# make docs SPHINXOPTS="-D nb_execution_mode=off"
docs: docs-install
	$(DOCS)/bin/sphinx-build --fail-on-warning -b html $(SPHINXOPTS) docs docs/_build/html

# Executes all notebooks and saves them with their outputs.
notebooks: docs-install
	$(DOCS)/bin/python tools/run_notebooks.py docs/tutorials/*.ipynb

demo: $(VENV)/runs
	$(BIN)/xldm demo

dist: dist/checked

dist/checked: $(VENV)/installed $(shell git ls-files xldm catalogs recipes) README.md
	rm -rf dist
	$(BIN)/python -m hatchling build
	$(BIN)/twine check --strict dist/*
	touch $@

# Two of the three parts at once, since most of a test runs on one core.
test: install recipes lint
	$(MAKE) --jobs=2 --output-sync=line test-second test-first test-recipes

test-main: test-first test-second

test-first: install
	$(BIN)/python -m pytest $(FIRST)

test-second: install
	$(BIN)/python -m pytest $(addprefix --ignore=,$(FIRST))

test-recipes: install recipes
	XLDM_MAIN_PYTHON=$(abspath $(BIN)/python) $(RECIPES)/bin/python -m pytest \
		tests/forge xldm/forge tests/stores/test_coarse_side.py tests/stores/test_parts.py \
		tests/catalog/test_drivers.py

# pytest itself, not python -m: the tests import what is installed, not the checkout.
test-lowest: $(LOWEST)/installed
	$(LOWEST)/bin/python tools/readme_lines.py
	$(LOWEST)/bin/pytest $(CORE)

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy

clean:
	rm -rf $(VENV) $(RECIPES) $(LOWEST) $(DOCS) dist docs/_build docs/reference/api/generated xldm-demo
