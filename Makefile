# Needs make and Python 3.11 or newer, nothing else.
#   make setup    the environment, in .venv
#   make demo     everything, with five synthetic cities; SERVE=0 ends after loading; CITY=heyuan MEMBERS=2000
#   make up       everything, with the data that .gongji holds
#   make test     all tests
#   make check    linters, types, contracts, migrations, then all tests
#   make prove    the long proofs for an hour: mutants, kills, fuzz, races; SEED=7 MINUTES=20, or ROUNDS=2 ONLY=kills
# For maintainers:
#   make messages the Chinese catalogue (needs gettext)
#   make lock     the lock files (needs pip-tools in .venv)

PYTHON ?= python3
PORT ?= 8000
SERVE ?= 1
TODAY ?=
MEMBERS ?=
CITY ?=
DEMO ?=
TESTS ?=
SEED ?=
MINUTES ?= 60
ROUNDS ?=
ONLY ?=

VENV := .venv/bin/python
LAUNCHER := $(VENV) -m launcher
INSTALL := $(VENV) -m pip install --quiet --disable-pip-version-check --no-input --require-hashes --no-deps
LOCK := $(VENV) -m piptools compile --quiet --generate-hashes --allow-unsafe --strip-extras --newline=lf \
	--no-header --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options \
	--annotation-style=line

.DELETE_ON_ERROR:
.PHONY: setup demo up test check prove messages lock

setup: .venv/development

demo: .venv/runtime
	$(LAUNCHER) demo --port $(PORT) $(if $(filter 0,$(SERVE)),--no-serve) \
		$(if $(TODAY),--today $(TODAY)) $(if $(MEMBERS),--members $(MEMBERS)) $(addprefix --city ,$(CITY)) $(DEMO)

up: .venv/runtime
	$(LAUNCHER) up --port $(PORT)

test: .venv/development
	$(VENV) -m pytest $(TESTS)

check: .venv/development
	$(VENV) -m ruff check .
	$(VENV) -m mypy
	.venv/bin/lint-imports
	$(LAUNCHER) run --ephemeral -- python manage.py makemigrations --check --dry-run
	$(VENV) -m pytest $(TESTS)

prove: .venv/development
	$(VENV) -m tests.prove --minutes $(MINUTES) $(if $(SEED),--seed $(SEED)) $(if $(ROUNDS),--rounds $(ROUNDS)) \
		$(if $(ONLY),--only $(ONLY))

messages: .venv/development
	$(VENV) manage.py makemessages --locale zh_Hans --no-location --no-obsolete \
		--ignore '.venv/*' --ignore 'tests/*' --ignore '.gongji/*'
	$(VENV) manage.py compilemessages --locale zh_Hans --ignore '.venv'

lock:
	$(LOCK) --output-file requirements.lock pyproject.toml
	$(LOCK) --extra local --constraint requirements.lock --output-file requirements-local.lock pyproject.toml
	$(LOCK) --extra local --extra dev --constraint requirements-local.lock --output-file requirements-dev.lock \
		pyproject.toml

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "需要 Python 3.11 或更新版本。请用 PYTHON= 指定，例如：make $(or $(MAKECMDGOALS),setup) PYTHON=python3.12"; \
		echo "  (Gongji needs Python 3.11 or newer; name one with PYTHON=)"; exit 1; }
	$(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }

# What production installs (requirements.lock), the servers of one machine on top (local), and what the tests need
# (dev): each lock holds all of the one before. Each stamp is younger than its lock.
.venv/runtime: requirements-local.lock | .venv/bin/python
	$(INSTALL) -r requirements-local.lock
	@touch $@

.venv/development: requirements-dev.lock | .venv/bin/python
	$(INSTALL) -r requirements-dev.lock
	@touch $@ .venv/runtime
