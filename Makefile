# The commands people type. `make demo` and `make test` work from a clean clone with nothing installed.
# PRESET=dev compiles each file by itself, for those who edit (CMakePresets.json has the others).
PRESET ?= release
BUILD ?= $(if $(filter release,$(PRESET)),build,build-$(PRESET))
JOBS ?= $(shell nproc)

.PHONY: help deps build demo test parity assets parquet bench bench-pictures bench-stage1 bench-capfilt bench-openclipart \
  faults fuzz fuzz-coverage sanitize coverage check tidy format install clean

help:
	@echo 'make demo     install, build, fetch the small models and pictures, train and evaluate a BLIP-2 (35 minutes)'
	@echo 'make test     install, build, run every test'
	@echo 'make build    the program alone: build/blip2; PRESET=dev for those who edit: build-dev/blip2'
	@echo 'make install  the program and the library into PREFIX (/usr/local)'
	@echo 'make deps     what the build needs: Debian packages, and libtorch into .venv'
	@echo 'make assets   the small models and pictures of the demo and the tests'
	@echo 'make parity   compares every family of models with Hugging Face transformers 4.57, and with what 5 saves'
	@echo 'make faults   training and CapFilt jobs that are killed, or find a full disk, at every call'
	@echo 'make sanitize the tests under clang'"'"'s sanitizers; ROOMS="text image" for these alone'
	@echo 'make fuzz     every reader of files against broken ones, SECONDS=20 each; TARGETS="png gguf" for these alone'
	@echo 'make fuzz-coverage  which share of the readers fuzzing reaches'
	@echo 'make coverage the share of each room'"'"'s lines that its tests reach; ROOMS="text image" for these alone'
	@echo 'make check    formatting, the layer rule, and clang-tidy on the files that changed since the last commit'
	@echo 'make tidy     clang-tidy on every file; ROOMS="text image" for these alone'
	@echo 'make format   clang-format on every source file'
	@echo 'make parquet  the plug-in that reads LAION'"'"'s parquet files'
	@echo 'make bench    the benchmarks'
	@echo 'make bench-pictures     the data pipeline beside Pillow and PyTorch'
	@echo 'make bench-stage1       a stage-1 step beside LAVIS'"'"'s: seconds and memory'
	@echo 'make bench-capfilt      CapFilt beside transformers'
	@echo 'make bench-openclipart  does CapFilt help? trained on web titles and on its captions (after the demo, half an hour)'
	@echo 'make clean    removes the build folder'

deps:
	@tools/install_deps

# configure PRESET,FOLDER,OPTIONS. TORCH_ROOT from the environment wins; else the wheel in .venv.
configure = cmake --preset $(1) -B $(2) $(3) \
  -DTORCH_ROOT=$${TORCH_ROOT:-$$(echo $(CURDIR)/.venv/lib/python3*/site-packages/torch)} >/dev/null

$(BUILD)/build.ninja: CMakeLists.txt CMakePresets.json cmake/FindLibTorchCPU.cmake | deps
	@$(call configure,$(PRESET),$(BUILD))

build: deps $(BUILD)/build.ninja
	@cmake --build $(BUILD) -j $(JOBS) --target blip2

assets: deps
	@tools/fetch_assets

# Threads that spin for long starve each other on shared cores; threads that never spin cost a training
# step 10 to 20 %. So they spin for a moment, then sleep.
demo bench: export GOMP_SPINCOUNT ?= 10000
demo: build assets
	@$(BUILD)/blip2 demo $(ARGS)

test: deps $(BUILD)/build.ninja assets
	@cmake --build $(BUILD) -j $(JOBS)
	@ctest --test-dir $(BUILD) --output-on-failure

# Against Hugging Face's transformers, live, in a Python environment of its own.
parity: build
	@[ -x .venv-parity/bin/python ] || python3 -m venv .venv-parity
	@.venv-parity/bin/python -m pip install --quiet --disable-pip-version-check -r tests/parity/requirements.txt
	@[ -x .venv-parity5/bin/python ] || python3 -m venv .venv-parity5
	@.venv-parity5/bin/python -m pip install --quiet --disable-pip-version-check --upgrade -r tests/parity/requirements5.txt
	@.venv-parity5/bin/python tests/parity/share_torch.py .venv-parity
	@BLIP2_BINARY=$(BUILD)/blip2 .venv-parity/bin/python tests/parity/run.py
	@BLIP2_BINARY=$(BUILD)/blip2 .venv-parity/bin/python tests/parity/run.py --saved-by .venv-parity5/bin/python
	@.venv-parity/bin/python tests/parity/tokenizers_live.py $(BUILD)/text_test

# The plug-in for LAION's parquet files: Apache's library is large, and nothing else needs it.
parquet: deps
	@[ -x .venv/bin/python ] || python3 -m venv .venv
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps pyarrow==26.0.1
	@$(call configure,$(PRESET),$(BUILD))
	@cmake --build $(BUILD) -j $(JOBS) --target blip2_parquet

# Pictures a second beside Pillow and PyTorch's DataLoader, in a Python environment of its own.
bench-pictures: deps $(BUILD)/build.ninja assets
	@$(call configure,$(PRESET),$(BUILD),-DBLIP2_BENCH=ON)
	@cmake --build $(BUILD) -j $(JOBS) --target bench_pictures
	@[ -x .venv-bench/bin/python ] || python3 -m venv .venv-bench
	@.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check -r bench/compare/requirements.txt
	@.venv-bench/bin/python bench/compare/pictures.py $(BUILD)/bench_pictures

