#!/usr/bin/env bash
# What a machine without a card can try of the GPU wheel: install it, import it, track with it on the CPU, ask the doctor.
#
#   experiments/aws/rehearse.sh [FOLDER]        FOLDER (default: a new one in /tmp) takes 4.3 GB, which are removed at the end
#
# MXNet's wheel for CUDA is linked to libcuda.so.1, which comes with NVIDIA's driver. Where there is none, ten functions that
# answer an error stand for it: what is shown is that the wheel, its libraries and ours fit together, and no GPU's result.
# PYTHON=python3: 3.8 to 3.11.
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.." && pwd)
folder=${1:-$(mktemp -d)}
[ ! -e "$folder/venv" ] || { echo "rehearse.sh: $folder/venv exists: give a new folder." >&2; exit 2; }
mkdir -p "$folder"
trap 'cd "$folder" && rm -rf venv driver frames *_wheel.txt; rmdir --ignore-fail-on-non-empty "$folder"' EXIT
say() { printf '\n== %s\n' "$*"; }

say "Install the wheel and CUDA's libraries"
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check -e "$root[cu112]"
"$folder/venv/bin/python" --version
du -sh "$folder/venv" | cut -f1
unset LD_LIBRARY_PATH  # CUDA's libraries must be found without

if ldconfig -p | grep -q 'libcuda\.so\.1'; then
    say "NVIDIA's driver is here"
else
    say "A stub for NVIDIA's driver"
    mkdir "$folder/driver"
    for name in cuDeviceGet cuDevicePrimaryCtxRetain cuGetErrorString cuGraphKernelNodeGetParams cuGraphNodeGetType \
        cuLaunchKernel cuModuleGetFunction cuModuleLoadData cuModuleLoadDataEx cuModuleUnload; do
        echo "int $name(void) { return 3; }"  # not initialised
    done | cc -shared -fPIC -Wl,-soname,libcuda.so.1 -x c -o "$folder/driver/libcuda.so.1" -
    export LD_LIBRARY_PATH=$folder/driver
fi

say "Import"
"$folder/venv/bin/python" -c 'import rar_gluon, mxnet
print("mxnet", mxnet.__version__, *(mxnet.runtime.Features()[name] for name in ("CUDA", "CUDNN", "NCCL")))'

say "Ten frames, on the CPU"
"$folder/venv/bin/python" - "$folder/frames" << 'END'
import sys
from pathlib import Path

import cv2
import numpy as np

random, folder = np.random.default_rng(0), Path(sys.argv[1])
folder.mkdir()


def texture(cells, size):
    return cv2.resize(random.integers(0, 256, (cells, cells, 3)).astype(np.uint8), size, interpolation=cv2.INTER_CUBIC)


background, target = texture(16, (320, 240)), texture(6, (48, 40))
for number in range(10):
    frame, x, y = background.copy(), 100 + 3 * number, 90 + 2 * number
    frame[y : y + 40, x : x + 48] = target
    cv2.imwrite(str(folder / f"{number:04d}.png"), frame)
END
"$folder/venv/bin/rar" track "$folder/frames" --init 100,90,48,40 --boxes "$folder/gpu_wheel.txt" --quiet
if [ -x "$root/.venv/bin/rar" ]; then
    "$root/.venv/bin/rar" track "$folder/frames" --init 100,90,48,40 --boxes "$folder/other_wheel.txt" --quiet
    cmp "$folder/gpu_wheel.txt" "$folder/other_wheel.txt" && echo "the same boxes, to the last digit, as by the wheel in .venv"
fi

say "rar doctor"
"$folder/venv/bin/rar" doctor --folder "$folder" || echo "status $?"
say "rar doctor --gpu"
"$folder/venv/bin/rar" doctor --gpu --folder "$folder" || echo "status $?"
