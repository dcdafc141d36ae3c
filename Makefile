# Every target creates the .venv it needs, once, from python3 alone.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
RANKS  ?= 2

.PHONY: demo test test-all test-peers check docs bench format clean
.DEFAULT_GOAL := demo

# Debian splits venv off python3: then virtualenv, the system's pip, or (as root) its package serve.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "moire needs Python 3.11 or newer, but $(PYTHON) is $$($(PYTHON) -V)."; exit 2; }
	@$(PYTHON) -m venv $(VENV) >/dev/null 2>&1 \
	  || $(PYTHON) -m virtualenv -q --clear $(VENV) >/dev/null 2>&1 \
	  || { $(PYTHON) -m venv --clear --without-pip $(VENV) && $(PYTHON) -m pip -q --python $(BIN)/python install pip; } \
	       >/dev/null 2>&1 \
	  || { [ "$$(id -u)" = 0 ] && apt-get -q update && apt-get -q -y install python3-venv \
	       && $(PYTHON) -m venv --clear $(VENV); } >/dev/null 2>&1 \
	  || { rm -rf $(VENV); echo "Could not create $(VENV): install the package python3-venv."; exit 2; }

$(VENV)/.run: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[mpi,test]'
	@touch $@

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[dev]'
	@touch $@ $(VENV)/.run

demo: $(VENV)/.run        ## the main job: a twist-angle sweep on 2 ranks
	$(BIN)/mpiexec -n $(RANKS) $(BIN)/moire sweep data/plans/demo.toml --output results/demo --plot

test: $(VENV)/.run        ## the default tests, seven minutes on two cores
	$(BIN)/python -m pytest

test-all: $(VENV)/.run    ## with the slow ones
	$(BIN)/python -m pytest -m 'not peers'

test-peers: $(VENV)/.run  ## against PythTB, Z2Pack, QuSpin, PySCF, block2, TeNPy and cpp_hf
	$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[mpi,test,peers]'
	$(BIN)/python -m pytest -m peers

check: $(VENV)/.dev       ## style, types, spelling, import contract
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/codespell
	$(BIN)/lint-imports

docs: $(VENV)/.dev        ## HTML in docs/_build/html
	$(BIN)/python -m sphinx -W --keep-going -q -j 2 docs docs/_build/html

bench: $(VENV)/.run       ## timings, each against its baseline in the same run
	for file in benchmarks/*.py; do $(BIN)/python -m benchmarks.$$(basename $$file .py); done

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) docs/_build build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
