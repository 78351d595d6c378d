"""Weights in and out: our own files, GluonCV's ImageNet ResNet-50, and any ResNet-50 of the same topology.

Our file is an .npz of one array a parameter (names as in `Block.save_parameters`), beside them `config` (YAML: the
whole configuration they were trained with, or as much of it as is known, the network's at least) and `holds`: "network"
(every parameter) or "backbone" (only those of the backbone), and `confidence` where it was fitted. Older files have the
network's configuration alone, as `network`.
"""

from __future__ import annotations

import csv
import io
import os
import warnings
import zipfile
from pathlib import Path
from typing import Any, Dict, List, Mapping, NamedTuple, Sequence, Tuple

import mxnet as mx
import numpy as np
import yaml
from mxnet import nd

from rar_gluon import strict_yaml
from rar_gluon.common import InputError, Notice, atomic_path, check_readable
from rar_gluon.config import Config, NetworkConfig, from_dict, load, to_dict
from rar_gluon.net.foreign import FOREIGN, from_gluoncv, read_foreign
from rar_gluon.net.rar import RAR, build
from rar_gluon.provenance import file_hash

SHIPPED = Path(__file__).parents[1] / "assets" / "rar_thin.npz"  # trained
BACKBONE = Path(__file__).parents[1] / "assets" / "thin_resnet50.npz"  # its start: ImageNet's, conv1 to conv5
BACKBONE_FIELDS = ("backbone", "width", "stem_channels", "downsample")  # what a backbone's parameters depend on
TRACKED_WITH = {  # what the features were trained for, besides the network: a tracker that differs in it is another one
    "tracking": ("input_size", "padding", "window"),
    "filter": ("lambda1", "lambda2", "contexts", "context_source", "denominator", "label_sigma"),
}
OF_CONTEXTS = ("contexts", "context_source", "lambda2")
LARGEST = {".running_var": 1e6, "": 1e4}  # by the name's end: numbers that no training comes to, hundreds at most
CONFIDENCE = (0.1, 2.5)  # score of one half and slope where a file has none: those of rar_thin (assumed: ours)
LARGEST_FILE = 1 << 32  # bytes of arrays: a small file can unpack into more than the memory there is


class WeightsFile(NamedTuple):
    """Arrays by name, the sections of the configuration that are known (`network` is, complete), what it holds."""

    arrays: Dict[str, np.ndarray]
    config: Dict[str, Dict[str, Any]]
    holds: str


def parameters(net: mx.gluon.Block) -> Dict[str, mx.gluon.Parameter]:
    """Name every parameter of a network by its place: `backbone.conv3.0.conv1.weight`."""
    return net._collect_params_with_prefix()


def is_frozen(name: str, stages: Sequence[str]) -> bool:
    """Whether a parameter, by its name in `parameters`, is of one of the frozen `stages` of the backbone."""
    parts = tuple(f"backbone.{stage}." for stage in stages) + ("backbone.bn1.",) * ("conv1" in stages)
    return name.startswith(parts)


def save_arrays(path: str | os.PathLike, arrays: Mapping[str, np.ndarray], config: Mapping, holds: str) -> None:
    """Write a weights file, atomically; float arrays are stored as given (float16 halves the size).

    `config` are the sections of the configuration that are known, as `to_dict` gives them.
    """
    write_npz(Path(path), config=yaml.safe_dump(dict(config), sort_keys=False), holds=holds, **arrays)


def write_npz(path: Path, **arrays: Any) -> None:
    """Write arrays to a compressed .npz file, atomically."""
    content = io.BytesIO()  # whole before it is written: a disk that fills leaves numpy's archive in pieces
    np.savez_compressed(content, **arrays)
    with atomic_path(path) as temporary:
        temporary.write_bytes(content.getbuffer())


