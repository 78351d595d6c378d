"""Weights in and out: our own files, GluonCV's ImageNet ResNet-50, and any ResNet-50 of the same topology.

Our file is an .npz of one array a parameter (names as in `Block.save_parameters`), beside them `network` (the network's
configuration, YAML) and `holds`: "network" (every parameter) or "backbone" (only those of the backbone).
"""

from __future__ import annotations

import os
import zipfile
import zlib
from pathlib import Path
from typing import Dict, List

import mxnet as mx
import numpy as np
import yaml
from mxnet import nd

from rar_gluon.common import InputError, atomic_path
from rar_gluon.config import Config, NetworkConfig, from_dict, to_dict
from rar_gluon.net.rar import RAR, build

SHIPPED = Path(__file__).parents[1] / "assets" / "rar_thin.npz"  # trained
BACKBONE = Path(__file__).parents[1] / "assets" / "thin_resnet50.npz"  # its start: ImageNet's, conv1 to conv5
BACKBONE_FIELDS = ("backbone", "width", "stem_channels", "downsample")  # what a backbone's parameters depend on
UNREADABLE = (  # what a damaged .npz raises, depending on where the damage is
    *(OSError, ValueError, KeyError, EOFError, NotImplementedError, RuntimeError),
    *(zipfile.BadZipFile, zlib.error, yaml.YAMLError),
)
IMAGENET_MEAN_RGB = np.array([0.485, 0.456, 0.406])
IMAGENET_STD_RGB = np.array([0.229, 0.224, 0.225])


def parameters(net: RAR) -> Dict[str, mx.gluon.Parameter]:
    """Name every parameter of the network by its place: `backbone.conv3.0.conv1.weight`."""
    return net._collect_params_with_prefix()


def save_arrays(path: str | os.PathLike, arrays: Dict[str, np.ndarray], network: NetworkConfig, holds: str) -> None:
    """Write a weights file, atomically; float arrays are stored as given (float16 halves the size)."""
    with atomic_path(Path(path)) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, network=yaml.safe_dump(to_dict(network), sort_keys=False), holds=holds, **arrays)


def save_network(net: RAR, path: str | os.PathLike, dtype: str = "float32") -> None:
    """Write every parameter of `net` to a weights file, as `dtype`.

    Raises
    ------
    InputError
        A parameter is not finite, or not finite any more as `dtype`.
    """
    with np.errstate(over="ignore"):
        arrays = {name: parameter.list_data()[0].asnumpy().astype(dtype) for name, parameter in parameters(net).items()}
    broken = [name for name, array in arrays.items() if not np.isfinite(array).all()]
    if broken:
        raise InputError(f"{broken[0]} is not finite as {dtype}: the network diverged, or it needs float32.")
    save_arrays(path, arrays, net.config, "network")


def load_network(config: Config, path: str | os.PathLike | None = None, ctx: mx.Context | None = None) -> RAR:
    """Build the network of `config` with the weights of a file; None: the weights that ship with the package.

    A file that holds a backbone leaves attention and refinement at their initial values, which pass features on.

    Raises
    ------
    InputError
        No such file, no weights file, a damaged one, or the weights of another network.
    """
    arrays, stored, holds = read_arrays(SHIPPED if path is None else path)
    wanted = to_dict(config.network)
    same = tuple(name for name in wanted if name != "statistics")  # how it was trained, not what it computes
    checked = BACKBONE_FIELDS if holds == "backbone" else same
    differing = [name for name in checked if stored[name] != wanted[name]]
    if differing and path is None:
        raise InputError(
            "the weights that come with the package are rar_thin's, and this config has another network: give "
            "--weights FILE, or --pretrained for ImageNet weights."
        )
    if differing:
        told = "; ".join(f"network.{name} is {stored[name]} there and {wanted[name]} here" for name in differing)
        raise InputError(f"{path} holds weights of another network ({told}): give its own config or other weights.")
    net = build(config.network, ctx, config.training.seed)
    assign(net, arrays, str(path or SHIPPED), partial=holds == "backbone")
    return net


