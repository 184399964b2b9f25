# Every command sets up what it needs. `make` alone lists them.
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
BIN := .venv/bin
READY := .venv/ready
# PORT, POLICY and the like have their defaults in the commands: make hands on what it is given, and nothing else.

.PHONY: help setup demo up down sandbox test test-unit test-browser test-clients test-load bench bench-quick lint format build deploy docs lock clean

help: ## List the commands
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  Options of demo and up: POLICY=path PORT=3000 WORKERS=2 UPSTREAM=url; of sandbox: SANDBOX=path PORT=3002"

setup: $(READY) ## Make .venv and install what is locked
$(READY): requirements.txt requirements-dev.txt requirements-sam.txt pyproject.toml clients/python/pyproject.toml local/bootstrap.py
	@python3 local/bootstrap.py

demo: $(READY) ## Start everything, perform one narrated exchange, keep serving
	@$(BIN)/python -m local demo

up: $(READY) ## Start the stack in the background; .local/stack.json says where
	@$(BIN)/python -m local up

down: $(READY) ## Stop the stack
	@$(BIN)/python -m local down

sandbox: $(READY) ## Start the api2 sandbox alone, until Ctrl-C
	@$(BIN)/python -m local.sandbox

test: lint ## Run all tests
	@$(BIN)/python -m pytest -n 2

test-unit: $(READY) ## Run the tests that need no stack
	@$(BIN)/python -m pytest -n 2 tests/unit

test-browser: $(READY) ## Test pages in Chromium: their long life, on the whole stack
	@$(BIN)/python -m pytest -n 2 --dist loadfile --timeout 300 tests/browser

test-clients: $(READY) ## Test the Python client and the command as wheels, on every Python of this machine
	@$(BIN)/python -m pytest -n 2 tests/clients

test-load: $(READY) ## Send many events through the stack while its parts fail: none is lost, none is made twice
	@$(BIN)/python -m pytest -n 0 tests/load

bench: $(READY) ## Measure everything, and write docs/performance.md (some ten minutes)
	@$(BIN)/python -m tests.bench

bench-quick: $(READY) ## Measure in three minutes; fails when a ratio is past its ceiling
	@$(BIN)/python -m tests.bench --quick

lint: $(READY) ## Check style and types
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy
	@$(BIN)/mypy --python-version 3.11 clients/python/src

format: $(READY) ## Put the code in form
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

# "$$ENV" is the shell's variable. Make's own $(ENV) would be pasted into the command, and a value could end its quotes.
build: $(READY) ## Build the deployable artifact (sam build); ENV=name and POLICY=path say of what
	@$(BIN)/python -m infra.build $(if $(ENV),--env="$$ENV") $(if $(POLICY),--policy="$$POLICY")

deploy: $(READY) ## Check, build, deploy and compare what answers with what was built; ENV=name of samconfig.toml
	@$(BIN)/python -m infra.deploy -- "$$ENV"

docs: $(READY) ## Write the policy's schema and reference page anew, and photograph the demo page
	@$(BIN)/python -m token_broker.policy.reference docs
	@$(BIN)/python -m tests.browser.pictures docs/frontends

lock: $(READY) ## Write the lock files anew from pyproject.toml
	@$(BIN)/uv pip compile -q --group function --universal --python-version 3.13 --generate-hashes --no-emit-index-url --no-header -o requirements.txt
	@$(BIN)/uv pip compile -q pyproject.toml --group dev -c requirements.txt --no-emit-package transloadit-token-broker-client --universal --python-version 3.13 --generate-hashes --no-emit-index-url --no-header -o requirements-dev.txt
	@$(BIN)/uv pip compile -q --group sam --universal --python-version 3.13 --generate-hashes --no-emit-index-url --no-header -o requirements-sam.txt
	@$(BIN)/uv pip compile -q --group conventional -c requirements-dev.txt --universal --python-version 3.13 --generate-hashes --no-emit-index-url --no-header -o tests/bench/conventional/requirements.txt
	@$(BIN)/uv pip compile -q --group conventional-events -c requirements-dev.txt --universal --python-version 3.13 --generate-hashes --no-emit-index-url --no-header -o tests/bench/conventional_events/requirements.txt
	@$(BIN)/uv pip compile -q --group clients --universal --python-version 3.13 --generate-hashes --no-emit-index-url --no-header -o tests/conformance/clients/requirements.txt
	@$(BIN)/uv pip compile -q --group batch -c requirements.txt --universal --python-version 3.13 --generate-hashes --no-emit-index-url --no-header -o examples/batch/requirements.txt
	@$(BIN)/uv pip compile -q --group pipeline --universal --python-version 3.13 --generate-hashes --no-emit-index-url --no-header -o examples/pipeline/requirements.txt
	@$(BIN)/uv pip compile -q --group durable -c examples/pipeline/requirements.txt --universal --python-version 3.13 --generate-hashes --no-emit-index-url --no-header -o tests/kit/durable/requirements.txt

clean: ## Remove all that was made here
	@rm -rf .venv .local .aws-sam
