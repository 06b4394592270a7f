# Needs git, make and Python 3.11 or later with venv; everything else comes from the project's files.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
MEMBERS := $(wildcard connectors/*/pyproject.toml)
STAMP := $(VENV)/.crmhub-setup
WORKERS ?= 2

.DEFAULT_GOAL := help
REAL := .real
.PHONY: help setup demo test test-full test-real lint format docs schemas stubs bench wheels clean

help:  ## say what there is
	@grep -E '^[a-z-]+:.*##' Makefile | sed 's/:.*## /\t/' | expand -t 14

setup: $(STAMP)  ## make .venv with every workspace member, every extra and the tools

$(STAMP): pyproject.toml constraints.txt $(MEMBERS)
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "crmhub needs Python 3.11 or later")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt \
		--editable '.[demo,postgres]' $(patsubst %/pyproject.toml,--editable %,$(MEMBERS)) --group dev --group docs
	touch $(STAMP)

demo: setup  ## a real sync between two simulated CRMs, in under a minute
	$(BIN)/crmhub demo

test: setup  ## the tests (asyncio in full, trio as a subset)
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m 'not full'

test-full: setup lint  ## every test, the slow ones too
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

test-real: setup  ## tests against real CRM servers (Tryton, from PyPI), each in a place of its own
	test -x $(REAL)/bin/trytond || { $(PYTHON) -m venv $(REAL) && $(REAL)/bin/python -m pip install --quiet \
		--disable-pip-version-check 'trytond==8.2.*' 'trytond-sale-opportunity==8.2.*'; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --upgrade \
		--target $(REAL)/site ./examples/tryton
	CRMHUB_REAL=$(abspath $(REAL)) PYTHONPATH=$(abspath $(REAL))/site $(BIN)/python -m pytest tests/real

lint: setup  ## style, formatting and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright

format: setup  ## put the code in form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: setup  ## the documentation site, in site/
	$(BIN)/zensical build --clean --strict

schemas: setup  ## the published JSON Schemas, in docs/schemas/, and the tables of pages that are made of code
	cd docs/schemas && CRMHUB_LOAD_PLUGINS= ../../$(BIN)/crmhub schema config > crmhub.v1.json
	cd docs/schemas && CRMHUB_LOAD_PLUGINS= ../../$(BIN)/crmhub schema mapping > mapping.v1.json
	cd docs/schemas && ../../$(BIN)/crmhub schema connector > connector.v1.json
	cd docs/schemas && CRMHUB_LOAD_PLUGINS= ../../$(BIN)/crmhub schema agents > agents.v1.json
	$(BIN)/python -m tools.rest_language
	$(BIN)/python -m tools.rest_presets
	$(BIN)/python -m tools.agent_tools

stubs: setup  ## what type checkers see of the blocking API, from the asynchronous sources
	$(BIN)/python -m tools.blocking_stub

bench: setup  ## measurements, as ratios against a hand-written loop in the same run
	$(BIN)/python -m bench

wheels: setup  ## every distribution as a wheel, in dist/
	rm -rf dist build connectors/*/build
	for member in . $(patsubst %/pyproject.toml,%,$(MEMBERS)); do \
		$(BIN)/python -m build --wheel --outdir dist $$member || exit 1; done

clean:  ## remove what the other targets made
	rm -rf $(VENV) dist build connectors/*/build site .pytest_cache .ruff_cache .hypothesis
