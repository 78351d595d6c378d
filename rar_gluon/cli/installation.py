"""What of an installation works: versions against pins, devices, their results, datasets, the disk."""

from __future__ import annotations

import platform
import re
import shutil
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Iterator, List, Mapping

import numpy as np

from rar_gluon import __version__
from rar_gluon.common import InputError, output_folder
from rar_gluon.net.device import count_gpus

WHEELS = ("mxnet", "mxnet-cu112", "mxnet-cu102")  # one of them
FREE = 5 << 30  # bytes, of a training with its checkpoints
TOLERANCE = 1e-3  # between a GPU's results and the CPU's
APART = {"gluoncv": "0.10.5.post0"}  # which is installed without its requirements
DRIVER = "install NVIDIA's driver 525 or later (docs/guide/aws.md; nvidia-smi shows it); a container needs --gpus all"
CARDS = "docs/guide/install.md says which wheel has machine code for which card"


@dataclass(frozen=True)
class Finding:
    """A line: what was looked at, whether it is good, and what to do when not."""

    good: bool
    text: str
    fix: str = ""


def examine(gpu: bool, roots: Mapping[str, Path], folder: Path) -> List[Finding]:
    """Look at everything.

    Parameters
    ----------
    gpu : there must be one.
    roots : folders of datasets by their names.
    folder : where results will go.
    """
    return [*versions(), *devices(gpu), *datasets(roots), disk(folder)]


def versions() -> Iterator[Finding]:
    """Versions of Python and of the packages, against the pins of `setup.py`; of extras, those that are there.

    The extras' pins are those that MXNet is tested with; without it any version does that is new enough.
    """
    yield Finding(True, f"rar-gluon {__version__}, Python {platform.python_version()}, {platform.platform()}")
    wheels = [name for name in WHEELS if _version(name)]
    pins = {name: [version] for name, version in APART.items()}  # several extras may want one package
    needed, least = set(), {}
    for requirement in _requirements():
        match = re.match(r"([\w.-]+)\s*(==|>=)\s*([\w.]+)[^;]*(?:;(.*))?", requirement)
        if match is None or not _applies(match.group(4) or ""):
            continue
        name, relation, version, marker = match.groups("")
        if "extra" not in marker and name != "opencv-contrib-python-headless":
            needed.add(name)  # another build of OpenCV does, and is looked for below
        if relation == "==" and ("extra" not in marker or wheels):
            pins.setdefault(name, []).append(version)
        elif relation == ">=":
            least[name] = version
    for name, version in least.items():
        installed = _version(name)
        if name not in pins and (installed or name in needed):
            good = installed is not None and _numbers(installed) >= _numbers(version)
            text = f"{name} {installed or 'is missing'}" + ("" if good else f", but {version} or later is needed")
            yield Finding(good, text, f"pip install '{name}>={version}'")
    for name, pinned in pins.items():
        installed = _version(name)
        if installed is None and name not in needed:
            continue
        good, tested = (installed or "").partition("+")[0] in pinned, pinned[0]  # 2.13.0+cpu is a build of 2.13.0
        fix = f"pip install {'--no-deps ' if name in APART else ''}{name}=={tested}"
        yield Finding(good, f"{name} {installed or 'is missing'}" + ("" if good else f", but {tested} is tested"), fix)
    runs = len(wheels) == 1 or (not wheels and _version("onnxruntime") is not None)
    fix = "pip install 'rar-gluon[cpu]', or [cu112] or [cu102] (" + CARDS + "); to track alone 'rar-gluon[onnx]'"
    yield Finding(runs, f"wheels of MXNet: {', '.join(wheels) or 'none'}", fix)
    builds = [name for name in _distributions() if re.fullmatch(r"opencv(-contrib)?-python(-headless)?", name)]
    fix = "keep one of OpenCV's builds: pip uninstall the others, then reinstall it with --force-reinstall --no-deps"
    yield Finding(len(builds) == 1, f"builds of OpenCV: {', '.join(builds) or 'none'}", fix)


def _requirements() -> List[str]:
    try:
        return metadata.requires("rar-gluon") or []
    except metadata.PackageNotFoundError:
        return []


