# make setup | demo | test | test-long | lint | types | format | lock | bench | chaos | clean
PYTHON ?= python3
BIN := .venv/bin
ROOMS := tidemark checks flows deployments commands demo bench tests

.PHONY: setup demo test test-long lint types format docs picture lock clean
.DELETE_ON_ERROR:

setup: .venv/ready

.venv/ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Tidemark needs Python 3.11 or newer; name one: make setup PYTHON=python3.12" >&2; exit 2; }
	@rm -rf .venv
	@$(PYTHON) -m venv .venv
	@echo "installing from requirements.lock (a minute or two, once)"
	@if command -v uv >/dev/null 2>&1; then \
	  VIRTUAL_ENV=.venv uv pip install --quiet --compile-bytecode --require-hashes -r requirements.lock && \
	  VIRTUAL_ENV=.venv uv pip install --quiet --no-build-isolation --no-deps -e .; \
	else \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock && \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .; \
	fi
	@$(BIN)/python -m compileall -q $(ROOMS)
	@touch $@

demo: setup
	@$(BIN)/python -m demo $(if $(KEEP),--keep)

test: setup
	@$(BIN)/python -m pytest -m "not long"

# what waits for minutes: leases that end, servers that are lost, whole demonstrations
test-long: setup
	@$(BIN)/python -m pytest -m long

lint: setup
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: setup
	@$(BIN)/mypy

docs: setup
	@$(BIN)/python -m docs.generate_commands
	@$(BIN)/python -m docs.generate_checks

picture: setup
	@$(BIN)/python -m docs.pictures.capture

format: setup
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

lock:
	@command -v uv >/dev/null 2>&1 || { echo "make lock needs uv: $(PYTHON) -m pip install uv" >&2; exit 2; }
	@uv pip compile --quiet --universal --upgrade --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate \
	  --python-version 3.11 --group dev pyproject.toml --output-file requirements.lock

# as root the embedded database keeps its data in /var/lib/tidemark: removed too, for both homes
clean:
	@if [ -x $(BIN)/python ]; then $(BIN)/python -c 'from pathlib import Path; \
	  from deployments.prefect_server import stop_server; from tidemark.embedded import remove_server; \
	  [(stop_server(home), remove_server(home)) for home in (Path(".tidemark"), Path(".tidemark/demo"))]'; fi
	@rm -rf .venv .tidemark .bench build *.egg-info

# environments of the benchmark: made anew when their lock changes
.bench/%/ready: bench/environments/%.txt
	@rm -rf .bench/$*
	@$(PYTHON) -m venv .bench/$*
	@echo "installing from $<"
	@if command -v uv >/dev/null 2>&1; then \
	  VIRTUAL_ENV=.bench/$* uv pip install --quiet --compile-bytecode --require-hashes -r $<; \
	else \
	  .bench/$*/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<; \
	fi
	@touch $@

.PHONY: bench bench-small bench-trials bench-page bench-lock profile

bench: setup .bench/dlt/ready .bench/to_sql/ready .bench/picture/ready
	@$(BIN)/python -m bench
	@$(MAKE) --no-print-directory bench-page

bench-small: setup .bench/to_sql/ready
	@$(BIN)/python -m bench --small $(if $(COMMIT),--commit)

# other ways to do what we do, beside ours: bench/trials.json
bench-trials: setup
	@$(BIN)/python -m bench.trials

# the gate on clean months and corrupted copies of them: about an hour; one that was stopped goes on where it was
.PHONY: bench-gate bench-gate-small
bench-gate: setup
	@$(BIN)/python -m bench.gate

# about ten minutes; fails when the gate rejects a clean month, or misses much
bench-gate-small: setup
	@$(BIN)/python -m bench.gate --small

bench-page: setup .bench/picture/ready
	@$(BIN)/python -m bench.page
	@.bench/picture/bin/python -P bench/chart.py

bench-lock:
	@command -v uv >/dev/null 2>&1 || { echo "make bench-lock needs uv: $(PYTHON) -m pip install uv" >&2; exit 2; }
	@for name in dlt to_sql picture; do \
	  uv pip compile --quiet --universal --upgrade --generate-hashes --no-emit-index-url --no-emit-find-links --no-header \
	    --no-annotate --python-version 3.11 bench/environments/$$name.in --output-file bench/environments/$$name.txt || exit 1; \
	done

# docs/pictures/profile.svg: where the seconds of a month and of a backfill go; .bench/profile/command.svg: a flame graph
profile: setup .bench/picture/ready
	@$(BIN)/python -m bench.profile
	@.bench/picture/bin/python -P bench/timeline.py

# loaders killed at random: make chaos SEED=7 N=50; with RECORD=docs/reliability.md its table is renewed
.PHONY: chaos
chaos: setup
	@$(BIN)/python -m tests.faults.chaos --seed $(or $(SEED),7) --rounds $(or $(N),50) $(if $(RECORD),--record $(RECORD))
