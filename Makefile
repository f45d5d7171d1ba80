# make demo   run a notebook, checkpoint it, kill the kernel, restore it in a new one, compare every variable
# make test   run the tests             (make test-cpp, test-kernel, ...: one suite; names in tests/run.py;
#             by name only: make test-debian, which installs 160 MB of Debian's own packages, and
#             make test-pydebug, which installs the debug build of Python)
# make lab    open JupyterLab with the ElasticPython kernel
# make setup  what all of these do first: Debian packages, .venv, the C++ build; seconds when nothing changed
# make build  the C++ build and its installation into .venv only
# make bench  run the benchmarks
# make format let clang-format lay out the C++ files, as the tests want them
# make clean  remove what was built (.venv stays; `make distclean` removes it too)
#
# The build also works without this file: cmake --preset release && cmake --build --preset release, and
# cmake --install build/release --prefix PREFIX.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup setup-test build test demo lab bench format clean distclean

python := .venv/bin/python

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile

setup:
	@src/setup/setup.sh apt build
	@src/setup/setup.sh venv
	@src/setup/setup.sh build

setup-test:
	@src/setup/setup.sh apt build test
	@$(MAKE) --no-print-directory setup

build:
	@src/setup/setup.sh build

test: setup-test
	@$(python) tests/run.py

test-debian: setup-test
	@src/setup/setup.sh apt debian
	@src/setup/setup.sh debian
	@$(python) tests/run.py debian

test-pydebug: setup-test
	@src/setup/setup.sh apt pydebug
	@src/setup/setup.sh pydebug
	@$(python) tests/run.py pydebug

test-%: setup-test
	@$(python) tests/run.py $*

demo: setup
	@$(python) notebooks/demo.py

lab: setup
	@.venv/bin/jupyter lab --notebook-dir=notebooks $(if $(filter 0,$(shell id -u)),--allow-root)

bench: setup-test
	@cmake --build --preset release
	@for program in build/release/benchmarks/*_benchmark; do echo "== $$program"; $$program || exit 1; done
	@for script in benchmarks/*_benchmark.py; do echo "== $$script"; $(python) $$script || exit 1; done

format:
	@git ls-files '*.cpp' '*.hpp' | xargs clang-format-14 -i

clean:
	rm -rf build artifacts

distclean: clean
	rm -rf .venv
