# boneage-search: `make search` and `make test` need only Debian's python3, python3-venv and make.

PYTHON ?= python3
BIN := .venv/bin
DATA ?=
PRESET ?= demo
RUN_DIR ?= runs/$(PRESET)
WORKERS ?= 0
TEST_PROCESSES ?= 2
SLOW_PROCESSES ?= 3

.PHONY: search test test-slow test-kernels torture fuzz bench screenshots check format install clean

# All four studies, from data to the decided network; run it again to continue. On real data and a GPU:
#   make search DATA=/path/to/rsna PRESET=paper
# The demo trains every point with three seeds, so that it gives verdicts; another preset does as it says itself.
SEEDS ?= $(if $(filter demo,$(PRESET)),3)
search: install
	$(BIN)/boneage-search run --preset $(PRESET) --run-dir $(RUN_DIR) --workers $(WORKERS) $(if $(SEEDS),--seeds $(SEEDS)) $(if $(DATA),--data $(DATA))

# The tests' networks are so small that the threads of one step only wait for one another.
test test-slow: export TF_NUM_INTRAOP_THREADS ?= 1
test test-slow: export TF_NUM_INTEROP_THREADS ?= 1

# The fast tests: no training that takes more than seconds.
test: install
	$(BIN)/pytest -q -m "not slow" --instafail --numprocesses $(TEST_PROCESSES) --dist worksteal

# Real training, faults, the browser. One process more than cores: much of it waits for other processes.
test-slow: install
	$(BIN)/pytest -q -m slow --instafail --max-worker-restart 0 --numprocesses $(SLOW_PROCESSES) --dist loadfile --no-loadscope-reorder --timeout 400 --durations 12

# Both suites under every kernel that oneDNN may have on another processor, and with other threads: hours. KERNELS names some of them.
KERNELS ?= TF_ENABLE_ONEDNN_OPTS=0 ONEDNN_MAX_CPU_ISA=SSE41 ONEDNN_MAX_CPU_ISA=AVX2 ONEDNN_MAX_CPU_ISA=AVX512_CORE TF_NUM_INTRAOP_THREADS=1 TF_NUM_INTRAOP_THREADS=4
SUITES ?= test test-slow
test-kernels: install
	@failed=0; for kernel in $(KERNELS); do echo "== $$kernel"; env $$kernel $(MAKE) --no-print-directory --keep-going $(SUITES) || failed=1; done; exit $$failed

# Kills a search at 50 random moments; about ten minutes. HOSTS=change gives every leader another host name.
KILLS ?= 50
HOSTS ?= same
torture: install
	PYTHONPATH=. $(BIN)/python tests/torture.py --kills $(KILLS) --hosts $(HOSTS)

# Damages files of every kind in thousands of ways and reads them; about ten minutes.
fuzz: install
	PYTHONPATH=. $(BIN)/python tests/fuzz.py

# Ratios against peers, on an idle machine; rewrites BENCHMARKS.md. One part alone: PYTHONPATH=. python tests/bench_step.py
bench: install
	PYTHONPATH=. $(BIN)/python tests/bench.py > BENCHMARKS.part
	mv BENCHMARKS.part BENCHMARKS.md

# The pictures of docs/commands.md, by a real search of drawn hands and a real Chromium: a few minutes.
screenshots: install
	PYTHONPATH=. $(BIN)/python tests/screenshots.py

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# With GPU libraries: make install EXTRAS=dev,gpu. Extras once installed stay: without EXTRAS, `make` installs those of last time.
EXTRAS ?= $(or $(patsubst .venv/installed-%,%,$(lastword $(wildcard .venv/installed-*))),dev)
STAMP := .venv/installed-$(EXTRAS)
OLDEST := import sys; sys.exit(None if sys.version_info >= (3, 11) else \
	"boneage-search needs Python 3.11 or later, and %s is %s: name another, as in make $(or $(firstword $(MAKECMDGOALS)),search) PYTHON=python3.12" % (sys.executable, sys.version.split()[0]))
install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c '$(OLDEST)'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[$(EXTRAS)]'
	rm -f .venv/installed .venv/installed-*
	touch $@

clean:
	rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache
