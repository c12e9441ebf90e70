# Everything that a contributor or CI runs. POSIX make and sh; `.venv` is the only environment that is used.
.POSIX:
.SUFFIXES:

PYTHON ?= python3
ARGS =
BENCHES = benches/bench_*.py
BIN = .venv/bin
PIP = $(BIN)/python -m pip --disable-pip-version-check

help: ## list the targets (the default)
	@echo 'usage: make TARGET [ARGS="..."] [PYTHON=python3.12]'
	@awk 'BEGIN { FS = ":.*## " } /^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

train: extension ## train a preset; ARGS="dual --seed 3" names another one and its options
	$(BIN)/tvae train $(ARGS)
	@echo
	@echo 'Next:  $(BIN)/tvae eval outputs/models     judge what was trained'
	@echo '       $(BIN)/tvae config presets          see what else can be trained'
	@echo '       make train ARGS="dual --seed 3"        train another preset'

test: extension ## run the quick tests (Rust, then Python); ARGS="-k name" goes to pytest
	cargo test --workspace --exclude tvae-py --quiet
	$(BIN)/python -m pytest $(ARGS)
	@echo
	@echo 'Next:  make check      everything that CI runs, slow tests and wheels included'
	@echo '       make train      train the default preset'

# The binding crate has no tests of its own: it needs a Python to link with, and tests/ exercises all of it.
# Stub agreement, generated docs, README commands, wheels and doctests are all part of the pytest run. It takes as many
# processes as there are cores, four at most; a file stays with one of them, so that what its tests share is made once.
check: extension ## run exactly what CI runs
	cargo fmt --all --check
	PYO3_PYTHON="$$PWD/$(BIN)/python" cargo clippy --workspace --all-targets --locked -- -D warnings
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/tvae lint-geometry --quiet python/tvae kernels benches
	cargo test --workspace --exclude tvae-py --locked
	$(BIN)/python -m pytest -m 'slow or not slow' -n auto --maxprocesses 4 --dist loadfile

bench: extension ## run the benchmarks; BENCHES=benches/bench_geometry.py and ARGS select
	for script in $(BENCHES); do echo "== $$script"; $(BIN)/python "$$script" $(ARGS); done
	@echo
	@echo 'Next:  $(BIN)/python -m pytest benches/test_speed.py --benchmark-only --benchmark-autosave'
	@echo '       keeps the figures of this commit, to compare later ones with'

wheel: .venv/.dependencies ## build the release wheel into dist/
	RUSTFLAGS="--remap-path-prefix=$${CARGO_HOME:-$$HOME/.cargo}=cargo --remap-path-prefix=$$PWD=tvae" \
	  VIRTUAL_ENV="$$PWD/.venv" $(BIN)/maturin build --profile dist --locked --out dist

weights: extension ## train the weights that the wheel ships
	$(BIN)/tvae train default --seed 0 --out build/weights --name default --overwrite
	cp build/weights/models/default/best.safetensors configs/default.safetensors

format: .venv/.dependencies ## format Rust and Python, and mend what the linter can mend
	cargo fmt --all
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

clean: ## remove what was built; .venv (a large download) and outputs/ stay
	rm -rf target dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
	rm -f .venv/.extension python/tvae/_core*.so
	find python kernels tests benches -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || :

# The environment: made once, brought up to date when the metadata or the constraints change.
.venv/.dependencies: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo 'tvae needs Python 3.11 or newer, and "$(PYTHON)" is not one; name one: make PYTHON=/path/to/python3' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo '"$(PYTHON)" lacks the modules venv and ensurepip; install them (on Debian: python3-venv)' >&2; exit 1; }
	@need=$$(sed -n 's/^rust-version = "1\.\([0-9]*\).*/\1/p' Cargo.toml); \
	cargo --version 2>/dev/null | awk -v need="$$need" '{ split($$2, v, "."); ok = v[2] >= need + 0 } END { exit !ok }' || { \
	  echo "tvae needs Rust 1.$$need or newer, and there is no such cargo on the PATH; install it with rustup" >&2; exit 1; }
	@command -v cc >/dev/null 2>&1 || { \
	  echo 'tvae needs a C compiler, and there is no "cc" on the PATH; install gcc or clang' >&2; exit 1; }
	@[ -e $@ ] || printf '%s\n' \
	  'Making .venv here with PyTorch and the tools for development.' \
	  'Download: about 3 GB on Linux (5.5 GB on disk), because PyTorch brings its CUDA libraries there; some' \
	  '300 MB elsewhere. Nothing is written outside this folder but the caches of pip and cargo.' \
	  'For a PyTorch without CUDA, interrupt this and set PIP_EXTRA_INDEX_URL to the CPU index of PyTorch' \
	  '(or PIP_INDEX_URL to a mirror that carries it) before calling make again.' ''
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv .venv
	$(PIP) install --quiet --constraint constraints.txt 'maturin>=1.12.1,<2'
	$(PIP) install --constraint constraints.txt --no-build-isolation --editable '.[dev]'
	@touch .venv/.extension $@

# The editable install lies in python/tvae; only the Rust side of it can go stale.
extension: .venv/.dependencies
	@if ls python/tvae/_core*.so >/dev/null 2>&1 && [ -e .venv/.extension ] && \
	  [ -z "$$(find Cargo.toml Cargo.lock rust \( -name '*.rs' -o -name '*.toml' -o -name '*.lock' \) -newer .venv/.extension)" ]; \
	then :; else \
	  echo 'Building the Rust extension'; \
	  VIRTUAL_ENV="$$PWD/.venv" $(BIN)/maturin develop --profile release --skip-install --quiet && touch .venv/.extension; \
	fi

.PHONY: help train test check bench wheel weights format clean extension