# A stage-1 step's seconds and memory beside LAVIS's own, out of its wheel, which is unpacked and not installed.
bench-stage1: deps $(BUILD)/build.ninja
	@$(call configure,$(PRESET),$(BUILD),-DBLIP2_BENCH=ON)
	@cmake --build $(BUILD) -j $(JOBS) --target bench_stage1_step
	@[ -x .venv-bench/bin/python ] || python3 -m venv .venv-bench
	@.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check -r bench/compare/requirements.txt
	@[ -d .venv-bench/lavis-1.0.2 ] || { \
	  .venv-bench/bin/python -m pip download --quiet --disable-pip-version-check --no-deps -d .venv-bench salesforce-lavis==1.0.2 && \
	  .venv-bench/bin/python -m zipfile -e .venv-bench/salesforce_lavis-1.0.2-*.whl .venv-bench/lavis-1.0.2; }
	@.venv-bench/bin/python bench/compare/stage1_step.py $(BUILD)/bench_stage1_step .venv-bench/lavis-1.0.2

# CapFilt beside transformers, at the published sizes with random weights: ten minutes, 4 GB.
bench-capfilt: deps $(BUILD)/build.ninja
	@$(call configure,$(PRESET),$(BUILD),-DBLIP2_BENCH=ON)
	@cmake --build $(BUILD) -j $(JOBS) --target bench_capfilt
	@[ -x .venv-bench/bin/python ] || python3 -m venv .venv-bench
	@.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check -r bench/compare/requirements.txt
	@.venv-bench/bin/python bench/compare/capfilt.py $(BUILD)/bench_capfilt $(ARGS)

# The demo's folder must be that of a finished demo; the packages are fetched by apt-get.
bench-openclipart: demo
	@bench/openclipart.py $(BUILD)/blip2

bench: deps $(BUILD)/build.ninja assets
	@$(call configure,$(PRESET),$(BUILD),-DBLIP2_BENCH=ON)
	@cmake --build $(BUILD) -j $(JOBS)
	@bench/run $(BUILD)

# Some thousand runs that are killed, or whose disk is full: half an hour on idle cores.
faults: deps $(BUILD)/build.ninja assets
	@cmake --build $(BUILD) -j $(JOBS) --target blip2 fault_injection
	@BLIP2_BINARY=$(BUILD)/blip2 BLIP2_FAULTS=$(BUILD)/libfault_injection.so python3 tests/faults/run.py $(ARGS)
	@BLIP2_BINARY=$(BUILD)/blip2 BLIP2_FAULTS=$(BUILD)/libfault_injection.so python3 tests/faults/capfilt.py $(ARGS)
	@BLIP2_BINARY=$(BUILD)/blip2 BLIP2_FAULTS=$(BUILD)/libfault_injection.so python3 tests/faults/verbs.py

# The programs of the last build into PREFIX: bin/blip2, and a CMake package with the target blip2::blip2.
PREFIX ?= /usr/local
install: deps $(BUILD)/build.ninja
	@cmake --build $(BUILD) -j $(JOBS) --target blip2
	@cmake --install $(BUILD) --prefix $(PREFIX) >/dev/null

# These need clang, which nothing else does. Each has a build folder of its own. TARGETS="png gguf" runs these alone.
SECONDS_EACH = $(or $(SECONDS),20)
fuzz: deps
	@tools/install_deps clang-19 libclang-rt-19-dev
	@$(call configure,fuzz,build-fuzz)
	@cmake --build build-fuzz -j $(JOBS) --target fuzzers
	@fuzz/run build-fuzz $(SECONDS_EACH) $(TARGETS)

fuzz-coverage: deps
	@tools/install_deps clang-19 libclang-rt-19-dev llvm-19
	@$(call configure,fuzz-coverage,build-fuzz-coverage)
	@cmake --build build-fuzz-coverage -j $(JOBS) --target fuzzers
	@fuzz/coverage build-fuzz-coverage

sanitize: deps assets
	@tools/install_deps clang-19 libclang-rt-19-dev llvm-19
	@$(call configure,asan,build-asan)
	@$(call configure,tsan,build-tsan)
	@JOBS=$(JOBS) tests/sanitizers/run $(ROOMS)

coverage: deps assets
	@tools/install_deps clang-19 libclang-rt-19-dev llvm-19
	@$(call configure,coverage,build-coverage)
	@JOBS=$(JOBS) tools/coverage build-coverage $(ROOMS)

# clang-tidy only needs the commands; GCC's precompiled headers would be in its way.
configure_tidy = $(call configure,dev,build-tidy,-DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON)
check: deps
	@tools/check_layers
	@tools/check_format
	@tools/check_docs
	@tools/install_deps clang-tidy-19
	@$(configure_tidy)
	@tools/check_tidy build-tidy

tidy: deps
	@tools/install_deps clang-tidy-19
	@$(configure_tidy)
	@tools/check_tidy build-tidy --all $(ROOMS)

format: deps
	@git ls-files '*.h' '*.cpp' | xargs clang-format-19 -i

clean:
	rm -rf $(BUILD)
