#!/usr/bin/env bash
# From a fresh Ubuntu 20.04 or 22.04 to an environment that has passed `rar doctor`. Can be run again at any time.
#
#   experiments/aws/setup.sh                     within a clone; or
#   REPOSITORY=URL bash setup.sh                 alone: clones into ./rar-gluon first
#
# EXTRA=cu112 (default), cu102 or cpu: the wheel.  PYTHON=python3: 3.8 to 3.11.  CHECK=no: without the check, for images.
set -euo pipefail
EXTRA=${EXTRA:-cu112} PYTHON=${PYTHON:-python3}

stop() { echo "setup.sh: $*" >&2; exit 1; }

# 1. System packages, those that are missing.
missing=$(for package in git make python3-venv libgomp1; do dpkg -s "$package" >/dev/null 2>&1 || echo "$package"; done)
if [ -n "$missing" ]; then
    sudo=$([ "$(id -u)" = 0 ] || echo sudo)
    $sudo apt-get update -qq
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -qq -y $missing
fi

# 2. The clone that this file is in, or a new one.
root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.." && pwd)
if [ ! -f "$root/rar_gluon/__init__.py" ]; then
    [ -d rar-gluon ] || git clone "${REPOSITORY:?give the URL to clone: REPOSITORY=... bash setup.sh}" rar-gluon
    root=$PWD/rar-gluon
fi
cd "$root"

# 3. Python, and for a GPU its driver: the wheel and CUDA's libraries are 2.4 GB, so we look before.
"$PYTHON" -c 'import sys; sys.exit(not (3, 8) <= sys.version_info[:2] <= (3, 11))' ||
    stop "$("$PYTHON" --version) does not run MXNet 1.9.1: give PYTHON=python3.10, or another from 3.8 to 3.11."
if [ "$EXTRA" != cpu ] && [ "${CHECK:-yes}" != no ] && ! nvidia-smi >/dev/null 2>&1; then
    stop "no NVIDIA driver answers (nvidia-smi): install one as docs/guide/aws.md says, or give EXTRA=cpu."
fi

# 4. The environment .venv, as `make demo` makes it.
wheel=mxnet$([ "$EXTRA" = cpu ] || echo "-$EXTRA")
if [ -f .venv/installed ] && ! .venv/bin/pip show -q "$wheel" >/dev/null 2>&1; then
    stop ".venv holds another MXNet than $wheel: remove it by make clean."
fi
make --no-print-directory .venv/installed EXTRA="$EXTRA" PYTHON="$PYTHON"

# 5. Does it compute?
if [ "${CHECK:-yes}" != no ]; then
    if [ "$EXTRA" = cpu ]; then .venv/bin/rar doctor; else .venv/bin/rar doctor --gpu; fi
fi
echo "Ready: cd $root && source .venv/bin/activate"
