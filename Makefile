# Everything runs inside .venv, which the first command makes.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: dist gallery lowest pure compare test check lint types layers docs bench fuzz fuzz-engine fuzz-kernel upstream simgrid clean league memory

# SimGrid takes part where Debian's module is installed. Nothing is echoed on the way to it: what is printed begins with the verdict.
compare: $(VENV)/installed
	@$(BIN)/versim compare

test: $(VENV)/installed-dev
	$(BIN)/python -m pytest -n auto --dist worksteal

# What continuous integration runs.
check: lint types layers test

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/installed-dev
	$(BIN)/mypy

layers: $(VENV)/installed-dev
	$(BIN)/lint-imports

docs: $(VENV)/installed-dev
	$(BIN)/sphinx-build -W --keep-going -q -b html docs site

# The SimGrid plugin is a distribution of its own; its tests run SimGrid where it is installed.
simgrid: $(VENV)/installed-dev
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable plugins/simgrid
	$(BIN)/lint-imports --config plugins/simgrid/pyproject.toml
	$(BIN)/python -m pytest plugins/simgrid/tests -q -c plugins/simgrid/pyproject.toml

# The suite on the lowest versions that pyproject.toml declares, in an environment of its own.
lowest:
	$(PYTHON) -m venv $(VENV)-lowest
	$(VENV)-lowest/bin/pip install --quiet --disable-pip-version-check $$($(PYTHON) tools/lowest.py) \
	  --editable . 'pytest>=8.2' 'pytest-xdist>=3.6' 'hypothesis>=6.100' 'jsonschema>=4.22' \
	  'hatchling>=1.24' 'ruff>=0.8'
	$(VENV)-lowest/bin/pip install --quiet --disable-pip-version-check --no-deps --editable proof
	$(VENV)-lowest/bin/python -m pytest -n auto --dist worksteal -o filterwarnings=default -q

# The whole suite as where there is no compiler: twice as long.
pure: $(VENV)/installed-dev
	VERSIM_KERNEL=off $(BIN)/python -m pytest -n auto --dist worksteal -q

# Damaged traces, and scenarios, traces, reports and records that are nearly right, by the ten thousand; a hundred kills.
# The suite runs a few hundred of them.
fuzz: $(VENV)/installed-dev
	$(BIN)/python tests/fuzz/traces.py --inputs 20000
	$(BIN)/python tests/fuzz/structured.py --inputs 20000
	$(BIN)/python tests/fuzz/kills.py --kills 100
	$(BIN)/python tests/fuzz/sweep_kills.py --kills 50

# Random cases on the embedded engine and on the real ASTRA-sim that ASTRA_SIM_BIN or ASTRA_SIM_HOME names.
fuzz-engine: $(VENV)/installed-dev
	$(BIN)/python tests/fuzz/engine.py --inputs 2200

# All files that ASTRA-sim ships, in every combination, beside the real program; skipped where ASTRA_SIM_HOME names none.
upstream: $(VENV)/installed-dev
	$(BIN)/python tests/fuzz/upstream.py

# Random cases on the compiled engine and on the readable one, and folded and rank by rank, ties forced.
fuzz-kernel: $(VENV)/installed-dev
	$(BIN)/python tests/fuzz/kernel.py --inputs 20000
	$(BIN)/python tests/fuzz/folded.py --inputs 20000

# The league over run records, and its page: make league RUNS="runs/*.csv"
league: $(VENV)/installed-dev
	$(BIN)/versim measured $(RUNS) -f json -o league.json
	$(BIN)/python tools/league_page.py league.json
	$(BIN)/python tools/league_choices.py -j 2

# Predicted memory against what runs measured: make memory RUNS="runs/*.csv"
memory: $(VENV)/installed-dev
	$(BIN)/versim measured $(RUNS) --memory

# The pictures of README and docs/gallery.md, as Chromium shows the pages.
gallery: $(VENV)/installed-dev
	$(BIN)/python tools/gallery.py

# Sources and wheels of all distributions, into dist/; tools/release.py says what has to be right before.
dist: $(VENV)/installed-dev
	$(BIN)/python tools/release.py

bench: $(VENV)/installed-dev
	for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

$(VENV)/bin/python:
	@$(PYTHON) -m venv $(VENV)

$(VENV)/installed: pyproject.toml | $(VENV)/bin/python
	@echo "Installing versim and what it needs into $(VENV): a minute or two, once. Most of it comes with mlc-chakra." >&2
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	@! $${SIMGRID_PYTHON:-/usr/bin/python3} -c 'import simgrid' 2>/dev/null || $(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable plugins/simgrid
	@touch $@

# Proof is a distribution of its own: it reads the reference tables that tests and `versim verify` hold versim against.
$(VENV)/installed-dev: pyproject.toml proof/pyproject.toml | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable proof
	touch $@ $(VENV)/installed

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