def save_network(net: RAR, path: str | os.PathLike, dtype: str = "float32", config: Config | None = None) -> None:
    """Write every parameter of `net` to a weights file, as `dtype`, with the configuration it was trained with.

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
    save_arrays(path, arrays, {"network": to_dict(net.config)} if config is None else to_dict(config), "network")


def load_network(config: Config, path: str | os.PathLike | None = None, ctx: mx.Context | None = None) -> RAR:
    """Build the network of `config` with the weights of a file; None: the weights that ship with the package.

    A file that holds a backbone leaves attention and refinement at their initial values, which pass features on. Where
    `config` tracks otherwise than the network was trained, a warning says how.

    Raises
    ------
    InputError
        No such file, no weights file, a damaged one, numbers that no training gives, or the weights of another network.
    """
    file = read_weights(SHIPPED if path is None else path)
    required, stored = to_dict(config.network), file.config["network"]
    same = tuple(name for name in required if name != "statistics")  # how it was trained, not what it computes
    checked = BACKBONE_FIELDS if file.holds == "backbone" else same
    differing = [name for name in checked if stored[name] != required[name]]
    if differing and path is None:
        raise InputError(
            "the weights that come with the package are rar_thin's, and this config has another network: give "
            "--weights FILE, or --pretrained for ImageNet weights."
        )
    if differing:
        differences = "; ".join(
            f"network.{name} is {stored[name]} there and {required[name]} here" for name in differing
        )
        raise InputError(
            f"{path} holds weights of another network ({differences}): give its own config or other weights."
        )
    net = build(config.network, ctx, config.training.seed)
    assign(net, file.arrays, str(path or SHIPPED), partial=file.holds == "backbone")
    differences = tracks_otherwise(file, config)
    if differences:
        warnings.warn(f"{path or SHIPPED} was made for {differences}.", Notice, stacklevel=2)
    return net


def tracks_otherwise(file: WeightsFile, config: Config) -> str:
    """Where `config` tracks otherwise than a file's network was trained to, as far as that is known: "" or a list."""
    if file.holds != "network":
        return ""
    ours = to_dict(config)
    without = file.config.get("filter", {}).get("contexts") == 0  # as training is often done: for contexts of any kind
    return ", ".join(
        f"{section}.{name} {file.config[section][name]} (here {ours[section][name]})"
        for section, names in TRACKED_WITH.items()
        for name in names
        if name in file.config.get(section, {})
        and file.config[section][name] != ours[section][name]
        and not (without and name in OF_CONTEXTS)
    )


def read_weights(path: str | os.PathLike) -> WeightsFile:
    """Read a weights file: ours, or a ResNet-50 of ImageNet as others keep it (`foreign.read_foreign`).

    Raises
    ------
    InputError
        No such file, none of ours, a damaged one, or numbers that no training gives.
    """
    if Path(path).suffix == ".onnx":
        raise InputError(f"{path} is a graph of rar export: give its folder and --runtime onnx, or a file of weights.")
    if Path(path).suffix in FOREIGN:
        arrays, config, holds = read_foreign(path), {"network": to_dict(Config())["network"]}, "backbone"
    else:
        arrays, config, holds = _read_own(path)
    for name, array in arrays.items():
        check_numbers(array, f"{path}: {name}", next(most for end, most in LARGEST.items() if name.endswith(end)))
    if is_shipped(path):  # chosen for its preset, which has contexts although the training had none
        config = to_dict(load("rar_thin"))
    return WeightsFile(arrays, config, holds)


