"""CUDA's libraries of the wheel mxnet-cu112, which lie where the linker does not look."""

from __future__ import annotations

import ctypes
import sys
from importlib import metadata
from pathlib import Path
from typing import List

WHEEL = "mxnet-cu112"
LIBRARIES = (  # of PyPI's nvidia-*-cu11 (setup.py), each after those that it is linked to
    "cuda_runtime/lib/libcudart.so.11.0",
    "cuda_nvrtc/lib/libnvrtc.so.11.2",
    "cublas/lib/libcublasLt.so.11",
    "cublas/lib/libcublas.so.11",
    "cufft/lib/libcufft.so.10",
    "curand/lib/libcurand.so.10",
    "cusparse/lib/libcusparse.so.11",
    "cusolver/lib/libcusolver.so.11",
    "nvtx/lib/libnvToolsExt.so.1",
    "nccl/lib/libnccl.so.2",
    "cudnn/lib/libcudnn.so.8",
)


def load_libraries() -> List[str]:
    """Load CUDA's libraries, where MXNet's wheel for CUDA 11.2 is installed, so that the import of MXNet finds them.

    The linker knows a library that is loaded by its name, so that LD_LIBRARY_PATH need not be set. Returns the names of
    those that were loaded; of one that is missing the import of MXNet speaks.
    """
    try:
        metadata.version(WHEEL)
    except metadata.PackageNotFoundError:
        return []
    loaded = []
    for name in LIBRARIES:
        path = next((path for path in (Path(folder, "nvidia", name) for folder in sys.path) if path.is_file()), None)
        if path is not None:
            try:
                ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
            except OSError:
                continue
            loaded.append(path.name)
    return loaded
