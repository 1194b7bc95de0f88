# make demo      a filled demo shop, from nothing
# make test      lint, types, import order, all fast tests
# make test-slow the long runs        make bench  speed and memory against references
PYTHON ?= python3.11
BIN := .venv/bin
DEMO ?= demo
WORKERS ?= 2

.PHONY: demo test test-slow bench lint docs clean
.DEFAULT_GOAL := help

help:
	@sed -n '1,3s/^# //p' Makefile

.venv/.base: pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed: set PYTHON=/path/to/python3.11"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade "pip==26.3"
	$(BIN)/python -m pip install --quiet -c constraints.txt -e .
	touch $@

.venv/.dev: .venv/.base
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[dev]"
	touch $@

demo: .venv/.base
	$(BIN)/coterie demo $(DEMO)

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "not slow"

test-slow: .venv/.dev
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m slow

bench: .venv/.dev
	$(BIN)/python -m bench

docs: .venv/.dev
	$(BIN)/python docs/generate.py

clean:
	rm -rf .venv .mypy_cache .ruff_cache .hypothesis build dist
