# Each target calls plain commands that a person could type.

SHELL := /bin/bash
SWIFT ?= swift
RELEASE := $(SWIFT) build -c release

.PHONY: help train test test-kernels test-passes engines bench bench-small bench-networks bench-optimizers bench-limits \
	accuracy format check docs fuzz fuzz-selftest torture soak sanitize clean

help:
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

train: engines ## train LeNet-5 on MNIST (or Digits where MNIST cannot be had) and show it
	$(RELEASE) --product martlet
	.build/release/martlet train $(ARGS)

test: engines ## build and run every test, with the engine and without
	$(SWIFT) build --build-tests
	$(SWIFT) test --skip-build
	MARTLET_ENGINES=none $(SWIFT) test --skip-build

test-kernels: engines ## build the checks of the C kernels with clang and run them
	scripts/test-kernels

test-passes: engines ## differential, golden and gradient tests with every pass of the planner, none, and each left out
	scripts/test-passes

engines: ## fetch the pinned oneDNN into .engines/lib
	scripts/engines

bench: engines ## small rows and networks beside PyTorch, JAX, ONNX Runtime, into docs/benchmarks.md: about an hour and a half
	$(RELEASE) --product martlet-bench
	scripts/peers --jax --onnx
	scripts/bench --rows small,networks --jax --compile $(ARGS)

bench-small: engines ## of that the small rows alone: a quarter of an hour
	$(RELEASE) --product martlet-bench
	scripts/peers --jax
	scripts/bench --rows small --jax --compile $(ARGS)

bench-networks: engines ## of that AlexNet, VGG-16, GoogLeNet and ResNet-50 alone: an hour or more
	$(RELEASE) --product martlet-bench
	scripts/peers --jax --onnx
	scripts/bench --rows networks --jax $(ARGS)

bench-optimizers: engines ## every optimizer's step alone beside PyTorch's, into docs/benchmarks.md
	$(RELEASE) --product martlet-bench
	scripts/peers
	scripts/bench --rows optimizers $(ARGS)

bench-limits: engines ## portable kernels beside the machine's limit; rewrites a table of docs/benchmarks.md
	$(RELEASE) --product martlet-bench
	scripts/bench-limits

accuracy: engines ## three networks on MNIST from three seeds; rewrites docs/accuracy.md
	$(RELEASE) --product martlet
	scripts/accuracy

format: ## lay out every Swift file
	$(SWIFT) format --in-place --parallel --recursive Package.swift Sources Tests

check: ## what CI checks besides the tests: layout, file sizes
	scripts/check

docs: ## documentation pages into .build/docs
	scripts/docs

soak: engines ## 10,000 training steps of three small networks, 1,000 of ResNet-50 and GoogLeNet, with flat memory: 15 minutes
	$(RELEASE) --product martlet-bench
	scripts/soak $(ARGS)

fuzz: ## random graphs against the reference evaluation; prints its seed and count
	$(RELEASE) --product martlet-fuzz
	.build/release/martlet-fuzz $(ARGS)

fuzz-selftest: ## thirteen planted bugs, each caught within 2,000 graphs
	$(RELEASE) --product martlet-fuzz
	.build/release/martlet-fuzz --selftest

torture: ## a thousand kills of a training run, each resumed bit by bit
	$(RELEASE) --product martlet
	scripts/torture

sanitize: engines ## tests and kernels' checks under ThreadSanitizer and AddressSanitizer, room by room: an hour or more
	scripts/test-kernels --thread
	scripts/test-kernels --sanitize
	scripts/sanitize thread
	scripts/sanitize address

clean: ## remove what was built
	rm -rf .build
