#!/bin/sh
# Rows of ours beside the paper's: train, evaluate and report them. Options: --help. PYTHON: default: that of .venv.
here=$(cd "$(dirname "$0")" && pwd)
exec "${PYTHON:-$here/../.venv/bin/python}" "$here/driver.py" extra "$@"
