# Two commands from a fresh clone: `make demo` and `make test`.
#
# Needed beforehand: cargo (Rust 1.95 or newer), gcc, make, python3 (3.10 or newer) with pip and venv.
# Everything else comes from the package registries, into .venv and cargo's caches. Rust is built in
# one profile and always for the whole workspace, so that the big dependencies are compiled once.

PYTHON ?= python3
CARGO_TEST_ARGS ?=

BIN := .venv/bin
ACTIVE := VIRTUAL_ENV="$(CURDIR)/.venv" PATH="$(CURDIR)/.venv/bin:$$PATH"
# HiGHS is compiled with cmake and libclang, which come from PyPI, and the headers of the compiler at
# hand. Cargo looks at the last of these variables: it must be the same for all of its commands.
COMPILING := $(ACTIVE) LD_LIBRARY_PATH="$(CURDIR)/.venv/clang:$$LD_LIBRARY_PATH"
export BINDGEN_EXTRA_CLANG_ARGS ?= -I$(shell gcc -print-file-name=include)
NOTEBOOKS := $(wildcard notebooks/*.py)

.PHONY: help demo build test test-rust test-python test-notebooks check clean

help:
	@echo "make demo   build all, run the bundled sample, print its figures, keep them in out/demo"
	@echo "make test   every test: Rust, Python, examples in the documentation, notebooks"
	@echo "make check  what CI checks beside the tests: format, lints, documentation, types"

demo: build
	$(BIN)/galerna run lr-mmt --out out/demo --overwrite
	$(BIN)/galerna check out/demo

build: .venv/.tools
	$(COMPILING) cargo build --release --locked --workspace
	$(ACTIVE) $(BIN)/maturin develop --release --locked --uv

# The tools, and the packages that galerna and its tests need.
.venv/.tools: pyproject.toml
	@command -v cargo >/dev/null || { echo "cargo is missing: see https://rustup.rs" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
	  || { echo "$(PYTHON) is missing or older than 3.10: set PYTHON=..." >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(ACTIVE) $(BIN)/uv pip install --quiet "maturin>=1.16,<2" "cmake>=3.20" "libclang>=16" \
	  -r pyproject.toml --extra dev
	ln -sfn "$$($(BIN)/python -c 'import clang; print(clang.__path__[0])')/native" .venv/clang
	touch $@

test: test-rust test-python test-notebooks

test-rust: build
	cargo test --release --locked --workspace $(CARGO_TEST_ARGS)

test-python: build
	$(ACTIVE) $(BIN)/python -m pytest

test-notebooks: build
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	for notebook in $(NOTEBOOKS); do \
	  $(ACTIVE) $(BIN)/jupytext --quiet --to ipynb \
	    --output "$$folder/$$(basename "$$notebook" .py).ipynb" "$$notebook" || exit 1; \
	done && \
	$(ACTIVE) $(BIN)/python -m pytest -p no:cacheprovider --nbmake "$$folder"

check: build
	.ci/fmt
	.ci/clippy
	.ci/docs
	.ci/python

clean:
	rm -rf .venv out
	cargo clean
