# Everything a newcomer, a developer or the build machine does, one command each. `make help` lists them.

PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/.venv/bin:$(PATH)
SPEED ?= 1
MINUTES ?= 10
SIMULATED ?= 1000000
SEED ?= 1
V2X_DATA ?= ../shared/data
KERNELS := $(wildcard ext/*.pyx ext/*.pxi)
SOURCES := positioning intersections v2x tests bench examples

.DEFAULT_GOAL := help
.PHONY: help install demo test bench check debug-test track-score spat-score glosa-score accuracy signals-score signals-published bologna-score holding-score eta-score capacity soak guard-soak guard-mutants proto lock clean service-score

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

install: .venv/.built ## build the kernels and install everything into .venv

.venv/.locked: requirements.lock
	@.ci/system-packages $(PYTHON)
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	@touch $@

.venv/.built: .venv/.locked pyproject.toml $(KERNELS)
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

demo: install ## real traffic at a real crossing, from frames to warnings (SPEED=10 for haste, KEEP=1 to stay up, SCENARIO=bologna for its buses)
	$(BIN)/v2x demo --speed $(SPEED) $(if $(KEEP),--keep) $(if $(filter bologna,$(SCENARIO)),--buses $(V2X_DATA)/sumo/bologna/acosta_persontrips)

test: install ## all tests
	$(BIN)/python -m pytest

bench: install ## figures against their budgets, into build/bench.json
	@rm -f build/bench.json
	$(BIN)/python -m pytest bench --benchmark-disable-gc -q -s

check: install ## lint, types, import contract, wire contract, generated code fresh
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/cython-lint ext
	$(BIN)/buf lint proto
	$(BIN)/lint-imports
	$(BIN)/python -m tests.generated_code --check

debug-test: install ## the kernels under AddressSanitizer and UndefinedBehaviorSanitizer
	$(BIN)/python tests/debug/build_sanitized.py
	LD_PRELOAD="$$(gcc -print-file-name=libasan.so)" ASAN_OPTIONS=detect_leaks=0 V2X_SANITIZED=build/sanitized \
		$(BIN)/python -m pytest tests/debug -p no:cacheprovider

track-score: install ## ten minutes of the demo against the truth
	$(BIN)/python -m bench.track_score --seconds 600 --json build/track_score.json

spat-score: install ## SPaT against the lamps: promises kept, widths, likely times (V2X_DATA=../shared/data)
	$(BIN)/python -m bench.spat_score $(V2X_DATA)/sumo/resco/ingolstadt1

glosa-score: install ## speed advice on a generated corridor, with and without
	$(BIN)/python -m bench.glosa_score

accuracy: install ## fused positions against the truth of recorded drives (V2X_DATA=../shared/data)
	$(BIN)/python -m bench.accuracy --data $(V2X_DATA) --json build/accuracy.json

signals-score: install ## signal control on public maps into docs/results/signals.md (ARGS="--maps cologne1 --seeds 1")
	V2X_DATA=$(V2X_DATA) $(BIN)/python -m bench.signals_score $(ARGS)

signals-published: install ## the same beside published learned agents, on the SUMO they were published on
	@test -d build/sumo192/sumo || $(BIN)/python -m pip install --quiet --no-deps --target build/sumo192 eclipse-sumo==1.9.2
	V2X_DATA=$(V2X_DATA) $(BIN)/python -m bench.signals_published --sumo build/sumo192 $(ARGS)

bologna-score: install ## buses, cars and pedestrians of Bologna's morning peak (ARGS="--seeds 1 --arms program adaptive")
	V2X_DATA=$(V2X_DATA) $(BIN)/python -m bench.bologna $(ARGS)

holding-score: install ## holding and re-spacing of buses on real passengers into docs/results/holding.md (V2X_DATA=../shared/data)
	V2X_DATA=$(V2X_DATA) $(BIN)/python -m bench.holding_score $(ARGS)

eta-score: install ## arrival predictions on recorded days of a city (V2X_DATA=../shared/data)
	$(BIN)/python -m bench.eta_score $(V2X_DATA)/transit_austin $(ARGS)
service-score: install ## what signals, priority and dispatch give Bologna's travellers, step by step (ARGS="--seeds 1")
	V2X_DATA=$(V2X_DATA) $(BIN)/python -m bench.service_score $(ARGS)

capacity: install ## highest rate with p99 <= 20 ms
	$(BIN)/python -m bench.capacity

soak: install ## MINUTES=10 at 10,000 objects/s: memory flat, nothing dropped
	$(BIN)/python -m bench.soak --minutes $(MINUTES)

guard-soak: install ## SIMULATED=1000000 seconds of the signal guard under any commands, faults and clocks (SEED=1)
	$(BIN)/python -m tests.guard_soak --seconds $(SIMULATED) --seed $(SEED)

guard-mutants: install ## the guard with one thing wrong at a time: which mutants the tests do not notice
	$(BIN)/python -m pip install --quiet --target build/mutmut mutmut==3.8.1
	rm -rf build/guard-mutants && mkdir -p build/guard-mutants && cp -r intersections tests pyproject.toml build/guard-mutants
	cd build/guard-mutants && PYTHONPATH=$(CURDIR)/build/mutmut $(CURDIR)/$(BIN)/python -m mutmut run
	cd build/guard-mutants && PYTHONPATH=$(CURDIR)/build/mutmut $(CURDIR)/$(BIN)/python -m mutmut results

proto: install ## write v2x/v1 from proto/
	$(BIN)/python -m tests.generated_code

lock: ## pin every package by hash, for all platforms and Python versions, without addresses
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-annotate --no-header --quiet --output-file requirements.lock

clean: ## remove what was built
	rm -rf .venv build dist *.egg-info ext/*.c positioning/*.so intersections/*.so v2x/*.so
