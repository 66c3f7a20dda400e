# The commands of this project. `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3.11
BIN := $(CURDIR)/.venv/bin
# PyTorch for the CPU (200 MB). TORCH=gpu takes the package index's own build, which brings CUDA (gigabytes on Linux).
TORCH ?= cpu
CPU_WHEELS := https://download.pytorch.org/whl/cpu/torch/
export PATH := $(BIN):$(PATH)
# What builds and runs images here: the first that answers. ENGINE_OPTIONS are for running ("--network slirp4netns", say).
image image-test: export ENGINE ?= $(shell for engine in docker podman buildah; do \
  $$engine info > /dev/null 2>&1 && echo $$engine && break; done)
export IMAGE ?= localhost/tweet_sentiment:latest
export MLFLOW_EXPERIMENT_NAME ?= tweet_sentiment
# Relative: of the path of a folder with a space MLflow would make a second folder, with %20 in its name.
export MLFLOW_TRACKING_URI ?= sqlite:///mlflow.db
# MLflow asks for the name of the user, which one without an entry in the system's list does not have.
export LOGNAME ?= $(shell id -un 2> /dev/null || true)

.PHONY: help
help: ## List the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

.PHONY: setup
setup: .venv/installed ## Make .venv from conda.yaml, if it is missing or stale (TORCH=gpu for CUDA)

# The pins of conda.yaml, as pip reads them. PyTorch comes first and alone: where the page of its CPU builds cannot be
# reached, pip would wait for it at every package.
.venv/installed: conda.yaml constraints.txt
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' \
	  || { echo "Python 3.11 is needed: make PYTHON=/path/to/python3.11 ..."; exit 1; }
	"$(PYTHON)" -m venv .venv
	sed -n 's/^      - //p' conda.yaml > .requirements.txt
ifeq ($(TORCH),cpu)
	"$(BIN)/python" -m pip install --no-deps --find-links $(CPU_WHEELS) "$$(grep '^torch==' .requirements.txt)"
endif
	"$(BIN)/python" -m pip install --requirement .requirements.txt
	mv .requirements.txt .venv/installed

.PHONY: run
run: setup ## Train, compare, select and register on the embedded sample
	mlflow run . --env-manager=local

.PHONY: package
package: setup ## Build a Bento of the champion
	python -m steps package

.PHONY: serve
serve: package ## Package the champion and serve it on http://127.0.0.1:3000
	python -m service tweet_sentiment:latest

# Where what is predicted, and what people say of it, is kept.
serve ui demo: export TELEMETRY_PATH := $(or $(TELEMETRY_PATH),$(CURDIR)/events.db)

.PHONY: ui
ui: setup ## Open the page on http://127.0.0.1:8501, for the service here or at SERVICE_URL
	python -m ui

.PHONY: demo
demo: package ## Serve the champion and open the page, for a first look
	python -m service tweet_sentiment:latest & python -m ui || status=$$?; kill $$!; exit $${status:-0}

.PHONY: image
image: package ## Build a container image of the champion, with docker, podman or buildah (ENGINE, IMAGE)
	@test -n "$(ENGINE)" || { echo "None of docker, podman and buildah answers here."; exit 1; }
	$(ENGINE) build $(BUILD_OPTIONS) --file service/Dockerfile --tag $(IMAGE) \
	  "$$(bentoml get tweet_sentiment:latest --output path)"

.PHONY: image-test
image-test: setup ## Try the image: start it read-only in 512 MB, ask it, stop it (docker or podman)
	pytest tests/image

.PHONY: soak
soak: setup ## Ask the service for five minutes, with clients that behave badly among the good ones
	SOAK_SECONDS=300 pytest tests/e2e/test_soak.py

.PHONY: test-browser
test-browser: setup ## Try the page in Chromium
	pytest tests/browser

.PHONY: pictures
pictures: package ## Take the pictures of the page that the README shows, of the champion of the sample
	python -m tests.browser.pictures docs/pictures

.PHONY: mlflow-ui
mlflow-ui: setup ## Open the runs and the registry on http://127.0.0.1:5000
	MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false mlflow ui --backend-store-uri sqlite:///mlflow.db --host 127.0.0.1 --port 5000

.PHONY: docs
docs: setup ## Regenerate what the program writes: docs/settings.md, docs/results.md and the results in the README
	pydantic-settings-export
	python -m steps document

.PHONY: relocate
relocate: setup ## Correct the paths in mlflow.db, after this folder was moved or copied
	python -m pipeline.relocation

.PHONY: test
test: setup ## Run all tests: unit, integration, end to end, in a browser
	pytest

.PHONY: test-unit
test-unit: setup ## Run the unit tests alone, in a minute
	pytest tests/unit -m "not slow"

.PHONY: check
check: setup ## Check format, lint, types and import rules
	ruff format --check .
	ruff check .
	mypy
	lint-imports --no-cache

.PHONY: format
format: setup ## Format the code, and mend what ruff can
	ruff format .
	ruff check --fix .

.PHONY: bench
bench: setup ## Run the benchmarks that need nothing but the sample: served forms, preprocessing, reuse, sweeps
	for name in tflite_against_keras onnx_against_torch preprocessing unchanged sweep; do python -m "benchmarks.$$name"; done

.PHONY: lock
lock: ## Pin what the pins of conda.yaml need in turn, in constraints.txt: what pip makes of them today
	rm -rf .lock && "$(PYTHON)" -m venv .lock
	sed -n 's/^      - //p' conda.yaml | grep -v '^-c ' > .lock/requirements.txt
	.lock/bin/python -m pip install --no-deps --find-links $(CPU_WHEELS) "$$(grep '^torch==' .lock/requirements.txt)"
	.lock/bin/python -m pip install --requirement .lock/requirements.txt
	.lock/bin/python -m pip freeze --all | grep -v '^pip==' | sed 's/+cpu$$//' > constraints.txt
	rm -rf .lock

.PHONY: clean
clean: ## Remove the environment; runs and models stay
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .requirements.txt