def read_arrays(path: str | os.PathLike):
    """Read a weights file: (arrays by name, stored network configuration as a mapping, what it holds)."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"no weights at {path}: give a weights file (.npz).")
    try:
        with zipfile.ZipFile(path), np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}  # reading checks each array's checksum
        stored = to_dict(from_dict({"network": yaml.safe_load(str(arrays.pop("network")))}).network)
        holds = str(arrays.pop("holds"))
    except UNREADABLE as error:
        raise InputError(f"{path} is damaged or no weights file of rar-gluon: get it again.") from error
    return arrays, stored, holds


def assign(net: RAR, arrays: Dict[str, np.ndarray], source: str, partial: bool = False) -> List[str]:
    """Set parameters of `net` by name; returns the names that stay as they are.

    With `partial` only the backbone must be complete; arrays of stages that `net` does not have are passed over.
    """
    own = parameters(net)
    for kernel in [name for name in own if name.endswith(".deformable_conv_weight")]:
        plain = kernel.replace(".deformable_conv_weight", ".weight")
        if kernel not in arrays and plain in arrays:  # a deformable kernel starts as the plain one, offsets at zero
            arrays = {**arrays, kernel: arrays[plain]}
    missing = [name for name in own if name not in arrays]
    fatal = (
        [name for name in missing if name.startswith("backbone.") and ".offset_" not in name] if partial else missing
    )
    if fatal:
        raise InputError(f"{source} lacks {len(fatal)} parameters of this network ({', '.join(fatal[:3])}, ...).")
    wrong = [name for name in own if name in arrays and arrays[name].shape != own[name].shape]
    if wrong:
        name = wrong[0]
        raise InputError(f"{source}: {name} has shape {arrays[name].shape}, this network needs {own[name].shape}.")
    for name, parameter in own.items():
        if name in arrays:
            parameter.set_data(nd.array(arrays[name].astype("float32")))
    return missing


def from_gluoncv(theirs: Dict[str, np.ndarray]) -> Dict[str, np.ndarray]:
    """Rename the parameters of GluonCV's `resnet50_v1b` (names as in `save_parameters`) to ours.

    The input's scale is folded into the first kernel: theirs takes (RGB / 255 - mean) / std, ours BGR - 255 mean.
    """
    stages = {"layer1": "conv2", "layer2": "conv3", "layer3": "conv4", "layer4": "conv5"}
    ours = {"backbone.mean": (255 * IMAGENET_MEAN_RGB[::-1]).reshape(1, 3, 1, 1)}
    for name, array in theirs.items():
        first, _, rest = name.partition(".")
        if first in stages:
            rest = rest.replace("downsample.0", "project").replace("downsample.1", "project_bn")
            ours[f"backbone.{stages[first]}.{rest}"] = array
        elif first in ("conv1", "bn1"):
            ours[f"backbone.{name}"] = array
    kernel = ours["backbone.conv1.weight"] / (255 * IMAGENET_STD_RGB).reshape(1, 3, 1, 1)
    ours["backbone.conv1.weight"] = kernel[:, ::-1]
    return ours


def load_gluoncv(config: Config, ctx: mx.Context | None = None) -> RAR:
    """Build the network of `config` on GluonCV's ImageNet `resnet50_v1b`, downloaded on first use (`--pretrained`).

    Raises
    ------
    InputError
        GluonCV is not installed, the weights cannot be downloaded, or `config` is not a full ResNet-50.
    """
    required = to_dict(NetworkConfig())
    differing = [name for name in BACKBONE_FIELDS if getattr(config.network, name) != required[name]]
    if differing:
        told = ", ".join(f"network.{name} {required[name]}" for name in differing)
        raise InputError(f"--pretrained gives GluonCV's resnet50_v1b, which needs {told}.")
    theirs = zoo_model("resnet50_v1b")
    net = build(config.network, ctx, config.training.seed)
    assign(net, from_gluoncv(as_arrays(theirs)), "GluonCV's resnet50_v1b", partial=True)
    return net


def zoo_model(name: str) -> mx.gluon.Block:
    """Get a network of GluonCV's model zoo with its weights, downloaded on first use.

    Raises
    ------
    InputError
        GluonCV is not installed, or the weights cannot be downloaded.
    """
    try:
        from gluoncv.model_zoo import get_model
    except ImportError as error:
        raise InputError(f"{name} needs GluonCV: pip install --no-deps gluoncv==0.10.5.post0.") from error
    try:
        return get_model(name, pretrained=True)
    except (OSError, RuntimeError) as error:
        raise InputError(
            f"GluonCV's weights of {name} cannot be downloaded: check the network, or put them into ~/.mxnet/models."
        ) from error


def as_arrays(block: mx.gluon.Block) -> Dict[str, np.ndarray]:
    """Parameters of any block as numpy arrays, named as in `save_parameters`."""
    return {name: parameter.data().asnumpy() for name, parameter in block._collect_params_with_prefix().items()}
