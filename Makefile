# What a person types. Needs Python 3.11 or newer with venv and pip, and make; nothing else.
#
#   make demo    set up .venv (light) and run four simulated cameras
#   make test    set up .venv with every extra and run all tests
#   make check   formatting, lint, types, import rules
#   make lock    choose package versions anew and write them to requirements/

PYTHON ?= $(shell command -v python3.11 || command -v python3 || echo python3.11)
VENV := .venv
RUN := $(VENV)/bin
PIP := $(RUN)/python -m pip --disable-pip-version-check
DEMO_STAMP = $(VENV)/installed-demo
ALL_STAMP = $(VENV)/installed-all

# Packages are not compiled when they are installed but when they are first imported. Where an environment forbids
# that, as those of containers often do, each of a dozen processes would compile them anew at every start.
unexport PYTHONDONTWRITEBYTECODE

# Many tests wait for processes and sockets, so three at a time suit two cores; a file's tests stay together.
.PHONY: demo test check lock clean

demo: $(DEMO_STAMP)
	@echo "==> Starting the simulated cameras (Ctrl-C stops everything)"
	@$(RUN)/maskwatch demo

test: $(ALL_STAMP)
	@echo "==> Running the tests"
	@$(RUN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

check: $(ALL_STAMP)
	@echo "==> Formatting, lint, types, import rules"
	@$(RUN)/ruff format --check .
	@$(RUN)/ruff check .
	@$(RUN)/mypy
	@$(RUN)/lint-imports

$(RUN)/python:
	@echo "==> Making the virtual environment $(VENV) with $(PYTHON)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "maskwatch needs Python 3.11 or newer; name it: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
		{ echo "cannot make a virtual environment; on Debian: apt-get install python3-venv" >&2; exit 1; }

# The lock is complete, so pip need not resolve anything (--no-deps). A stamp is made anew when its lock changes.
$(DEMO_STAMP): requirements/demo.txt pyproject.toml | $(RUN)/python
	@if [ -e $(ALL_STAMP) ] && [ ! $(ALL_STAMP) -ot requirements/demo.txt ] && [ ! $(ALL_STAMP) -ot pyproject.toml ]; \
	then echo "==> Everything is installed already"; \
	else echo "==> Installing $$(grep -c == requirements/demo.txt) packages (about 250 MB to download the first time)" && \
	$(PIP) install --no-deps --no-compile --requirement requirements/demo.txt && \
	echo "==> Installing maskwatch itself" && \
	$(PIP) install --quiet --no-deps --no-compile --editable . ; fi
	@touch $@

$(ALL_STAMP): requirements/all.txt pyproject.toml | $(RUN)/python
	@echo "==> Installing $$(grep -c == requirements/all.txt) packages (about 700 MB to download the first time)"
	@$(PIP) install --no-deps --no-compile --requirement requirements/all.txt
	@echo "==> Installing maskwatch itself"
	@$(PIP) install --quiet --no-deps --no-compile --editable .
	@touch $@

# Versions for Python 3.11 on Linux; server.txt is what the container gets. The three agree, so that all.txt
# can be installed over demo.txt.
UV_COMPILE = $(RUN)/uv pip compile --quiet --no-config --python-version 3.11 --python-platform x86_64-unknown-linux-gnu \
	--no-emit-index-url --no-emit-find-links --no-header --no-annotate

lock: $(ALL_STAMP)
	@echo "==> Choosing versions"
	@$(UV_COMPILE) --upgrade pyproject.toml --extra demo --output-file requirements/demo.txt
	@$(UV_COMPILE) --upgrade pyproject.toml --constraint requirements/demo.txt --extra postgres \
		--output-file requirements/server.txt
	@$(UV_COMPILE) --upgrade pyproject.toml --constraint requirements/demo.txt \
		--constraint requirements/server.txt --extra demo --extra dev --extra postgres --extra train --output-file requirements/all.txt

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
