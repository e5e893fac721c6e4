# `make demo` and `make test` set up what they need by themselves; run them again as often as you like.
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$p && break; done)
JOBS ?= $(shell $(if $(PYTHON),$(PYTHON),python3) -c 'import os; print(os.cpu_count() or 1)')
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test lint unit notebooks verify prove oldest release chromium bubblewrap clean help

help:
	@echo "make demo   grade a made-up class; the report is at build/demo/report/index.html"
	@echo "make test   everything that CI runs"
	@echo "make prove  every solution of the gallery, both ways (make test takes turns)"
	@echo "make oldest the tests with the oldest packages that are allowed"
	@echo "make release  make release/ anew from source/"
	@echo "make clean  remove the virtual environment and all that work produced"

demo: $(VENV)/.demo bubblewrap
	autograde demo

test: lint unit notebooks verify
	@echo "all checks passed"

lint: $(VENV)/.dev
	ruff check .
	ruff format --check autograde data_scripts tests
	mypy

unit: $(VENV)/.dev chromium bubblewrap
	pytest --numprocesses $(JOBS) --dist loadfile tests

notebooks: $(VENV)/.dev
	AUTOGRADE_SCALE=tiny pytest --numprocesses $(JOBS) --dist loadfile --nbval-lax --nbval-current-env --nbval-cell-timeout 300 source

verify: $(VENV)/.dev bubblewrap
	turn="$$(git rev-parse HEAD 2>/dev/null || date +%F)"; for assignment in tests/gallery/*/; do \
	  autograde verify "$$(basename "$$assignment")" --quick "$$turn" --verbose || exit 1; done

# Everything, both ways.
prove: $(VENV)/.dev
	for assignment in tests/gallery/*/; do autograde verify "$$(basename "$$assignment")" --verbose || exit 1; done

# The tests with the oldest packages that pyproject.toml allows.
oldest:
	test -x build/venv-oldest/bin/uv || { $(PYTHON) -m venv build/venv-oldest && build/venv-oldest/bin/python -m pip install --quiet uv; }
	VIRTUAL_ENV=build/venv-oldest build/venv-oldest/bin/uv pip install --quiet --resolution lowest-direct --editable '.[dev]'
	touch build/venv-oldest/.dev build/venv-oldest/.demo
	$(MAKE) VENV=build/venv-oldest unit notebooks

release: $(VENV)/.demo
	autograde release

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed and was not found. Install one, or name it: make PYTHON=/path/to/python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "$(PYTHON) cannot make virtual environments (on Debian and Ubuntu: apt install python3-venv)"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: pyproject.toml | $(VENV)/bin/python
	@echo "installing packages into $(VENV) (about a minute)"
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/bin/python
	@echo "installing packages into $(VENV) (about a minute)"
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@ $(VENV)/.demo

# The tests drive JupyterLab, the formgrader and the report in a real browser.
chromium:
	@command -v chromium chromium-browser google-chrome >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "installing Chromium for the browser tests"; \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null; \
	  else \
	    echo "Chromium is missing, so the browser tests cannot run: install it (Debian, Ubuntu: apt install chromium), then again."; exit 1; \
	  fi; }

# The sandbox around submissions; without it they run as plain processes, and every result says so.
bubblewrap:
	@command -v bwrap >/dev/null || [ "$$(uname)" != Linux ] || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "installing bubblewrap, the sandbox around submissions"; \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq bubblewrap >/dev/null; \
	  else \
	    echo "bubblewrap is missing, so submissions run as plain processes and the tests of the sandbox are skipped: install it (Debian, Ubuntu: apt install bubblewrap), then again."; \
	  fi; }

clean:
	rm -rf $(VENV) build data .mypy_cache .ruff_cache .pytest_cache .hypothesis
