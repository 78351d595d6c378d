#!/bin/sh
# Fig. 10: trackers ranked by expected average overlap. Options: --help. PYTHON: the interpreter; default: that of .venv.
here=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)
PYTHONPATH="$here/..${PYTHONPATH:+:$PYTHONPATH}" exec "${PYTHON:-$here/../.venv/bin/python}" -m experiments fig10 "$@"
