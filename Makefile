# make demo: install into .venv, track a real clip, write demo/.   make test: install, run all tests and the linter.
# make table3: the rows of Table 3, small; writes runs/.
# make bench: the short form of benchmarks/, its ratios held against benchmarks/baseline.csv.
# make power: kills every command at random moments, and resumes; ten times as many cases of generated input; 40 minutes.
# make coverage: what of the code the tests run, and the files below 80 %.
# make page: a page that tracks in the browser (needs npm).
# make docs: the site of all pages, build/docs/index.html; a warning is an error.
# PYTHON=python3.8 VENV=.venv-3.8 is another Python, in an environment of its own.
# EXTRA=cu112 (or cu102) installs the GPU wheel instead of the CPU one; in place of one that is installed: make clean first.
# make demo works without MXNet where it has no wheel (Python 3.12 on); make test-onnx: its tests, on the newest Python here.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(shell cat $(VENV)/installed 2> /dev/null)
EXTRA ?= $(or $(INSTALLED),cpu)

.PHONY: demo table3 page test test-onnx lint bench power coverage docs clean other-wheel

# MXNet has wheels for Python up to 3.11; from 3.12 on ONNX Runtime computes.
HAS_WHEEL := $(shell $(PYTHON) -c "import sys; print(int(sys.version_info < (3, 12)))")
ifeq ($(HAS_WHEEL),1)
demo: $(VENV)/installed
	$(BIN)/rar demo --output demo
else
demo: .venv-onnx/installed
	.venv-onnx/bin/rar demo --output demo
endif

# The script takes PYTHON for the interpreter that runs it; ours is the one that makes the environment.
table3: $(VENV)/installed
	PYTHON=$(BIN)/python experiments/run_table3.sh

power: $(VENV)/installed
	RAR_KILLS=12 RAR_EXAMPLES=2500 $(BIN)/python -m pytest -q -m '' tests/power tests/hostile

# A process a core, a thread each; a file's tests stay together, for what they share.
test: $(VENV)/installed
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n auto --dist loadfile
	@$(MAKE) --no-print-directory lint

# The tracker without MXNet: what needs neither it nor a network of ours made in the test.
WITHOUT_MXNET := tests/engine/test_onnx.py tests/examples/test_without_rar.py tests/test_geometry.py tests/test_config.py \
	tests/data/test_frames.py tests/data/test_folder.py tests/data/test_otb.py tests/evaluation/otb \
	tests/evaluation/vot/test_score.py tests/report/test_tables.py tests/report/test_overlay.py tests/cli/test_web.py

test-onnx: .venv-onnx/installed
	! .venv-onnx/bin/python -c "import mxnet" 2> /dev/null
	OMP_NUM_THREADS=1 .venv-onnx/bin/python -m pytest -q -n auto --dist loadfile -m "not power" $(WITHOUT_MXNET)

lint: $(VENV)/installed
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --quiet --check .

# Counting lines makes tests a quarter longer, so it is a job of its own beside the gate.
coverage: $(VENV)/installed
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n auto --dist loadfile --cov=rar_gluon --cov=experiments --cov-report=
	@$(BIN)/python -m coverage report --sort=cover | awk '$$NF + 0 < 80 || /^TOTAL/'

bench: $(VENV)/installed
	$(BIN)/python -m benchmarks peak backbone filter tracker training flops --short --rounds 3 \
		--baseline benchmarks/baseline.csv

docs: $(VENV)/installed
	$(BIN)/pip install -qq --disable-pip-version-check -e '.[docs]'
	$(BIN)/python -m sphinx -q -W --keep-going docs build/docs
	test ! -d build/page || cp -r build/page/. build/docs/browser

# The page that tracks in the browser, build/page/index.html; make docs puts it into the site as browser/.
page: $(VENV)/installed
	npm install --silent --no-save --no-audit --no-fund --prefix .npm onnxruntime-web@1.20.1
	$(BIN)/rar export build/page --page .npm/node_modules/onnxruntime-web

# The stamp holds the EXTRA that is installed. Asked for another we stop: pip would keep both wheels.
OTHER := $(filter-out $(EXTRA),$(INSTALLED))
other-wheel:
	@echo "$(VENV) holds the wheel of EXTRA=$(OTHER): make clean first, or give another VENV." >&2; exit 1

# gluoncv comes without its requirements: its opencv-python would overwrite the headless OpenCV and need libGL.
$(VENV)/installed: setup.py $(if $(OTHER),other-wheel)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -qq --disable-pip-version-check -e '.[$(EXTRA),demo,train,zoo,test]'
	$(BIN)/pip install -qq --disable-pip-version-check --no-deps gluoncv==0.10.5.post0
	echo $(EXTRA) > $@

# Today's versions of everything, on Python 3.13 where the machine has it (of pyenv, too), else on PYTHON.
NEWEST ?= $(shell for python in python3.13 $$HOME/.pyenv/versions/3.13*/bin/python3.13; do \
	$$python -c "" 2> /dev/null && echo $$python && break; done)
.venv-onnx/installed: setup.py
	$(or $(NEWEST),$(PYTHON)) -m venv .venv-onnx
	.venv-onnx/bin/pip install -qq --disable-pip-version-check -e '.[onnx,demo,web]' pytest pytest-xdist hypothesis
	touch $@

clean:
	rm -rf .venv .venv-* .npm demo build dist *.egg-info