def _applies(marker: str) -> bool:
    """Whether a requirement is one of this Python's; of extras too."""
    version = tuple(int(part) for part in platform.python_version_tuple()[:2])
    for operator, major, minor in re.findall(r"python_version\s*(>=|<)\s*[\"'](\d+)\.(\d+)", marker):
        least = version >= (int(major), int(minor))
        if least != (operator == ">="):
            return False
    return True


def _numbers(version: str) -> List[int]:
    return [int(part) for part in re.findall(r"\d+", version)[:3]]


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _distributions() -> List[str]:
    return sorted({str(one.metadata["Name"]).lower() for one in metadata.distributions() if one.metadata["Name"]})


def devices(gpu: bool) -> Iterator[Finding]:
    """Whether MXNet can be imported, sees its GPUs, and computes on each what the CPU computes, or is replaced."""
    try:
        import mxnet as mx
    except OSError as error:
        wheel = "its wheel again, with its libraries: pip install --force-reinstall 'rar-gluon[cu112]'"
        fix = DRIVER if "libcuda.so" in str(error) else f"install {wheel}"
        yield Finding(False, f"a library of MXNet is missing ({error})", fix)
        return
    except ImportError as error:
        if not gpu and _version("onnxruntime"):
            yield Finding(True, "without MXNet, ONNX Runtime tracks; training and GPUs need MXNet")
            return
        yield Finding(False, f"MXNet cannot be imported ({error})", "pip install 'rar-gluon[cpu]', or to track [onnx]")
        return
    features, (count, problem) = mx.runtime.Features(), count_gpus()
    built = [name for name in ("CUDA", "CUDNN", "MKLDNN") if features.is_enabled(name)]
    fix = "look whether nvidia-smi sees one, and install the wheel for it (make clean && make EXTRA=cu112)"
    yield Finding(bool(count) or not gpu, f"MXNet {mx.__version__} with {', '.join(built)}: {count} GPUs", fix)
    if problem:
        yield Finding(False, f"NVIDIA's driver answers: {problem}", DRIVER)
    expected = compute(mx, mx.cpu())
    for number in range(count):
        try:
            error = float(np.abs(compute(mx, mx.gpu(number)) - expected).max())
        except mx.base.MXNetError as problem:
            yield Finding(False, f"GPU {number} does not compute ({str(problem).splitlines()[-1]})", CARDS)
            continue
        yield Finding(error < TOLERANCE, f"GPU {number} agrees with the CPU to {error:.1e}", CARDS)
    fix = "reinstall MXNet: its wheel does not fit this processor"
    yield Finding(bool(np.isfinite(expected).all()), "the CPU computes", fix)


def compute(mx, ctx) -> np.ndarray:
    """Gradient of a convolution (cuDNN), a matrix product (cuBLAS) and an element-wise operation (MXNet's own)."""
    random = np.random.default_rng(0)
    data, weight, matrix = (
        mx.nd.array(random.normal(size=shape), ctx=ctx) for shape in ((2, 3, 16, 16), (4, 3, 3, 3), (16, 16))
    )
    weight.attach_grad()
    with mx.autograd.record():
        maps = mx.nd.Convolution(data, weight, kernel=(3, 3), pad=(1, 1), num_filter=4, no_bias=True)
        mx.nd.tanh(mx.nd.dot(maps, matrix) / 16).sum().backward()
    return weight.grad.asnumpy()


def datasets(roots: Mapping[str, Path]) -> Iterator[Finding]:
    """Whether each dataset is whole."""
    from rar_gluon.data.check import check

    for name, root in roots.items():
        try:
            report = check(name, root)
        except InputError as error:
            yield Finding(False, f"{name}: {error}", "give the folder that holds it")
            continue
        last = report.text().splitlines()[-1]
        yield Finding(
            report.complete, f"{name} in {root}: {last}", f"rar data check {name} {root} says what is missing"
        )


def disk(folder: Path) -> Finding:
    """Whether results can be written, and how much."""
    try:
        output_folder(folder)
    except InputError as error:
        return Finding(False, str(error), "give another folder")
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(there).free
    fix = f"a training with its checkpoints takes up to {FREE >> 30} GB: make room, or write elsewhere"
    return Finding(free >= FREE, f"{free / (1 << 30):.1f} GB are free in {folder}", fix)
