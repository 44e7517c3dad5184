# `make demo` and `make test` set up all they need, in .venv beside this file.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

.PHONY: demo view test check format clean

demo: $(VENV)/.product
	$(BIN)/python -m analyzer demo

view: $(VENV)/.product
	$(BIN)/python -m analyzer view

# Tests run side by side, so that each computes with one thread.
test: $(VENV)/.development $(VENV)/.browser
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 4

format: $(VENV)/.development
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache

$(VENV)/.product: requirements.txt
	@test -x $(BIN)/python || $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Trajectory Lens needs Python 3.11 or newer; $(PYTHON) is older. Try: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing what requirements.txt names into $(VENV); this takes a minute or two the first time."
	@$(PIP) -r requirements.txt
	@touch $@

# A browser for tests/browser. Where none can be installed they say so and are skipped.
$(VENV)/.browser: $(VENV)/.development
	@if $(BIN)/python tests/browser/find_browser.py >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "Installing Chromium for the browser tests."; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium fonts-dejavu-core >/dev/null \
			|| echo "Chromium could not be installed: the browser tests will be skipped."; \
	else echo "No Chromium here, and no right to install it: the browser tests will be skipped."; fi
	@touch $@

$(VENV)/.development: requirements-dev.txt $(VENV)/.product
	@$(PIP) -r requirements-dev.txt
	@touch $@
