# Consort's commands; 'make help' lists them. The work is done by scripts/setup.sh, CMake's presets and CTest.
MAKEFLAGS += --no-print-directory --no-builtin-rules
JOBS ?= $(shell nproc)
CMAKE := .deps/venv/bin/cmake
CTEST := .deps/venv/bin/ctest --no-tests=error --parallel $(JOBS)
PROGRAMS := consort consort-worker
# Without address space randomisation, which GCC 12's ThreadSanitizer does not bear on newer kernels.
UNSHUFFLED = $(shell setarch --addr-no-randomize true 2>/dev/null && echo setarch --addr-no-randomize)

.DEFAULT_GOAL := release
.PHONY: release setup setup-demo setup-test test test-all demo asan tsan format clean help

release: setup ## the program, at build/release/bin/consort (the default)
	@$(MAKE) build-release TARGETS="$(PROGRAMS)"

setup: ## install what is missing: Debian packages, and the engines into .deps/
	@scripts/setup.sh

setup-demo:
	@scripts/setup.sh --demo

setup-test:
	@scripts/setup.sh --test

test: setup-test ## set up, build, and run every test that is not marked long
	@$(MAKE) build-release
	@$(CTEST) --preset release --label-exclude long

test-all: setup-test ## the same with the long tests
	@$(MAKE) build-release
	@$(CTEST) --preset release

demo: setup-demo ## set up, build, and run a real model on each engine
	@$(MAKE) build-release TARGETS="$(PROGRAMS)"
	@scripts/demo.sh

asan: setup-test ## unit tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@$(MAKE) build-asan
	@$(CTEST) --preset asan

tsan: setup-test ## unit tests under ThreadSanitizer
	@$(MAKE) build-tsan
	@$(UNSHUFFLED) $(CTEST) --preset tsan

# CMake configures again by itself when one of its files changed.
build-%: build/%/build.ninja
	@$(CMAKE) --build --preset $* --parallel $(JOBS) $(addprefix --target ,$(TARGETS))

.PRECIOUS: build/%/build.ninja
build/%/build.ninja: CMakePresets.json
	@CMAKE_CXX_COMPILER_LAUNCHER=$$(command -v ccache) $(CMAKE) --preset $*

format: ## lay out every C++ file with clang-format
	@command -v clang-format >/dev/null || { echo "clang-format is missing: apt-get install clang-format"; exit 1; }
	@git ls-files '*.h' '*.cc' | xargs clang-format -i

clean: ## remove what was built; .deps/ stays
	@rm -rf build

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## /  make \1\t/p' Makefile | expand -t 18
