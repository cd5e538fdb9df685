# The whole developer interface. `make try` hears a recording come back from a small file, `make test`
# runs everything that CI runs. Variables: PYTHON (3.11 or later), VENV (made if missing).

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
DEBIAN_PACKAGES = gcc python3-dev python3-venv opus-tools codec2 speex chromium

MINUTES ?= 5
CODEC_TESTS = codec tests/codec tests/fuzz
FUZZ_TARGETS = reader stream growing decompress audio pipe checkpoint

.PHONY: try test test-slow test-only fuzz soak coverage setup check format system clean

## Install the codec and rebuild a bundled recording through a .nsvq file, into reconstructed/
try: $(VENV)/.installed
	$(BIN)/nsvq reconstruct --output reconstructed --force

## Checks, then all tests but the slow ones: what CI runs
test: system check test-only

# The codec's own tests tell which of its lines run; tracing the others too would take a fifth longer.
test-only: $(VENV)/.installed-dev
	$(BIN)/python -m coverage run -m pytest $(CODEC_TESTS)
	$(BIN)/python -m coverage report
	$(BIN)/python -m pytest $(addprefix --ignore=,$(CODEC_TESTS))

## The table of line coverage in docs/robustness.md, after `make test-only`
coverage:
	$(BIN)/python tests/coverage_table.py

## The tests that take minutes
test-slow: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -m slow

## Coverage-guided fuzzing, MINUTES in all: an input that breaks something is left in this folder
fuzz: $(VENV)/.installed-dev
	for target in $(FUZZ_TARGETS); do \
		$(BIN)/python tests/fuzz/run.py $$target --minutes $$($(BIN)/python -c "print($(MINUTES) / 6)") || exit 1; \
	done

## The demo under 200 requests of 20 visitors: memory, disk and processes must end as they began
soak: $(VENV)/.installed-dev
	$(BIN)/python tests/app/demo/soak.py

## Everything a developer needs, and the commit hooks
setup: $(VENV)/.installed-dev
	$(BIN)/pre-commit install

## Style, types, layers
check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

## Programs some tests compare with or drive; a test whose program is missing says so and skips
system:
	@.ci/system $(DEBIAN_PACKAGES)

clean:
	rm -rf $(VENV) build dist *.egg-info reconstructed

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -qq --upgrade pip

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install -qq --editable '.[evaluate]'
	@touch $@

$(VENV)/.installed-dev: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install -qq --editable '.[dev]'
	@touch $@ $(VENV)/.installed
