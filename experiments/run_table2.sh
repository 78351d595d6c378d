#!/bin/sh
# Table 2: published, recomputed and measured numbers of trackers. Options: --help. PYTHON: the interpreter; default: that of .venv.
here=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)
PYTHONPATH="$here/..${PYTHONPATH:+:$PYTHONPATH}" exec "${PYTHON:-$here/../.venv/bin/python}" -m experiments table2 "$@"
