# The commands of a checkout. Anything else: .venv/bin/python manage.py help

# The first that runs; python3.11 is what constraints.txt was tested with. A shim may exist without running.
PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3; do $$name -c '' 2>/dev/null && echo $$name && break; done)
PORT ?= 8000
TESTS ?= tests
OPTIONS ?=
KILLS ?= 200
POSTGRESQL ?= postgres://postgres@127.0.0.1:5432/nasportal
REDIS ?= redis://127.0.0.1:6379/5
BENCH ?=
export PORT TORCH_INDEX_URL

.PHONY: base install run wheel test test-slow test-all mutants test-postgresql bench extra lint types imports format chaos docs docs-check

base: ## .venv with all that the portal needs, without what only tests and checks need
	@$(if $(PYTHON),$(PYTHON) nasportal/setup/install.py base,echo "NAS Portal needs Python 3.11 or newer, and no python3 was found: install one." >&2; exit 2)

install: ## .venv with everything; a second call takes a second
	@$(if $(PYTHON),$(PYTHON) nasportal/setup/install.py,echo "NAS Portal needs Python 3.11 or newer, and no python3 was found: install one." >&2; exit 2)

run: base ## the portal on 127.0.0.1:$(PORT), until Ctrl-C
	@exec .venv/bin/python manage.py up

test: install ## the fast tests, about five minutes; TESTS=tests/areas and OPTIONS=-x narrow it
	.venv/bin/python -m pytest -n 2 --dist worksteal -m "not slow or chain" $(OPTIONS) $(TESTS)

test-slow: install ## the tests that `make test` leaves out
	.venv/bin/python -m pytest -n 2 --dist loadfile -m "slow and not chain" $(OPTIONS) $(TESTS)

test-all: test test-slow ## every test

mutants: install ## twelve faults put into the core: each must be caught by its area's tests; about five minutes
	@.venv/bin/python -m tests.mutants

test-postgresql: install ## the same suite with its rows in PostgreSQL, its cache and channel layer in Redis
	DATABASE_URL=$(POSTGRESQL) REDIS_URL=$(REDIS) .venv/bin/python -m pytest -n 2 --dist loadfile $(OPTIONS) $(TESTS)

bench: install ## ratios within one run, as JSON in bench-results/; BENCH=architectures narrows it
	@.venv/bin/python -m bench $(BENCH)

extra: base ## an optional framework in an environment of its own: make extra NAME=openvino
	@.venv/bin/python -m codegen.extras $(NAME)

wheel: install ## dist/nas_portal-VERSION.whl, which runs without the checkout
	rm -rf build # what an earlier version left there would come along
	.venv/bin/python -m build --no-isolation --wheel

lint: install
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .

types: install
	.venv/bin/mypy

imports: install
	.venv/bin/lint-imports

format: install
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

chaos: install ## KILLS kills and pauses over whole searches; the last line on stdout tells what came of it
	@.venv/bin/python -m tests.chaos --kills $(KILLS)

docs: install ## writes the generated part of docs/: the reference and the index
	@.venv/bin/python -m docs.generate

docs-check: install ## fails if the generated part of docs/ is stale
	@.venv/bin/python -m docs.generate --check
