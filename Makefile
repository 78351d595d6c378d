# make demo: install into .venv, track a real clip, write demo/.   make test: install, run all tests and the linter.
# make table3: the rows of Table 3, small; writes runs/.
# make bench: the short form of benchmarks/, its ratios held against benchmarks/baseline.csv.
# make power: kills every command at random moments, and resumes; half an hour.
# make coverage: what of the code the tests run, and the files below 80 %.
# make docs: the site of all pages, build/docs/index.html; a warning is an error.
# EXTRA=cu112 (or cu102) installs the GPU wheel instead of the CPU one.
PYTHON ?= python3
EXTRA ?= cpu
BIN := .venv/bin

.PHONY: demo table3 test lint bench power coverage docs clean

demo: .venv/installed
	$(BIN)/rar demo --output demo

table3: .venv/installed
	experiments/run_table3.sh

power: .venv/installed
	RAR_KILLS=12 $(BIN)/python -m pytest -q -m power

# A process a core, a thread each; a file's tests stay together, for what they share.
test: .venv/installed
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n auto --dist loadfile
	@$(MAKE) --no-print-directory lint

lint: .venv/installed
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --quiet --check .

# Counting lines makes tests a quarter longer, so it is a job of its own beside the gate.
coverage: .venv/installed
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n auto --dist loadfile --cov=rar_gluon --cov=experiments --cov-report=
	@$(BIN)/python -m coverage report --sort=cover | awk '$$NF + 0 < 80 || /^TOTAL/'

bench: .venv/installed
	$(BIN)/python -m benchmarks peak backbone filter tracker training flops --short --rounds 3 \
		--baseline benchmarks/baseline.csv

docs: .venv/installed
	$(BIN)/pip install -qq --disable-pip-version-check -e '.[docs]'
	$(BIN)/python -m sphinx -q -W --keep-going docs build/docs

# gluoncv comes without its requirements: its opencv-python would overwrite the headless OpenCV and need libGL.
# onnxruntime too: it declares a newer numpy than it needs.
.venv/installed: setup.py
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -qq --disable-pip-version-check -e '.[$(EXTRA),demo,train,zoo,test]'
	$(BIN)/pip install -qq --disable-pip-version-check --no-deps gluoncv==0.10.5.post0 onnxruntime==1.16.3
	touch $@

clean:
	rm -rf .venv demo build dist *.egg-info
