# Needs Python 3.10 to 3.14 and make, nothing else. `make` alone lists the targets.
# Kept to what GNU make 3.81 understands, the version that macOS ships.

# The first of these that is new enough makes .venv; `make run PYTHON=python3.12` names one.
PYTHON ?= python3 python3.14 python3.13 python3.12 python3.11 python3.10
VENV := .venv
PY := $(VENV)/bin/python

# What exists of the Python code: ruff and mypy stumble over folders that do not.
CODE := $(wildcard core dashboard run.py benchmarks tools tests probes)

# Containers often forbid Python to store compiled code: every start would compile all of it again.
export PYTHONDONTWRITEBYTECODE :=

# Three test processes keep two cores busy: browser tests wait a third of their time.
PYTEST := $(PY) -m pytest -n 3 --dist worksteal

.PHONY: help run test probe coverage lint format screenshots clean venv venv-dev venv-probe browser

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# exec: the shell is gone when Ctrl+C comes, so make sees run.py end with 0 and has no error to show.
run: venv ## start the dashboard; options: make run ARGS="--port 8060 --no-browser"
	@exec $(PY) run.py $(ARGS)

test: venv-dev browser ## run all tests; some: make test ARGS="tests/core -k name"
	@exec $(PYTEST) $(ARGS)

probe: venv-probe browser ## check what takes long: other browsers, nginx, slow answers
	@$(PY) -m tools.setup_probes
	@$(PY) -m pytest -o faulthandler_timeout=2400 probes $(ARGS)
	@$(PY) -m pytest -o faulthandler_timeout=2400 --hypothesis-profile thorough -k foreign_input tests/core tests/dashboard
	@DIGITLAB_SLOW_NETWORK=1 $(PYTEST) tests/browser

coverage: venv-dev browser ## run all tests and list the lines that none of them reaches
	@exec $(PYTEST) --cov $(ARGS)

lint: venv-dev ## check style, format and types
	$(PY) -m ruff check $(CODE)
	$(PY) -m ruff format --check $(CODE)
	$(PY) -m mypy $(CODE)

format: venv-dev ## fix style and format where ruff can
	$(PY) -m ruff check --fix $(CODE)
	$(PY) -m ruff format $(CODE)

screenshots: venv-dev browser ## take the pictures in docs/images anew
	@exec $(PY) -m tools.screenshots $(ARGS)

clean: ## delete .venv and caches; runs and data stay
	rm -rf $(VENV)/bin $(VENV) .pytest_cache .mypy_cache .ruff_cache .coverage .coverage.*
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +

browser: venv-dev
	@$(PY) -m tools.setup_browser

# --- The virtual environment ---------------------------------------------------------------
# .venv/incomplete holds the process id of the make that is at work on .venv and is removed at
# the end. If that process is gone, it was interrupted, and pip cannot be trusted to notice what
# is missing: start afresh. A .venv whose Python is gone or too old goes the same way. (Deleting
# starts with bin, so that a .venv deleted by half has no Python either.)

VERSION_OK := import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 14))

venv:
	@if [ -e $(VENV)/incomplete ] && kill -0 "$$(cat $(VENV)/incomplete)" 2>/dev/null; then \
	    echo "Another make is setting up $(VENV): wait for it (or delete $(VENV) if there is none)." >&2; \
	    exit 1; \
	fi; \
	if [ -e $(VENV)/incomplete ] || ! $(PY) -c '$(VERSION_OK)' 2>/dev/null; then \
	    for python in $(PYTHON) ''; do \
	        [ -n "$$python" ] && "$$python" -c '$(VERSION_OK)' 2>/dev/null && break; \
	    done; \
	    if [ -z "$$python" ]; then \
	        echo "Digit Lab needs Python 3.10 to 3.14, and none was found as: $(PYTHON). Install one, or name it: make run PYTHON=/path/to/python3" >&2; \
	        exit 1; \
	    fi; \
	    if ! "$$python" -c 'import venv, ensurepip' 2>/dev/null; then \
	        echo "$$python lacks the venv module: install it (Debian, Ubuntu: apt install python3-venv) and try again." >&2; \
	        exit 1; \
	    fi; \
	    echo "Creating $(VENV) with $$("$$python" --version)."; \
	    rm -rf $(VENV)/bin $(VENV) && mkdir $(VENV) && echo $$$$ > $(VENV)/incomplete && "$$python" -m venv $(VENV); \
	fi
	@$(call install,requirements.txt)

venv-dev: venv
	@$(call install,requirements-dev.txt)

venv-probe: venv-dev
	@$(call install,requirements-probe.txt)

# Installs a requirements file, unless the copy kept from the last time shows that nothing changed.
define install
if ! cmp -s $(1) $(VENV)/$(1); then \
    echo "Installing $(1) into $(VENV): some minutes the first time."; \
    echo $$$$ > $(VENV)/incomplete && \
    $(PY) -m pip install --disable-pip-version-check --no-input -r $(1) && \
    cp $(1) $(VENV)/$(1) && rm $(VENV)/incomplete; \
fi
endef
