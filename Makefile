# From a fresh clone to a search or a test run, as an ordinary user.
#
#   make search       install, obtain Fashion-MNIST, run a 40-network search
#   make test         install with the development extras, lint, types, import contracts, tests
#   make docs         the documentation as HTML, in docs/_build
#   make benchmarks   programs behind the figures in README.md that need no argument; for hours
#   make clean        remove what `make` made, runs and data excepted

PYTHON      ?= python3
VENV        := .venv
BIN         := $(VENV)/bin
INSTALL     := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt
# pip would compile 20,000 files on one core, of which a quarter is ever imported: the first import
# of each does it, once.
unexport PYTHONDONTWRITEBYTECODE

SPACE       ?= lru_vgnet
BUDGET      ?= 40
DATA        ?= fashion_mnist
# pytest-xdist processes, one more than two cores: the one with Ray's tests mostly waits. A file's
# tests share one; those that share more, as a Ray, carry the mark xdist_group("ray").
PYTEST_JOBS ?= 3
PYTEST_ARGS ?=

# Others need a verb, another tree or 20 GB of disk, or write what results/ publishes.
BENCHMARKS  := exact_costs ask ring_generation scale ladder zero_cost engine_overhead training \
               full_training gpu_sharing latency samplers inheritance shared_ring

DEBIAN_DATA := /usr/share/datasets/fashion-mnist
LOCAL_DATA  := data/fashion-mnist

.PHONY: search test lint data docs benchmarks clean
.DELETE_ON_ERROR:

search: $(VENV)/.installed data
	$(BIN)/nas search --space $(SPACE) --budget $(BUDGET) --data $(DATA)

test: lint
	$(BIN)/python -m compileall -q nas  # once, and not in each of the processes that tests start
	OMP_NUM_THREADS=1 $(BIN)/pytest -n $(PYTEST_JOBS) --dist loadgroup $(PYTEST_ARGS)

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --num-workers 2 || $(BIN)/mypy  # on a busy machine its workers miss their three seconds
	$(BIN)/lint-imports

docs: $(VENV)/.installed-dev
	$(INSTALL) -e '.[docs]'
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build
	@echo "docs/_build/index.html"

benchmarks: $(VENV)/.installed-dev data
	@set -e; for name in $(BENCHMARKS); do echo "== $$name"; $(BIN)/python benchmarks/$$name.py; done

# --- installation: redone only when what is to be installed has changed ----------------------

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "make: $(PYTHON) is older than Python 3.11; name a newer one: make PYTHON=python3.12" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "make: $(PYTHON) cannot make a virtual environment; on Debian: apt install python3-venv" >&2; exit 2; }

$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL) -e '.[onnx]'
	@touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL) -e '.[dev]'
	@touch $@ $(VENV)/.installed

# --- Fashion-MNIST without root: Debian's package, unpacked here -----------------------------

data:
	@if [ -d $(DEBIAN_DATA) ] || [ -d $(LOCAL_DATA) ]; then exit 0; fi; \
	mkdir -p data/deb && cd data/deb && \
	if apt-get download dataset-fashion-mnist >apt.log 2>&1 && dpkg -x dataset-fashion-mnist_*.deb .; then \
	  mv .$(DEBIAN_DATA) $(CURDIR)/$(LOCAL_DATA) && cd .. && rm -rf deb && \
	  echo "Fashion-MNIST: Debian's package, unpacked into $(LOCAL_DATA)"; \
	else \
	  echo "Fashion-MNIST: Debian's package dataset-fashion-mnist is out of reach (data/deb/apt.log;"; \
	  echo "  'sudo apt-get update' may help). torchvision will try to download it at first use."; \
	fi

clean:
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find nas tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
