# netproof: each target installs what it needs. Only git, make, python3 and python3-venv must be installed.
PYTHON ?= python3
VERSION := $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' checker/__init__.py)
IMAGE ?= ghcr.io/netproof/netproof:$(VERSION)
BUILD ?= docker build
LOAD ?= kind load docker-image
BIN := .venv/bin

help: ## list these targets
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 15

demo: .venv/runs ## find and report a violation, on loopback
	@$(BIN)/netproof demo

test: .venv/tests ## run all tests except those that need a cluster or the image; as root also those with network namespaces
	$(BIN)/pytest -n auto --ignore tests/e2e --cov --cov-report=

FUZZ_SECONDS ?= 120
fuzz: .venv/tests ## search for lists, YAML, DNS and HTTP answers that cause an error, for FUZZ_SECONDS
	FUZZ_SECONDS=$(FUZZ_SECONDS) $(BIN)/pytest tests/fuzz

coverage: .venv/tests ## show what the last `make test` covered; fails below the limit
	$(BIN)/coverage report

lint: .venv/tests ## run ruff, mypy and import-linter; check shell, YAML and workflow files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/shellcheck .ci/run benchmarks/peers/ncat.sh examples/kind.sh
	$(BIN)/yamllint --strict .
	$(BIN)/zizmor --quiet --offline .github
	@if command -v go >/dev/null; then $(MAKE) --silent .tools/actionlint && .tools/actionlint; else echo 'Skipped: actionlint, which Go builds'; fi

types: .venv/tests ## run only mypy
	$(BIN)/mypy

docs: .venv/tests ## build the documentation's site in dist/site; broken links are errors
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

e2e: .venv/tests image ## build the image, load it into the cluster of KUBECONFIG (with the command LOAD), and test real Jobs there
	$(LOAD) $(IMAGE)
	NETPROOF_IMAGE=$(IMAGE) $(BIN)/pytest -s tests/e2e tests/image

bench: .venv/tests ## measure speed and memory, and compare them with other tools and with the limits (root)
	PYTHONPATH=. $(BIN)/python benchmarks/run.py
	PYTHONPATH=. $(BIN)/python benchmarks/delivery.py
	PYTHONPATH=. $(BIN)/python benchmarks/suggest.py

image: ## build the image IMAGE with the command BUILD
	$(BUILD) --build-arg VERSION=$(VERSION) -t $(IMAGE) .

chart: .venv/tests ## lint the chart and render it, with real Helm
	$(BIN)/pytest tests/chart -n auto

kind: image ## create a kind cluster, and run the README's example in it (PLUGIN=calico, KUBERNETES=1.29)
	examples/kind.sh $(IMAGE)

# Pods reach this machine by the gateway of kind's Docker network.
e2e-kind: ## run the end-to-end tests on the cluster of `make kind`
	@mkdir -p .tools
	kind get kubeconfig --name netproof > .tools/kubeconfig
	NETPROOF_OUTSIDE_RUN= NETPROOF_OUTSIDE_ADDRESS=$$(docker network inspect kind \
	  --format '{{range .IPAM.Config}}{{println .Gateway}}{{end}}' | grep -m1 -F .) \
	KUBECONFIG=$(CURDIR)/.tools/kubeconfig $(MAKE) e2e LOAD='kind load docker-image --name netproof'

# A version in a lock file stays until it no longer fits the bounds. `make lock UPGRADE=--upgrade` takes the newest versions.
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header $(UPGRADE)
lock: .venv/tests ## write the lock files from pyproject.toml
	$(COMPILE) pyproject.toml -o requirements.lock
	$(COMPILE) pyproject.toml --group dev --group docs --constraint requirements.lock -o requirements-dev.lock
	$(COMPILE) --group build -o requirements-build.lock

# Ubuntu has Chromium only as a snap: there, the tests of the page are skipped.
CHROMIUM = $$(apt-cache search --names-only '^chromium$$' | cut -d' ' -f1)
debian: ## install the packages of Debian or Ubuntu that the tests need (root)
	apt-get update -q >/dev/null
	DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
	  git golang-go python3 python3-venv iproute2 nftables default-jre-headless prometheus $(CHROMIUM) >/dev/null

# renovate: datasource=go depName=github.com/rhysd/actionlint
ACTIONLINT = v1.7.7
.tools/actionlint: Makefile
	GOBIN=$(CURDIR)/.tools go install github.com/rhysd/actionlint/cmd/actionlint@$(ACTIONLINT)
	@touch $@

.venv/runs: requirements.lock requirements-build.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo 'netproof needs Python 3.11 or newer: make PYTHON=python3.13 …'; exit 2; }
	@$(PYTHON) -m venv --clear .venv || { echo 'Debian and Ubuntu: apt-get install python3-venv'; exit 2; }
	@echo 'Installing netproof into .venv …'
	@$(BIN)/pip install --quiet --no-deps --require-hashes -r requirements.lock -r requirements-build.lock
	@$(BIN)/pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

.venv/tests: .venv/runs requirements-dev.lock
	@echo 'Installing what the tests need into .venv …'
	@$(BIN)/pip install --quiet --no-deps --require-hashes -r requirements-dev.lock
	@touch $@

.PHONY: help demo test fuzz coverage lint types docs e2e bench image chart kind e2e-kind lock debian
include release/targets.mk
