.DEFAULT_GOAL := help
PY := .venv/bin/python

help: ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.venv/.installed: pyproject.toml uv.lock
	test -x $(PY) || python3 -m venv .venv
	$(PY) -m pip install --quiet --disable-pip-version-check uv
	.venv/bin/uv sync --quiet --frozen --compile-bytecode
	touch $@

run: .venv/.installed ## set up, then start the daemon on its embedded default
	.venv/bin/watchkeeper run

test: .venv/.installed ## formatting, lint, types, import contracts and every test
	$(PY) -m tests.support.gate

bench: .venv/.installed ## the project's own micro-benchmarks: JSON and a table
	$(PY) -m tests.benchmarks

native: .venv/.installed ## the optional C reader of scraped bodies; needs a C compiler
	$(PY) hatch_build.py

sanitize: .venv/.installed ## that reader under gcc's sanitizers, on mutated bodies
	$(PY) -m tests.support.sanitized

clean: ## remove the environment and the data folder
	rm -rf .venv data

.PHONY: help run test bench native sanitize clean
