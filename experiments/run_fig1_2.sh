#!/bin/sh
# Figs. 1 and 2: features of the levels. Options: --help. PYTHON: the interpreter; default: that of .venv.
here=$(cd "$(dirname "$0")" && pwd)
exec "${PYTHON:-$here/../.venv/bin/python}" "$here/driver.py" fig1_2 "$@"
