# Two commands matter: `make run` opens the dashboard, `make test` runs every check. Both work on a fresh machine.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= $(shell command -v python3.11 || command -v python3 || command -v python)
VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.installed-runtime
DEVELOPMENT := $(VENV)/.installed-development

CODE := $(wildcard governance geodata forecasts storage pipeline ui pages app.py server.py manage.py)
CHECKED := $(CODE) $(wildcard tests benchmarks)
CHROMIUM_NAMES := chromium chromium-browser google-chrome google-chrome-stable
PYTEST_OPTIONS ?=

.PHONY: help run test check format bench bench-forecast bench-hotspot bench-nowcast requirements test-needs clean

help: ## This list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 22

run: $(RUNTIME) ## Open the dashboard on http://127.0.0.1:8501; without data the demo city is made first
	@$(BIN)/python manage.py demo --if-empty
	@{ nice $(BIN)/python manage.py foresee --if-stale; nice $(BIN)/python manage.py focus --if-stale; } >/dev/null & # the dashboard opens meanwhile; what they find appears when it is there
	@exec $(BIN)/python manage.py serve

test: $(DEVELOPMENT) test-needs check ## Linters, types, import contracts and all tests, with a real browser
	HYPOTHESIS_PROFILE=$${HYPOTHESIS_PROFILE:-ci} $(BIN)/python -m pytest -n 2 --dist loadfile -m "not browser" $(PYTEST_OPTIONS)
	$(BIN)/python -m pytest -m browser $(PYTEST_OPTIONS)

check: $(DEVELOPMENT) ## Linters, types and import contracts alone
	$(BIN)/ruff check $(CHECKED)
	$(BIN)/ruff format --check $(CHECKED)
	$(BIN)/mypy $(CODE)
	$(BIN)/lint-imports

format: $(DEVELOPMENT) ## Put the code into its standard form
	$(BIN)/ruff check --fix $(CHECKED)
	$(BIN)/ruff format $(CHECKED)

bench: $(DEVELOPMENT) ## Measure speed; the results belong into docs/benchmarks.md
	$(BIN)/python -m benchmarks

bench-forecast: $(DEVELOPMENT) ## The forecasters' contest; STATSFORECAST=/path/to/python adds its models
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.forecasts $(if $(STATSFORECAST),--statsforecast $(STATSFORECAST))

bench-hotspot: $(DEVELOPMENT) ## What the hot-spot methods find, miss and cost, on made-up counts
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.hotspots

bench-nowcast: $(DEVELOPMENT) ## The month-end nowcast against simpler rules; CITY=/path/to/home and NYC=/path/to/tickets.parquet name its grounds
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.nowcast $(if $(CITY),--home $(CITY)) $(if $(NYC),--nyc $(NYC))

requirements: $(DEVELOPMENT) ## Pin requirements*.txt again from requirements*.in
	$(BIN)/uv pip compile requirements.in -o requirements.txt --python-version 3.11 --no-emit-index-url --no-emit-find-links --custom-compile-command "make requirements" --quiet
	$(BIN)/uv pip compile requirements-dev.in -o requirements-dev.txt --python-version 3.11 --no-emit-index-url --no-emit-find-links --custom-compile-command "make requirements" --quiet

clean: ## Remove the environment and caches; data/ stays
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment. A stamp file says which requirements are installed, so the second run starts at once.

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "make: Python 3.11 is needed, and no python is on the PATH. Install it, or name it: make run PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(call need_3_11,$(PYTHON))
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "make: $(PYTHON) cannot create a virtual environment; on Debian and Ubuntu install the package python3.11-venv" >&2; exit 1; }

$(RUNTIME): requirements.txt | $(BIN)/python
	@$(call need_3_11,$(BIN)/python)
	@echo "Installing requirements.txt"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(DEVELOPMENT): requirements-dev.txt $(RUNTIME)
	@echo "Installing requirements-dev.txt"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

define need_3_11
found=$$($(1) -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
test "$$found" = 3.11 || { echo "make: Python 3.11 is needed, but $(1) is Python $$found. Name another one (make run PYTHON=/path/to/python3.11); if $(VENV) was made by it, 'make clean' first" >&2; exit 1; }
endef

# The tests need Chromium, a font with Chinese characters and PostgreSQL; all come from the system's packages.
# PostgreSQL is not started as a service for them: a test makes a cluster of its own and removes it.

test-needs:
	@missing=(); \
	command -v $(CHROMIUM_NAMES) >/dev/null || missing+=(chromium); \
	if ! command -v fc-list >/dev/null; then missing+=(fontconfig fonts-noto-cjk); \
	elif [ -z "$$(fc-list :lang=zh family)" ]; then missing+=(fonts-noto-cjk); fi; \
	command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=(postgresql); \
	if [ $${#missing[@]} -eq 0 ]; then exit 0; fi; \
	if ! command -v apt-get >/dev/null; then \
		echo "make: the tests need $${missing[*]} and there is no apt-get here: install them with this system's package manager" >&2; exit 1; fi; \
	as_root=(); \
	if [ "$$(id -u)" -ne 0 ]; then as_root=(sudo); \
		command -v sudo >/dev/null || { echo "make: the tests need $${missing[*]}: as root, run apt-get install $${missing[*]}" >&2; exit 1; }; fi; \
	echo "Installing $${missing[*]}"; \
	{ "$${as_root[@]}" apt-get update -qq || true; "$${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$${missing[@]}" >/dev/null; } \
		|| { echo "make: apt-get could not install $${missing[*]}; install them by hand and run make test again" >&2; exit 1; }
