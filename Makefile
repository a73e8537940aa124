# Everything here also works without make: each recipe is one or two plain commands.
PYTHON    ?= python3
BIN       := .venv/bin
BOOTSTRAP := $(PYTHON) notifysite/stack/bootstrap.py
STACK     := $(BIN)/python -m notifysite.stack
COMPILE   := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras \
             --no-emit-index-url --no-emit-find-links --custom-compile-command "make requirements"

BENCH     := var/bench-venv
UV        := $(shell command -v uv)
BENCH_PIP := $(if $(UV),$(UV) pip install --quiet --python $(BENCH)/bin/python,\
             $(BENCH)/bin/python -m pip install -qq --disable-pip-version-check --no-input)

.DEFAULT_GOAL := help
.PHONY: help run demo stop status test chaos bench lint check audit requirements

help:  ## show what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' Makefile
	@echo "  PORT (8000), NOTIFYSITE_VAR (var) and ARGS (for pytest) may be set, as in: make run PORT=8001"

run:  ## start all of it in the foreground; Ctrl-C stops it, the data stays
	@$(BOOTSTRAP) embedded
	@$(STACK) run

demo:  ## start all of it, send on every channel, succeed only if all arrived, stop
	@$(BOOTSTRAP) embedded
	@$(STACK) demo

stop:  ## stop what runs in another terminal
	@$(STACK) stop

status:  ## say what runs
	@$(STACK) status

test:  ## run all tests beside servers of their own
	@$(BOOTSTRAP) dev
	@$(STACK) prepare
	@$(STACK) services --for-tests -- $(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

chaos:  ## break servers and processes of its own, and count what was lost: an hour or more
	@$(BOOTSTRAP) dev
	@$(STACK) prepare
	$(BIN)/python -m pytest tests/chaos -m chaos -v $(ARGS)

bench:  ## measure, beside peers that only var/bench-venv holds: two hours; ARGS="bulk --scale 0.1"
	@$(BOOTSTRAP) embedded
	@test -x $(BENCH)/bin/python || $(if $(UV),$(UV) venv --quiet --python $(BIN)/python,$(BIN)/python -m venv) $(BENCH)
	@$(BENCH_PIP) --require-hashes -r requirements/base.txt -r requirements/embedded.txt
	@$(BENCH_PIP) -r bench/requirements.txt
	@$(STACK) services -- $(BENCH)/bin/python -m bench --keep "$${NOTIFYSITE_VAR:-var}/bench" $(ARGS)

lint:  ## check style, types, layers, templates, containers and migrations
	@$(BOOTSTRAP) dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	@test -z "$$(find templates -name '*.html' 2>/dev/null)" || $(BIN)/djlint --check --lint templates
	$(BIN)/hadolint deploy/Dockerfile
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.compose-spec deploy/compose.yaml
	$(STACK) services -- $(BIN)/python manage.py makemigrations --check --dry-run notifications preferences delivery

check: lint test audit  ## what has to pass before a change is merged

audit:  ## look up known vulnerabilities of what we depend on
	@$(BOOTSTRAP) dev
	@$(STACK) audit

requirements:  ## compile requirements/*.in; UPGRADE=--upgrade takes newer versions
	@$(BOOTSTRAP) dev
	$(foreach set,base embedded dev,$(COMPILE) $(UPGRADE) requirements/$(set).in -o requirements/$(set).txt &&) true
