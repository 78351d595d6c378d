#!/bin/sh
# Fig. 4: attention maps and response on real frames. Options: --help. PYTHON: the interpreter; default: that of .venv.
here=$(cd "$(dirname "$0")" && pwd)
exec "${PYTHON:-$here/../.venv/bin/python}" "$here/driver.py" fig4 "$@"
