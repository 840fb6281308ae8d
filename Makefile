# The verbs of the course. Each creates what it needs first; nothing is done twice.
MAKEFLAGS += --jobs=2
PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Kernels are the same for everyone: no settings of the user's own, and one thread, the fastest for small matrices.
export OPENBLAS_NUM_THREADS := 1
export IPYTHONDIR := $(CURDIR)/.ipython

REFERENCE := $(wildcard reference_impl/*.py)
CHECKS := $(wildcard checks/*.py) checks/pyproject.toml
GRADING := $(wildcard grading/*.py) nbgrader_config.py
SETS := $(wildcard solutions/*/*.md solutions/*/spec.py)
BOOK := _config.yml _toc.yml $(wildcard book/*.md book/_ext/* book/_static/* book/_templates/* book/_templates/static/* book/figures/* book/data/*)

# The site is built again where it is to stand elsewhere: BOOK_URL and BOOK_VERSION tell its address.
ADDRESS := $(BOOK_URL) $(BOOK_VERSION)
$(shell mkdir -p .stamps; echo "$(ADDRESS)" | cmp -s - .stamps/address || echo "$(ADDRESS)" > .stamps/address)

.PHONY: all book qualify serve links public pdf offline exercises lab grade test test-browser bench clean help
all: .stamps/book .stamps/live .stamps/exercises .stamps/grade  ## build the site, release the exercises, grade a sample class
	@$(BIN)/python -m grading.tell

.stamps/installed: requirements.txt pyproject.toml package-lock.json
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/npm ci --loglevel=error > /dev/null
	@mkdir -p .stamps && touch $@

.stamps/exercises: .stamps/installed $(REFERENCE) $(CHECKS) $(GRADING) $(SETS)
	$(BIN)/python -m grading.release
	@touch $@

.stamps/wheel: .stamps/installed $(CHECKS)
	@rm -rf dist && $(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation -w dist ./checks
	@rm -rf checks/build checks/*.egg-info && touch $@

qualify: .stamps/qualified  ## examine every check

.stamps/qualified: .stamps/exercises
	$(BIN)/python -m grading.qualify
	@touch $@

.stamps/book: .stamps/exercises .stamps/wheel .stamps/qualified .stamps/address $(BOOK)
	$(BIN)/jupyter-book build . -W -n --keep-going --quiet
	@touch $@

.stamps/book-solved: .stamps/book .stamps/live
	$(BIN)/python -m grading.solved
	$(BIN)/jupyter-book build . -W -n --keep-going --quiet --toc _build/toc_solutions.yml --path-output _build/solved
	cp -r _build/html/lite _build/solved/_build/html/
	@touch $@

# Notebooks that open in the browser. PYODIDE=FOLDER, an unpacked release of Pyodide, serves Python from the site itself.
.stamps/live: .stamps/exercises .stamps/wheel grading/live.py | .stamps/book
	PYODIDE=$(PYODIDE) $(BIN)/python -m grading.live
	@touch $@

# Each is followed by a build: the welcome page now links to it.
pdf: .stamps/book  ## the whole book as one PDF (Chromium prints it)
	$(BIN)/python -m grading.pdf
	$(BIN)/jupyter-book build . -W -n --keep-going --quiet

offline: .stamps/book  ## the whole site as one zip that works from a folder
	$(BIN)/python -m grading.offline
	$(BIN)/jupyter-book build . -W -n --keep-going --quiet

.stamps/grade: .stamps/exercises
	$(BIN)/python -m grading.sample
	@touch $@

book: .stamps/book$(if $(SOLUTIONS),-solved) .stamps/live  ## build the site (SOLUTIONS=1 adds the solved sets, for those who learn alone)

serve: .stamps/book  ## the site on http://localhost:8000 (PORT=8001 elsewhere), built again when a file changes
	$(BIN)/python -m grading.serve --port $(or $(PORT),8000)

links: .stamps/book  ## are the links that lead out of the site broken? The one verb that asks other hosts
	$(BIN)/python -m grading.links

public: book  ## the folder to publish, _build/public: the site, and the releases' sites from releases/
	$(BIN)/python -m grading.publish

exercises: .stamps/exercises  ## generate exercises/ from solutions/ and reference_impl/

lab: .stamps/exercises  ## open the exercises in JupyterLab
	$(BIN)/jupyter lab --notebook-dir exercises

grade: .stamps/grade  ## grade the sample class with nbgrader

test: .stamps/book .stamps/live .stamps/grade  ## all tests but the browser's
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m pytest -m "not browser" -n 2 --dist loadgroup

test-browser: .stamps/book .stamps/live  ## the built site in Chromium
	$(BIN)/python -m pytest -m browser -n 2 --dist loadgroup

bench: .stamps/installed  ## NumPy against PyTorch on this machine, and the real training runs and small experiments: some 45 minutes, nothing else running
	$(BIN)/python -m bench.cpu --json book/data/cpu_bench.json
	$(BIN)/python -m bench.training --json book/data/training_bench.json
	$(BIN)/python -m bench.grading --json book/data/grading_bench.json
	for name in parity char sizes isoflop mup; do $(BIN)/python -m bench.lab $$name --json book/data/lab_$$name.json || exit 1; done

clean:  ## remove everything generated but .venv
	rm -rf _build dist book/solved .stamps/book* .stamps/exercises .stamps/grade .stamps/wheel .stamps/live .stamps/qualified node_modules/.cache
	find . -name __pycache__ -not -path './.venv/*' -exec rm -rf {} +

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14
