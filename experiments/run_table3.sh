#!/bin/sh
# Table 3: train, evaluate and report its fifteen rows. Options: --help. PYTHON: the interpreter; default: that of .venv.
here=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)
PYTHONPATH="$here/..${PYTHONPATH:+:$PYTHONPATH}" exec "${PYTHON:-$here/../.venv/bin/python}" -m experiments table3 "$@"
