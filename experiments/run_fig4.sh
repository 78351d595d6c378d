#!/bin/sh
# Fig. 4: attention maps and response on real frames. Options: --help. PYTHON: the interpreter; default: that of .venv.
here=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)
PYTHONPATH="$here/..${PYTHONPATH:+:$PYTHONPATH}" exec "${PYTHON:-$here/../.venv/bin/python}" -m experiments fig4 "$@"
