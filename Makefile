# `make` lists what there is. Everything happens in .venv; nothing else of the machine is touched.
PYTHON ?= python3
BIN := .venv/bin
DEMO ?= demo
SOURCES := src tests benchmarks scripts

.PHONY: help install install-test demo test test-fast test-slow check lint types bench clean

help:
	@echo "make demo    generate the toy country, run the whole chain, say where the map and the report are"
	@echo "make test    install what the tests need and run them all"
	@echo "make check   format, lint, types, import arrows, fast tests"
	@echo "make bench   speed and memory beside named peers, accuracy on the toy country"
	@echo "make clean   remove .venv and the demo"

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "l2h needs Python 3.11 or newer; $(PYTHON) is older. Try: make PYTHON=python3.12 …" >&2; exit 1; }
	@$(PYTHON) -m venv .venv || \
	  { rm -rf .venv; echo "Cannot make a virtual environment. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }

.venv/.installed: pyproject.toml | .venv/bin/python
	@echo "installing l2h into .venv (a few minutes where packages are not cached)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e . && touch $@

.venv/.installed-test: pyproject.toml | .venv/bin/python
	@echo "installing l2h and what its tests need into .venv"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test]' && touch $@ .venv/.installed

install: .venv/.installed

install-test: .venv/.installed-test

demo: install
	@$(BIN)/l2h toy $(DEMO) --if-missing
	@$(BIN)/l2h run $(DEMO)

test: install-test
	@$(BIN)/python -m pytest -q -n auto -m "not slow"
	@$(BIN)/python -m pytest -q -n 2 -m slow

test-fast: install-test
	@$(BIN)/python -m pytest -q -n auto -m "not slow"

test-slow: install-test
	@$(BIN)/python -m pytest -q -n 2 -m slow

lint: install-test
	@$(BIN)/ruff format --check $(SOURCES)
	@$(BIN)/ruff check $(SOURCES)

types: install-test
	@$(BIN)/mypy

check: lint types test-fast

bench: install-test
	@$(BIN)/python -m benchmarks

clean:
	rm -rf .venv $(DEMO)
