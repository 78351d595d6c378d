#!/bin/sh
# Figs. 8 and 9: boxes of several trackers, and failures of ours. Options: --help. PYTHON: the interpreter; default: that of .venv.
here=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)
PYTHONPATH="$here/..${PYTHONPATH:+:$PYTHONPATH}" exec "${PYTHON:-$here/../.venv/bin/python}" -m experiments fig8_9 "$@"
