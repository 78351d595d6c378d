"""ResNet-50 of ImageNet as others keep it: GluonCV's .params, and .safetensors under torchvision's or timm's names.

All are one topology (v1.5, the stride on the 3x3), so each needs only other names, and the input's scale.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Dict, Set

import numpy as np
from mxnet import nd
from mxnet.base import MXNetError

from rar_gluon.common import InputError, check_readable
from rar_gluon.net.backbone import BLOCKS

FOREIGN = (".params", ".safetensors")
STAGES = {"layer1": "conv2", "layer2": "conv3", "layer3": "conv4", "layer4": "conv5"}
TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}  # of safetensors; others hold no weights
NORM = ("gamma", "beta", "running_mean", "running_var")
WRAPPED = "module."  # what DataParallel of torch puts before each name
IMAGENET_MEAN_RGB = np.array([0.485, 0.456, 0.406])
IMAGENET_STD_RGB = np.array([0.229, 0.224, 0.225])


def read_foreign(path: str | os.PathLike) -> Dict[str, np.ndarray]:
    """Read a ResNet-50 as arrays of our backbone, by name; what is not of the backbone is left out.

    Raises
    ------
    InputError
        No such file, a damaged one, or not this network.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"no weights at {path}: give a weights file.")
    check_readable(path)
    try:
        theirs = from_torch(read_safetensors(path)) if path.suffix == ".safetensors" else _read_params(path)
        return from_gluoncv(theirs)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError, MXNetError) as error:
        raise InputError(f"{path} is damaged, or no ResNet-50 of GluonCV, torchvision or timm.") from error


def read_safetensors(path: str | os.PathLike) -> Dict[str, np.ndarray]:
    """Read a .safetensors file, which is the length of a header, the header in JSON, and the numbers.

    bfloat16 becomes float32; arrays of other types than floating-point ones are left out. `ValueError` or `LookupError`
    when it is damaged.
    """
    content = memoryview(Path(path).read_bytes())
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(bytes(content[8:start]).decode("utf-8"))
    arrays, room = {}, len(content) - start
    for name, entry in header.items():
        if name == "__metadata__" or entry["dtype"] not in TYPES:
            continue
        begin, end = entry["data_offsets"]
        room -= end - begin
        if not 0 <= begin <= end <= len(content) - start or room < 0:
            raise ValueError(f"{name} lies outside of the file, or over another array")
        array = np.frombuffer(content[start + begin : start + end], TYPES[entry["dtype"]]).reshape(entry["shape"])
        if entry["dtype"] == "BF16":  # the upper half of a float32
            array = (array.astype(np.uint32) << 16).view(np.float32)
        arrays[name] = array
    return arrays


def _read_params(path: Path) -> Dict[str, np.ndarray]:
    """Parameters of a file of MXNet, whose names may begin with arg: or aux:."""
    return {name.partition(":")[2] or name: array.asnumpy() for name, array in nd.load(str(path)).items()}


def from_torch(theirs: Dict[str, np.ndarray]) -> Dict[str, np.ndarray]:
    """Rename the parameters of torchvision's or timm's `resnet50`, or of DataParallel's around it, to GluonCV's."""
    renamed = {}
    for name, array in theirs.items():
        name = name[len(WRAPPED) :] if name.startswith(WRAPPED) else name
        place, _, kind = name.rpartition(".")
        if place.endswith(("bn1", "bn2", "bn3", "downsample.1")):
            kind = {"weight": "gamma", "bias": "beta"}.get(kind, kind)
        if kind != "num_batches_tracked":
            renamed[f"{place}.{kind}"] = array
    return renamed


def backbone_names() -> Set[str]:
    """Names of all parameters of a ResNet-50, as of our backbone."""
    blocks = [f"{stage}.{index}" for stage, count in BLOCKS.items() for index in range(count)]
    layers = [(block, number) for block in blocks for number in (1, 2, 3)]
    convolutions = ["conv1", *(f"{stage}.0.project" for stage in BLOCKS), *(f"{b}.conv{n}" for b, n in layers)]
    norms = ["bn1", *(f"{stage}.0.project_bn" for stage in BLOCKS), *(f"{b}.bn{n}" for b, n in layers)]
    names = [f"{place}.weight" for place in convolutions] + [f"{place}.{kind}" for place in norms for kind in NORM]
    return {f"backbone.{name}" for name in names}


def from_gluoncv(theirs: Dict[str, np.ndarray]) -> Dict[str, np.ndarray]:
    """Rename the parameters of GluonCV's `resnet50_v1b` (names as in `save_parameters`) to ours.

    The input's scale is folded into the first kernel: theirs takes (RGB / 255 - mean) / std, ours BGR - 255 mean.
    `ValueError` when they are not of a ResNet-50 for colour pictures.
    """
    ours = {"backbone.mean": (255 * IMAGENET_MEAN_RGB[::-1]).reshape(1, 3, 1, 1)}
    for name, array in theirs.items():
        first, _, rest = name.partition(".")
        if first in STAGES:
            rest = rest.replace("downsample.0", "project").replace("downsample.1", "project_bn")
            ours[f"backbone.{STAGES[first]}.{rest}"] = array
        elif first in ("conv1", "bn1"):
            ours[f"backbone.{name}"] = array
    if set(ours) - {"backbone.mean"} != backbone_names() or ours["backbone.conv1.weight"].shape[1] != 3:
        raise ValueError("parameters of another network")
    kernel = ours["backbone.conv1.weight"] / (255 * IMAGENET_STD_RGB).reshape(1, 3, 1, 1)
    ours["backbone.conv1.weight"] = kernel[:, ::-1]
    return ours