def _read_own(path: str | os.PathLike):
    """Arrays, configuration and what is held of a file of ours."""
    arrays = read_npz(path, "get it again")
    check_shipped(Path(path))
    arrays.pop("confidence", None)
    try:
        stored = strict_yaml.parse(str(arrays.pop("config")), "its config") if "config" in arrays else {}
        if "network" in arrays:
            stored = {"network": strict_yaml.parse(str(arrays.pop("network")), "its network")}
        config = {name: dict(section) for name, section in stored.items()}
        config["network"] = to_dict(from_dict({"network": stored["network"]}))["network"]
        holds = {"network": "network", "backbone": "backbone"}[str(arrays.pop("holds"))]
    except (InputError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise InputError(f"{path} is damaged or no weights file of rar-gluon: get it again.") from error
    return arrays, config, holds


def convert(source: str | os.PathLike, target: str | os.PathLike, dtype: str = "float32") -> WeightsFile:
    """Write any weights that `read_weights` reads as a file of ours, in numbers of `dtype`; returns what it holds.

    Raises
    ------
    InputError
        The source cannot be read, a number of it is too large for float16, or the target's name does not end in .npz.
    """
    if Path(target).suffix != ".npz":
        raise InputError(f"{target} is no name for weights of ours: give one that ends in .npz.")
    file = read_weights(source)
    with np.errstate(over="ignore"):
        arrays = {name: array.astype(dtype) for name, array in file.arrays.items()}
    broken = [name for name, array in arrays.items() if not np.isfinite(array).all()]
    if broken:
        raise InputError(f"{source}: {broken[0]} is too large for {dtype}: convert to float32.")
    fitted = _fitted_confidence(source)
    save_arrays(target, arrays if fitted is None else {**arrays, "confidence": fitted}, file.config, file.holds)
    return file._replace(arrays=arrays)


def read_npz(path: str | os.PathLike, advice: str) -> Dict[str, np.ndarray]:
    """Read every array of an .npz file; `InputError`, that ends with `advice`, when it is damaged."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"no weights at {path}: give a weights file (.npz).")
    check_readable(path)
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > LARGEST_FILE:
                raise InputError(f"{path} unpacks into more than {LARGEST_FILE >> 30} GB, which no weights are.")
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}  # reading checks each array's checksum
    except InputError:
        raise
    except Exception as error:  # zip, its compression and numpy each raise what they like on a damaged file
        raise InputError(f"{path} is damaged or no file of rar-gluon: {advice}.") from error


def _fitted_confidence(path: str | os.PathLike) -> np.ndarray | None:
    """What was fitted to a file's weights; None where nothing was."""
    return read_npz(path, "get it again").get("confidence") if Path(path).suffix == ".npz" else None


def read_confidence(path: str | os.PathLike) -> Tuple[float, float]:
    """Score of one half and slope that were fitted to a file's weights (`tracking.confidence`)."""
    values = _fitted_confidence(path)
    if values is None:
        return CONFIDENCE
    if values.shape != (2,) or not np.isfinite(values).all() or not values[0] > 0:
        raise InputError(f"{path} is damaged: its confidence is not two numbers; get it again.")
    return float(values[0]), float(values[1])


def is_shipped(path: str | os.PathLike) -> bool:
    """Whether a file is the package's, by whatever path."""
    return Path(path).resolve() == SHIPPED.resolve()


def check_shipped(path: Path) -> None:
    """Raise `InputError` when a file of the package is not the one that assets/weights.csv tells of."""
    path = path.resolve()
    if path.parent != SHIPPED.resolve().parent:
        return
    with open(path.with_name("weights.csv"), encoding="utf-8", newline="") as file:
        expected = {row["file"]: row["sha256"] for row in csv.DictReader(file)}
    if path.name in expected and file_hash(path) != expected[path.name]:
        raise InputError(f"{path} is not the file that this version comes with: install rar-gluon again.")


def check_numbers(array: np.ndarray, name: str, largest: float) -> None:
    """Raise `InputError` unless an array holds numbers that a network can compute with, of at most this size."""
    if array.dtype not in (np.float16, np.float32, np.float64):
        raise InputError(f"{name} holds {array.dtype} and not floating-point numbers: get the weights again.")
    if not np.isfinite(array).all():
        raise InputError(f"{name} is not finite: that training diverged, or the file is damaged; give other weights.")
    least = 0.0 if name.endswith(".running_var") else -largest
    if array.size and not (least <= array.min() and array.max() <= largest):
        wrong = float(array.min() if array.min() < least else array.max())
        raise InputError(f"{name} holds {wrong:g}, which no training comes to: give other weights.")


def assign(net: mx.gluon.Block, arrays: Dict[str, np.ndarray], source: str, partial: bool = False) -> List[str]:
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
        differences = ", ".join(f"network.{name} {required[name]}" for name in differing)
        raise InputError(f"the ImageNet weights are those of GluonCV's resnet50_v1b, which needs {differences}.")
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
            f"GluonCV's weights of {name} cannot be downloaded: put them into ~/.mxnet/models, or start from the "
            "file of another ResNet-50 (docs/guide/train.md, Where it starts)."
        ) from error


def as_arrays(block: mx.gluon.Block) -> Dict[str, np.ndarray]:
    """Parameters of any block as numpy arrays, named as in `save_parameters`."""
    return {name: parameter.data().asnumpy() for name, parameter in block._collect_params_with_prefix().items()}
