# netproof: every target sets up what it needs; nothing needs to be installed by hand but git, python3, python3-venv and make.
PYTHON ?= python3
VERSION := $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' checker/__init__.py)
IMAGE ?= ghcr.io/netproof/netproof:$(VERSION)
BUILD ?= docker build
LOAD ?= kind load docker-image
BIN := .venv/bin

help: ## list the targets
	@sed -n 's/^\([a-z0-9]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

demo: .venv/runs ## see a violation caught and told, on loopback
	@$(BIN)/netproof demo

test: .venv/tests ## all tests but those that need a cluster or the image; root adds the network namespaces
	$(BIN)/pytest -n auto --ignore tests/e2e

lint: .venv/tests ## ruff, mypy, import-linter, and the shell and YAML files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/shellcheck .ci/run benchmarks/peers/ncat.sh
	$(BIN)/yamllint --strict .

types: .venv/tests ## mypy alone
	$(BIN)/mypy

e2e: .venv/tests image ## build the image, load it into the cluster of KUBECONFIG (LOAD names how), and watch real Jobs there
	$(LOAD) $(IMAGE)
	NETPROOF_IMAGE=$(IMAGE) $(BIN)/pytest -s tests/e2e tests/image

bench: .venv/tests ## speed and size, against peers and the limits, in one run (root)
	PYTHONPATH=. $(BIN)/python benchmarks/run.py
	PYTHONPATH=. $(BIN)/python benchmarks/delivery.py

image: ## build the image (BUILD names how, IMAGE what)
	$(BUILD) --build-arg VERSION=$(VERSION) -t $(IMAGE) .

chart: .venv/tests ## lint the chart and render it, with real Helm
	$(BIN)/pytest tests/chart -n auto

# A lock file keeps its versions until one no longer fits; `make lock UPGRADE=--upgrade` takes the newest of everything.
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header $(UPGRADE)
lock: .venv/tests ## make the lock files anew from pyproject.toml
	$(COMPILE) pyproject.toml -o requirements.lock
	$(COMPILE) pyproject.toml --group dev --group docs --constraint requirements.lock -o requirements-dev.lock
	$(COMPILE) --group build -o requirements-build.lock

.venv/runs: requirements.lock requirements-build.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo 'netproof needs Python 3.11 or newer: make PYTHON=python3.13 …'; exit 2; }
	@$(PYTHON) -m venv --clear .venv || { echo 'Debian and Ubuntu: apt-get install python3-venv'; exit 2; }
	@echo 'Installing netproof into .venv …'
	@$(BIN)/pip install --quiet --require-hashes -r requirements.lock -r requirements-build.lock
	@$(BIN)/pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

.venv/tests: .venv/runs requirements-dev.lock
	@echo 'Installing what the tests need into .venv …'
	@$(BIN)/pip install --quiet --require-hashes -r requirements-dev.lock
	@touch $@

.PHONY: help demo test lint types e2e bench image chart lock
