# `make app` and `make test` are the whole set-up. PORT, PYTHON and OUT may be set.

PYTHON ?= python3
PORT ?= 8501
BIN := .venv/bin
APT := chromium redis-server postgresql python3-venv
SHELL_OF_CHROMIUM := chromium-headless-shell
# a worker takes whole modules, in the order that tests/conftest.py gives them
SPREAD := --dist loadfile --no-loadscope-reorder

export PIP_DISABLE_PIP_VERSION_CHECK := 1
# images often set it; half as much again to collect the tests, in each of six processes
unexport PYTHONDONTWRITEBYTECODE

.PHONY: app test check format system bench-ui clean

app: .venv/.app
	@echo "Relex Studio: http://localhost:$(PORT)"
	@exec $(BIN)/streamlit run app.py --server.port $(PORT) --server.headless true

test: system
	@# two environments, each a single process of pip: beside each other
	@$(MAKE) --no-print-directory -j 2 -O .venv/.dev .venv-argilla/.ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	@# a third: many wait for a server or for a process of training
	$(BIN)/pytest -n 3 $(SPREAD) -m "not browser"
	@# what measures time has the machine to itself; the other modules are not even imported
	$(BIN)/pytest -m timed $$(grep -rl --include="*.py" "mark\.timed" tests/browser); timed=$$?; \
		$(BIN)/pytest -n 2 $(SPREAD) -m "browser and not timed" tests/browser && [ $$timed = 0 ] \
		|| $(BIN)/python -m tests.browser.again

# the part that needs no browser, database server or Argilla
check: .venv/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -m "not browser and not postgres and not argilla and not peer"

format: .venv/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench-ui: .venv/.dev
	$(BIN)/python -m tests.browser.bench

.venv/bin/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else f"Expected Python 3.11 or later, found {v[0]}.{v[1]}. Name one: make app PYTHON=python3.12")'
	$(PYTHON) -m venv .venv

.venv/.app: requirements.txt | .venv/bin/python
	$(BIN)/pip install -r requirements.txt
	@touch $@

.venv/.dev: requirements-dev.txt requirements.txt | .venv/bin/python
	$(BIN)/pip install -r requirements-dev.txt
	@touch $@ .venv/.app

# the Argilla server pins other versions than the app: an environment of its own, for tests only
.venv-argilla/.ready: tests/argilla_server/requirements.txt
	@if $(PYTHON) -m venv .venv-argilla && .venv-argilla/bin/pip install -r tests/argilla_server/requirements.txt; \
		then touch $@; \
		else echo "The Argilla server could not be installed; tests against it will be skipped (with CI=true they fail)."; fi

# Debian's packages, only as root on Debian; elsewhere the tests say what they miss and how to get it
system:
	@$(call debian,$(APT))
	@# the same browser without windows of its own, which a page waits for; not every Debian has it, and without it chromium does
	@$(call debian,$(SHELL_OF_CHROMIUM)) || echo "No $(SHELL_OF_CHROMIUM): the tests in the browser take longer."

debian = if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && ! dpkg -s $(1) >/dev/null 2>&1; then \
	apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends $(1); fi

clean:
	rm -rf .venv .venv-argilla .pytest_cache .mypy_cache .ruff_cache
