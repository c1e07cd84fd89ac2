# Two commands do everything: `make serve` and `make test`. Each sets up what it needs in .venv first.
PYTHON ?= python3
VENV ?= .venv
# Twelve grown-ups; `make faces SEEDS=1-12` makes others.
SEEDS ?= 4,10,18,21,25,28,45,53,67,68,77,94
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: help serve faces test test-slow test-tensorflow check check-deploy format bench bench-servers docs clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.core: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable .
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable '.[dev,train,video,c2pa,postgres,web,onnx,bulk]'
	@touch $@ $(VENV)/.core

$(VENV)/.site: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable '.[web,video,c2pa]'
	@touch $@ $(VENV)/.core

serve: $(VENV)/.site  ## the site with real faces, on this machine only: http://127.0.0.1:8000/
	$(BIN)/nobodies serve

faces: $(VENV)/.core  ## twelve portraits at 1024 px and a contact sheet, in faces/
	$(BIN)/nobodies generate --seeds $(SEEDS) --out faces --sheet --manifest

test: $(VENV)/.dev  ## what must hold before anything lands
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -n auto --dist loadfile

test-slow: $(VENV)/.dev  ## the tests that take minutes
	$(BIN)/pytest -m slow

$(VENV)/.tensorflow: $(VENV)/.dev
	$(PIP) --editable '.[tensorflow]'
	@touch $@

test-tensorflow: $(VENV)/.tensorflow  ## exports to TensorFlow and LiteRT, in their own runtimes; fetches 300 MB
	$(BIN)/pytest -m slow tests/exports/test_tensorflow.py

check: $(VENV)/.dev  ## style and types only
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.dev  ## put the code in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.dev  ## print the figures of docs/results.md; asserts nothing
	$(BIN)/nobodies bench

bench-servers: $(VENV)/.dev  ## two servers, nginx and PostgreSQL under load while things go wrong
	$(BIN)/python -m benchmarks.servers

check-deploy: $(VENV)/.dev  ## what can be checked of deploy/ without the systems it is for
	$(PIP) check-jsonschema kubernetes-validate
	$(BIN)/python tools/check_deploy.py

docs: $(VENV)/.dev  ## write docs/reference anew from --help, settings and docstrings
	$(BIN)/python tools/build_reference.py

clean:  ## remove what the targets above made, the downloaded weights excepted
	rm -rf $(VENV) faces build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
