# tinybench: set up, run, test and measure. `make help` lists the targets.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python .ci/install

# System packages, PROGRAM=PACKAGE: asked for together, so that a user without root stops only once.
PACKAGES := make=make \
    arm-none-eabi-gcc=gcc-arm-none-eabi \
    /usr/lib/arm-none-eabi/newlib/libc.a=libnewlib-arm-none-eabi \
    gcc=gcc /usr/include/stdio.h=libc6-dev
PACKAGES_TEST := $(PACKAGES) \
    g++=g++ /usr/lib/arm-none-eabi/newlib/libstdc++_nano.a=libstdc++-arm-none-eabi-newlib \
    riscv64-unknown-elf-gcc=gcc-riscv64-unknown-elf \
    /usr/lib/picolibc/riscv64-unknown-elf/picolibc.specs=picolibc-riscv64-unknown-elf \
    /usr/bin/chromium*=chromium-headless-shell /usr/share/fonts/truetype/*/*.ttf=fonts-dejavu-core git=git cmake=cmake espeak-ng=espeak-ng sigrok-cli=sigrok-cli clang=clang \
    openocd=openocd st-flash=stlink-tools dfu-util=dfu-util /usr/sbin/uhubctl=uhubctl \
    /usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-x86_64.a=libclang-rt-14-dev
# PROGRAM=VERSION=PACKAGE, from the release's backports where the system's own is older; never both.
NEWER := qemu-system-arm=9.1=qemu-system-arm
NEWER_TEST := $(NEWER) qemu-system-riscv32=9.1=qemu-system-misc
VENV_PACKAGES = $$(test -x $(BIN)/python || $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
    || echo $(PYTHON)=python3 no-ensurepip=python3-venv)

# The tests start Python thousands of times: each start reads what an earlier one has compiled.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: packages $(VENV)/.base ## make .venv, install the package and the system packages that are missing

setup-test: packages-test setup $(VENV)/.test $(VENV)/.labgrid ## ... and what the tests need

setup-dev: setup-test $(VENV)/.dev ## ... and the formatters, linters and the type checker

setup-train: packages-train setup $(VENV)/.train ## ... and TensorFlow and espeak-ng, for make models

packages:
	@status=0; .ci/system-packages $(VENV_PACKAGES) $(PACKAGES) || status=$$?; \
	.ci/backports.py $(NEWER) || status=$$?; exit $$status

packages-test:
	@status=0; .ci/system-packages $(VENV_PACKAGES) $(PACKAGES_TEST) || status=$$?; \
	.ci/backports.py $(NEWER_TEST) || status=$$?; exit $$status

packages-train:
	@.ci/system-packages $(VENV_PACKAGES) $(PACKAGES) espeak-ng=espeak-ng

demo: setup ## run keyword spotting on the emulated Cortex-M4
	$(BIN)/tinybench --task kws

# -P: with this folder on the path of modules pytest would rewrite all of tinybench, as a plugin of its own.
PYTEST := $(BIN)/python -P -m pytest

test: setup-test $(VENV)/.compiled ## run the default test suite
	$(PYTEST) -n 5 --dist worksteal tests

test-training: setup-test setup-train ## one short training and quantisation, so that make models cannot rot
	$(PYTEST) -n 2 -m training tests

models: setup-train ## make the embedded sets and models from nothing
	$(BIN)/python -m tinybench.models.training.kws
	$(BIN)/python -m tinybench.models.training.vww
	$(BIN)/python -m tinybench.models.training.ic
	$(BIN)/python -m tinybench.models.training.ad
	$(BIN)/python -m tinybench.models.training.sww

soak: setup-test ## run the long tests: fuzzing, endurance, faults; writes build/soak.json
	$(PYTEST) -n 2 -m soak tests
	$(BIN)/python -m tests.faults.bench

hardware: setup-test ## run the tests on the boards that bench.toml names, or on their records
	$(PYTEST) -m hardware tests

bench: setup-test ## measure speed, memory and size; writes build/bench.json
	$(BIN)/python -m tests.bench

docs: setup-test ## build the documentation site into build/site; REPOSITORY=https://... for links that edit
	$(BIN)/python -m tests.docs.pictures
	$(BIN)/python -m tests.docs.site $(REPOSITORY)
	@echo open build/site/index.html

schema: setup-test ## write the pages of docs/ that are made from the code: a result's fields, Python, commands
	$(BIN)/tinybench schema > docs/result.schema.json
	$(BIN)/python -m tests.docs.schema_page > docs/schema.md
	$(BIN)/python -m tests.docs.python_page > docs/python.md
	$(BIN)/python -m tests.docs.operators_page > docs/operators.md
	$(BIN)/python -m tests.docs.commands_page > docs/commands.md

map: setup-test ## draw docs/architecture.md's picture and table, after a change of who imports whom
	$(BIN)/python -m tests.project.house

lint: setup-dev names ## check format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/clang-format --dry-run --Werror $$(git ls-files '*.[ch]')
	$(BIN)/basedpyright

format: setup-dev ## format Python and C
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/clang-format -i $$(git ls-files '*.[ch]')

clean: ## remove what was built, and the virtual environment
	rm -rf $(VENV) build

# A namespace `tinybench` for the type checker, which cannot read the mapping in pyproject.toml.
names:
	@rm -rf $(VENV)/names && mkdir -p $(VENV)/names/tinybench
	@cd $(VENV)/names/tinybench && ln -s ../../../tinybench/* . && rm -f __pycache__ \
	    && ln -s ../../../datasets ../../../energy ../../../firmware ../../../models ../../../runner .

$(VENV)/bin/python:
	@.ci/system-packages $(VENV_PACKAGES)
	$(PYTHON) -m venv $(VENV)

$(VENV)/.base: pyproject.toml | $(VENV)/bin/python
	@$(INSTALL) energy
	@touch $@

$(VENV)/.test: $(VENV)/.base
	@$(INSTALL) test
	@touch $@

# Once, by as many as there are cores mostly: each of the workers would compile all tests at its start.
$(VENV)/.compiled: $(VENV)/.test
	@$(PYTEST) -qq --collect-only tests/runner >/dev/null & \
	$(PYTEST) -qq --collect-only --ignore=tests/runner tests >/dev/null; wait
	@touch $@

# By itself: it brings a serial library that would take the place of ours.
$(VENV)/.labgrid: | $(VENV)/bin/python
	@$(PYTHON) -m venv $(VENV)/labgrid
	@$(VENV)/labgrid/bin/pip install --quiet --disable-pip-version-check 'labgrid>=26'
	@touch $@

$(VENV)/.dev: $(VENV)/.test
	@$(INSTALL) dev
	@touch $@

$(VENV)/.docs: pyproject.toml | $(VENV)/bin/python
	@$(INSTALL) docs
	@touch $@

$(VENV)/.train: $(VENV)/.base
	@$(INSTALL) train
	@touch $@

.NOTPARALLEL:
.PHONY: $(shell awk -F ':' '/^[a-z-]+:/ { print $$1 }' $(MAKEFILE_LIST))
