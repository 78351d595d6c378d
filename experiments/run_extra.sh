#!/bin/sh
# Rows of ours beside the paper's: train, evaluate and report them. Options: --help. PYTHON: default: that of .venv.
here=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)
PYTHONPATH="$here/..${PYTHONPATH:+:$PYTHONPATH}" exec "${PYTHON:-$here/../.venv/bin/python}" -m experiments extra "$@"
