# `make demo` and `make test` set up their environments themselves; nothing else has to be installed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Recipes need older libraries than all else, and so an environment of their own.
RECIPES := .venv-recipes
DOCS := .venv-docs

.PHONY: install recipes docs docs-install notebooks demo test test-main test-recipes lint clean

install: $(VENV)/installed

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $@

recipes: $(RECIPES)/installed

$(RECIPES)/installed: pyproject.toml recipes/constraints.txt
	$(PYTHON) -m venv $(RECIPES)
	$(RECIPES)/bin/python -m pip install --quiet --disable-pip-version-check \
		-c recipes/constraints.txt -e ".[recipes-dev]"
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

demo: install
	$(BIN)/xldm demo

# Both environments at once: on two cores, one after the other takes a fifth longer.
test: install recipes lint
	$(MAKE) --jobs=2 --output-sync=line test-main test-recipes

test-main: install
	$(BIN)/python -m pytest

test-recipes: install recipes
	XLDM_MAIN_PYTHON=$(abspath $(BIN)/python) $(RECIPES)/bin/python -m pytest \
		tests/forge xldm/forge tests/stores/test_coarse_side.py tests/stores/test_parts.py \
		tests/catalog/test_drivers.py

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy

clean:
	rm -rf $(VENV) $(RECIPES) $(DOCS) docs/_build docs/reference/api/generated xldm-demo
