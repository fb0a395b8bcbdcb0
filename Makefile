# `make` alone lists what can be done. Options of a command go in ARGS: make demo ARGS="--http-port 9000"

PYTHON ?= python3
BIN := .venv/bin
BENCH ?= press
BOOTSTRAP = command -v $(PYTHON) > /dev/null || { echo "Install Python 3.11 or newer, then start again." >&2; exit 1; }; \
	exec $(PYTHON) deploy/bootstrap.py
# Or each process that a test starts would compile again what the one before it had compiled.
WRITE_BYTECODE = PYTHONDONTWRITEBYTECODE=
.DEFAULT_GOAL := help
.PHONY: help demo test check check-lint check-types check-imports check-web unit bench soak lock web ready clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## everything on this machine, from nothing: database, broker, station screen, virtual devices
	@$(BOOTSTRAP) demo $(ARGS)

test: check ## checks, then every test, with a real broker, database and browser
	$(WRITE_BYTECODE) $(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)

check: ready ## linter, types, import contracts, the browser app's own checks
	@$(MAKE) --no-print-directory --output-sync --jobs 2 check-lint check-types check-imports check-web

check-lint:
	$(BIN)/ruff check .
check-types:
	$(BIN)/mypy
check-imports:
	$(BIN)/lint-imports
check-web:
	cd services/web && PATH="$(CURDIR)/$(BIN):$$PATH" npm run --silent check
	cd services/web && PATH="$(CURDIR)/$(BIN):$$PATH" npm run --silent test

unit: ready ## the quick tests: no server, no browser
	$(BIN)/pytest tests/unit $(ARGS)

bench: ready ## measures: make bench BENCH=press
	$(BIN)/python -m tests.load.$(BENCH) $(ARGS)

soak: ready ## every test again with a hundred times the fuzzing, an hour of it guided, and those that take long
	ANHU_SOAK_SECONDS=$${ANHU_SOAK_SECONDS:-3600} $(BIN)/pytest --hypothesis-profile=soak --timeout=7200 -m "" $(ARGS)

web: ## builds the browser app
	@$(BOOTSTRAP) web

lock: ready ## pins the newest packages that fit pyproject.toml: make lock ARGS=--upgrade
	$(LOCK) pyproject.toml -o requirements.lock
	$(LOCK) --group build -c requirements.lock -o requirements-build.lock
	$(LOCK) pyproject.toml --extra dev --group build -c requirements.lock -c requirements-build.lock -o requirements-dev.lock

# By hash, for every system and Python from 3.11 on, without the address of a registry.
LOCK = UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-emit-find-links $(ARGS)

ready:
	@$(BOOTSTRAP) test

clean: ## removes what can be made again, and the demo's data
	rm -rf .venv build demo-data test-results services/web/dist services/web/node_modules *.egg-info
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
