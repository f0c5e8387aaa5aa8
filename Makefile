PORT ?= 8080
JOBS ?= auto
BIN := .venv/bin
CODE := bot channels inbox routing web
CHECKED := $(CODE) benchmarks tests .ci/setup
# Each job has a mongod, a Valkey and perhaps a Chromium beside it. What fails there is tried once more by itself; what
# passes then has been named above, and is a race to be mended, in the product or in its test.
ALONE = echo 'Once more, alone:' && $(BIN)/pytest --last-failed --last-failed-no-failures none --maxfail 5 $(ARGS)

.DEFAULT_GOAL := help
.PHONY: help run test test-slow lint format bench bench-search train lock

help:
	@echo 'Use it'
	@echo '  make run [PORT=8080]       set up and start the demo: server, databases, sandbox, a shop with data'
	@echo
	@echo 'Work on it'
	@echo '  make test [ARGS=…]         set up and run every test, browser tests included'
	@echo '  make test-slow             look much longer for an order of events that breaks a promise'
	@echo '  make lint                  ruff, mypy, the layer rules, the templates'
	@echo '  make format                let ruff put the code in shape'
	@echo '  make bench [ARGS=…]        measure the server, searching, and routing on simulated days'
	@echo '  make bench-search          measure searching in a million messages'
	@echo '  make train                 learn to understand customers from bot/understanding/examples'
	@echo
	@echo 'Look after it'
	@echo '  make lock                  pin all packages anew, with hashes'

run:
	@.ci/setup run
	@exec $(BIN)/skrynka demo --port $(PORT)

test:
	@.ci/setup test
	$(BIN)/pytest -n $(JOBS) --dist worksteal $(ARGS) || { [ $$? -eq 1 ] && $(ALONE); }

test-slow:
	@.ci/setup test
	EXAMPLES=400 STRIDE=1 $(BIN)/pytest \
		tests/promises/test_people_machine.py tests/promises/test_routing_machine.py \
		tests/promises/test_between.py tests/promises/test_notices.py tests/promises/test_restart.py $(ARGS)

lint:
	@.ci/setup test
	$(BIN)/ruff check $(CHECKED)
	$(BIN)/ruff format --check $(CHECKED)
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/djlint --lint --quiet web/templates channels

format:
	@.ci/setup test
	$(BIN)/ruff check --fix-only $(CHECKED)
	$(BIN)/ruff format $(CHECKED)

bench:
	@.ci/setup test
	$(BIN)/python -m benchmarks $(ARGS)

bench-search:
	@.ci/setup test
	$(BIN)/python -m benchmarks.search $(ARGS)

train:
	@.ci/setup test
	$(BIN)/uv run --quiet --no-project --python $(BIN)/python --with-requirements requirements-training.txt \
		--with msgspec python -m bot.understanding.training
	$(BIN)/python -m benchmarks.understanding

COMPILE = $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock'

lock:
	@.ci/setup test
	$(COMPILE) pyproject.toml --extra embedded --group build -o requirements.txt
	$(COMPILE) pyproject.toml --all-extras --group build -c requirements.txt -o requirements-dev.txt
	$(COMPILE) --group node -o requirements-node.txt
	$(COMPILE) --group training -o requirements-training.txt
	cd web && npm update --package-lock-only
