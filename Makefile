# make demo      a filled demo shop, from nothing, with its console open (Ctrl-C ends)
# make test      lint, types, import order, all fast tests
# make test-slow the long runs        make bench  speed and memory against references
# make console   the web console      make console-tour  pictures of all of it
PYTHON ?= python3.11
BIN := .venv/bin
DEMO ?= demo
WORKERS ?= 3
PORT ?= 8400
# Many processes import the same modules: compiled once, not anew in each.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: api types pytest console console-check console-if-node console-built-if-node console-tour demo test test-slow bench lint docs clean
.DEFAULT_GOAL := help

help:
	@sed -n '1,4s/^# //p' Makefile

.venv/.base: pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed: set PYTHON=/path/to/python3.11"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade "pip==26.3"
	$(BIN)/python -m pip install --quiet -c constraints.txt -e .
	touch $@

.venv/.dev: .venv/.base
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[dev]"
	touch $@

demo: .venv/.base console-built-if-node
	$(BIN)/coterie demo $(DEMO)
	@if [ -z "$$CI" ]; then $(BIN)/coterie -w $(DEMO) serve --open --port $(PORT) || [ $$? -eq 130 ]; fi

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The checks use one core, so the tests begin beside them.
test: .venv/.dev
	@$(MAKE) --no-print-directory -j2 lint pytest

# A test that hangs fails and shows where its threads are, instead of holding up the rest for ever.
pytest: .venv/.dev console-if-node
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal --timeout 300 --timeout-method thread -m "not slow"

test-slow: .venv/.dev
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m slow

bench: .venv/.dev
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[bench]"
	$(BIN)/python -m bench

api: .venv/.dev  ## console/openapi.json, from which the console's types are made
	$(BIN)/python -m coterie.api.describe console/openapi.json
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory types; else echo "npm is missing: the console's types are not made"; fi

# The console: built where sources changed; `npm ci` where the lock file did.
CONSOLE := src/coterie/static/index.html
TYPES := console/src/api/schema.d.ts

console: $(CONSOLE)

console/node_modules/.package-lock.json: console/package.json console/package-lock.json
	cd console && npm ci --no-fund --no-audit
	touch $@

types: $(TYPES)

$(TYPES): console/node_modules/.package-lock.json console/openapi.json
	cd console && npm run types

$(CONSOLE): $(TYPES) $(shell find console/src console/public -type f 2>/dev/null) console/index.html console/vite.config.ts
	cd console && npm run build
	@echo "First load, gzip: $$(cd src/coterie/static && cat index.html $$(grep -o 'assets/[^"]*\.\(js\|css\)' index.html) assets/inter-latin-wght-normal-*.woff2 | gzip -9 | wc -c) bytes"

console-check: $(CONSOLE)
	cd console && npm run check && npm test
	@! grep -n '"resolved":' console/package-lock.json

console-built-if-node:
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory console; else echo "npm is missing: the console is not built"; fi

console-if-node:
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory console-check; else echo "npm is missing: the console is neither built nor tested"; fi

console-tour: .venv/.dev $(CONSOLE)  ## pictures of every screen and state into console/tour/
	$(BIN)/python -m tests.console.tour console/tour

docs: .venv/.dev
	$(BIN)/python docs/generate.py

clean:
	rm -rf .venv .mypy_cache .ruff_cache .hypothesis build dist
