# The whole life of this repository in one word each; `make help` lists them.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run test check fast-check fix ci docs bench

# The first Python on the PATH that is new enough; `make PYTHON=… run` overrides it.
PYTHON ?= $(shell for name in python3 python3.11 python3.12 python3.13 python3.14 python; do \
	"$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { echo "$$name"; break; }; done)
BIN := .venv/bin
TESTERS ?= 3
INSTALLED := .venv/installed

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(INSTALLED) ## install, then everything embedded: SQLite, Redis, gateway and worker
	@exec $(BIN)/topup dev

# Much of a test is waiting, so there is room for more of them than cores.
test: $(INSTALLED) ## the whole suite; PostgreSQL and Redis too where TEST_DATABASE_URL, TEST_REDIS_URL say
	$(BIN)/python -m pytest -n $(TESTERS) --dist worksteal $(ARGS)

check: $(INSTALLED) ## what must hold before a commit: lint, format, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fast-check: $(INSTALLED) ## the part of check that takes a second: lint and format
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .

ci: ## what CI runs, with a PostgreSQL and a Redis of its own
	@exec bash .ci/run

docs: $(INSTALLED) ## write docs/cli.md anew from the commands themselves
	$(BIN)/python -m cli.reference > docs/cli.md

fix: $(INSTALLED) ## repair what a machine can: lint and format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(INSTALLED) ## every measurement of docs/performance.md, quick; ARGS=--full for the kept ones
	@exec $(BIN)/python -m bench $(ARGS)

# Only the locked set is installed, each file by its hash; the project itself is linked in place.
$(INSTALLED): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed on the PATH"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { \
		rm -rf .venv; echo "On Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@echo "installing into .venv"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--no-deps --no-build-isolation -e .
	@touch $@
