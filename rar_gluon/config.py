"""Every number of the method in one frozen tree, each marked `paper` or `assumed`, with YAML in and out.

A YAML file holds only what differs from its `base:` (another file, relative to it, or a preset's name); without a
base it differs from the defaults below, which are the paper's tracker (row 13 of Table 3).
"""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator, Sequence, Tuple

import yaml

from rar_gluon import strict_yaml
from rar_gluon.common import InputError, is_file
from rar_gluon.fields import ANY_BOOL, assumed, between, check_section, odd, one_of, paper, subset_of
from rar_gluon.strict_yaml import display_text
from rar_gluon.table_text import text_table

PRESETS = Path(__file__).parent / "presets"
STAGES = ("conv3", "conv4", "conv5")


@dataclass(frozen=True)
class NetworkConfig:
    """Sections 3.1-3.2: image to reinforced attentional representation."""

    backbone: str = paper("resnet50", "Section 4.1, Table 1; vgg_m: Table 4", one_of("resnet50", "vgg_m"))
    width: float = paper(1.0, "Table 1; 0.5 is the thin ResNet-50", between(0.0625, 2.0))
    stem_channels: int = paper(64, "Table 1", between(4, 128))
    stride: int = paper(8, "Section 4.1, Table 3", one_of(4, 8, 16, 32))
    levels: Tuple[str, ...] = paper(STAGES, "Section 4.1, Table 3", subset_of(*STAGES, least=1))
    deformable: Tuple[str, ...] = paper(("conv4",), "Section 4.1: the 3x3 of conv4_1; Table 3", subset_of(*STAGES))
    dilate: bool = assumed(False, "no dilation is mentioned; true keeps pretrained receptive fields", ANY_BOOL)
    downsample: str = paper("3x3", "Section 4.1: stride on the 3x3; 1x1 is the original v1", one_of("3x3", "1x1"))
    statistics: str = assumed(
        "frozen", "usual when fine-tuning; trained when from scratch", one_of("frozen", "trained")
    )
    inter_frame: bool = paper(True, "Eq. 3-4; false is NTA of Table 4", ANY_BOOL)
    channel: bool = paper(True, "Eq. 5; false is NCA of Table 4", ANY_BOOL)
    spatial: bool = paper(True, "Eq. 6; false is NSA of Table 4", ANY_BOOL)
    lstm_hidden: int = assumed(64, "ours: C hidden channels would need 300 M parameters", between(1, 2048))
    channel_reduction: int = assumed(16, "SENet", between(1, 256))
    spatial_hidden: int = assumed(16, "ours", between(1, 256))
    spatial_kernel: int = assumed(7, "CBAM", odd(1, 15))
    refinement: str = paper("stacked", "Fig. 6; concat joins the levels without it", one_of("stacked", "concat"))
    refinement_channels: int = assumed(256, "FPN", between(1, 2048))
    output_channels: int = assumed(64, "ours: the filter's cost and overfitting grow with D", between(1, 2048))

    __post_init__ = check_section


@dataclass(frozen=True)
class FilterConfig:
    """Section 3.3: the contextual attentional correlation filter."""

    lambda1: float = paper(1e-4, "Section 4.1", between(0.0, 1e6))
    lambda2: float = paper(1e-1, "Section 4.1", between(0.0, 1e6))
    contexts: int = assumed(4, "CACF: one target size up, down, left, right; k in Eq. 8", one_of(0, 4))
    context_source: str = assumed(
        "image", "CACF crops the image; feature: crops one larger map", one_of("image", "feature")
    )
    denominator: str = assumed("summed", "DCFNet, CFNet; per-channel: CACF, EDCF", one_of("summed", "per-channel"))
    backward: str = assumed("exact", "derived; printed: Eq. 13 to the letter", one_of("exact", "printed"))
    template_gradient: bool = paper(True, "Eq. 13; false is TDCF of Table 4 (with lambda2 = 0)", ANY_BOOL)
    label_sigma: float = assumed(0.1, "DCFNet, EDCF: of the target's size, in cells", between(0.01, 1.0))

    __post_init__ = check_section


@dataclass(frozen=True)
class TrackingConfig:
    """Sections 3.3 and 4.1: frames to boxes."""

    input_size: int = paper(255, "Table 1; the text of Section 4.1 says 225", between(63, 511))
    padding: float = paper(2.0, "Section 4.1", between(0.5, 8.0))
    window: str = assumed(
        "per-axis",
        "EDCF, DCFNet; margin: ours, equal margins; square: SiamFC, CFNet",
        one_of("per-axis", "margin", "square"),
    )
    scales: int = paper(3, "Section 4.1", odd(1, 33))
    scale_step: float = paper(1.02, "Section 4.1", between(1.0, 1.5))
    scale_penalty: float = assumed(
        0.98, "ours; rule of SiamFC, DCFNet: a smaller window's response is multiplied by it", between(0.5, 1.0)
    )
    scale_penalty_larger: float = assumed(
        0.98, "ours; rule of SiamFC, DCFNet: a larger window's response is multiplied by it", between(0.5, 1.0)
    )
    learning_rate: float = assumed(0.017, "EDCF: eta of the incremental Eq. 10", between(0.0, 1.0))
    adaptive_rate: bool = assumed(True, "EDCF: eta is scaled by max g_t / max g_1", ANY_BOOL)
    redetection: bool = assumed(False, "ours: look for a lost target, and learn nothing meanwhile", ANY_BOOL)

    __post_init__ = check_section


@dataclass(frozen=True)
class TrainingConfig:
    """Section 4.1: pairs to weights."""

    learning_rate: float = paper(1e-3, "Section 4.1", between(0.0, 10.0))
    final_learning_rate: float = paper(1e-4, "Section 4.1", between(0.0, 10.0))
    momentum: float = paper(0.9, "Section 4.1", between(0.0, 1.0))
    weight_decay: float = paper(5e-4, "Section 4.1", between(0.0, 1.0))
    epochs: int = assumed(50, "EDCF", between(1, 10000))
    batch: int = assumed(32, "EDCF", between(1, 4096))
    templates: int = paper(1, "Sections 3.1, 4.1: pairs; more are T of Eq. 8", between(1, 16))
    max_gap: int = assumed(100, "SiamFC: frames between the two of a pair", between(1, 100000))
    frozen: Tuple[str, ...] = paper(("conv1", "conv2"), "Section 4.1", subset_of("conv1", "conv2", *STAGES))
    backbone_rate: float = assumed(1.0, "ours: the backbone's learning rate over that of the rest", between(0.0, 10.0))
    attention_rate: float = assumed(
        1.0, "ours: the attention's learning rate over that of the rest; it starts neutral", between(0.0, 1000.0)
    )
    start: str = assumed(
        "random",
        "as each block says; principal: refinement from the features' covariance",
        one_of("random", "principal"),
    )
    epoch_clips: int = assumed(53200, "SiamFC: pairs in an epoch", between(1, 10**8))
    shift_jitter: float = assumed(0.5, "ours: search regions move by up to this, in target sizes", between(0.0, 2.0))
    scale_jitter: float = assumed(0.05, "ours: search regions grow or shrink by up to this", between(0.0, 0.5))
    photometric: float = assumed(
        0.2, "ours: light and colour change by up to this; 0: nor are clips grey or blurred", between(0.0, 0.9)
    )
    negatives: float = assumed(
        0.0, "none in the paper; DaSiamRPN: part of the clips with another object", between(0.0, 0.9)
    )
    seed: int = assumed(0, "ours", between(0, 2**31 - 1))

    __post_init__ = check_section


@dataclass(frozen=True)
class Config:
    """The whole method: network, filter, tracking and training.

    Examples
    --------
    >>> import rar_gluon as rar
    >>> config = rar.Config()
    >>> config.network.stride, config.tracking.scale_step
    (8, 1.02)
    >>> config == rar.load_config("rar")
    True
    """

    network: NetworkConfig = NetworkConfig()
    filter: FilterConfig = FilterConfig()
    tracking: TrackingConfig = TrackingConfig()
    training: TrainingConfig = TrainingConfig()

    def __post_init__(self) -> None:
        for leaf in dataclasses.fields(self):
            if type(getattr(self, leaf.name)) is not type(leaf.default):
                kind = type(getattr(self, leaf.name)).__name__
                raise InputError(f"{leaf.name} is a {kind} but must be a {type(leaf.default).__name__}.")
        _check_together(self)


def fields(config: Any = Config, prefix: str = "") -> Iterator[Tuple[str, dataclasses.Field, Any]]:
    """Walk the tree: yields (path, field, default or value) of every leaf."""
    for leaf in dataclasses.fields(config):
        value = leaf.default if isinstance(config, type) else getattr(config, leaf.name)
        if dataclasses.is_dataclass(value):
            yield from fields(value, f"{prefix}{leaf.name}.")
        else:
            yield prefix + leaf.name, leaf, value


def from_dict(values: Any, where: str = "config", base: Config | None = None) -> Config:
    """Build a `Config` from nested mappings, over `base` (default: the defaults).

    Raises
    ------
    InputError
        Unknown key, wrong type or impossible value; the message holds the key's path and the accepted values.
    """
    try:
        return _merge(base if base is not None else Config(), values, "")
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def _merge(node: Any, values: Any, path: str) -> Any:
    """Replace leaves of the dataclass `node` by the mapping `values`."""
    if not isinstance(values, dict):
        raise InputError(f"{path.rstrip('.') or 'the file'} must hold keys and values, not {display_text(values)}.")
    names = {leaf.name for leaf in dataclasses.fields(node)}
    changes = {}
    for key, value in values.items():
        if key not in names:
            accepted = ", ".join(leaf.name for leaf in dataclasses.fields(node))
            unknown = key if isinstance(key, str) and key.isprintable() and len(key) <= 60 else display_text(key)
            raise InputError(f"unknown key {path}{unknown}; accepted here: {accepted}.")
        old = getattr(node, key)
        changes[key] = _merge(old, value, f"{path}{key}.") if dataclasses.is_dataclass(old) else value
    return dataclasses.replace(node, **changes)


def _check_together(config: Config) -> None:
    """Refuse values that are each possible but not together."""
    network, tracking, training = config.network, config.tracking, config.training
    if network.backbone == "vgg_m":
        if network.stride not in (8, 16):
            raise InputError(f"network.stride is {network.stride}, but vgg_m has 8 or 16; accepted: 8, 16.")
        if network.deformable or network.dilate or network.width != 1.0:
            raise InputError(
                "network.deformable, network.dilate and network.width are of resnet50; "
                "with vgg_m use deformable: [], dilate: false, width: 1.0."
            )
    if tracking.input_size < 4 * network.stride:
        raise InputError(
            f"tracking.input_size {tracking.input_size} gives fewer than four cells at network.stride "
            f"{network.stride}; accepted: at least {4 * network.stride}."
        )
    if network.refinement == "concat" and network.output_channels != NetworkConfig.output_channels:
        raise InputError("network.output_channels belongs to refinement: stacked; leave it out with concat.")
    if training.final_learning_rate > training.learning_rate:
        raise InputError("training.final_learning_rate must not exceed training.learning_rate.")
    if training.learning_rate > 0 and training.final_learning_rate == 0:
        raise InputError(
            "training.final_learning_rate is 0, which a rate that falls exponentially never reaches; accepted: above 0."
        )


def to_dict(config: Config) -> dict:
    """Turn a config into nested plain mappings, complete, in declaration order."""

    def plain(value: Any) -> Any:
        if dataclasses.is_dataclass(value):
            return {leaf.name: plain(getattr(value, leaf.name)) for leaf in dataclasses.fields(value)}
        return list(value) if isinstance(value, tuple) else value

    return plain(config)


def dump(config: Config) -> str:
    """Write the whole config as YAML text."""
    return yaml.safe_dump(to_dict(config), sort_keys=False)


def name_of(config: str | os.PathLike) -> str:
    """What a preset or a file is called: a row's config.yaml after its folder."""
    path = Path(config)
    return path.resolve().parent.name if path.name == "config.yaml" else path.stem


def load(source: str | os.PathLike | Config) -> Config:
    r"""Read a config: a preset's name (`rar`, `rar_thin`) or a YAML file; one that is read already is given back.

    Raises
    ------
    InputError
        The file is absent or no YAML, inherits in a circle, or holds anything `from_dict` refuses.

    Examples
    --------
    >>> from pathlib import Path
    >>> import rar_gluon as rar
    >>> _ = Path("mine.yaml").write_text("base: rar_thin\ntracking: {window: square}\n")
    >>> config = rar.load_config("mine.yaml")
    >>> config.tracking.window, config.tracking.input_size
    ('square', 127)
    """
    return source if isinstance(source, Config) else _load(_locate(source, Path()), ())


def _locate(source: str | os.PathLike, folder: Path) -> Path:
    """Find the file of a preset's name or of a path relative to `folder`."""
    presets = {file.stem: file for file in sorted(PRESETS.glob("*.yaml"))}
    if str(source) in presets:
        return presets[str(source)]
    path = folder / source
    if not is_file(path):
        raise InputError(f"no config {path}: give a YAML file or one of the presets {', '.join(presets)}.")
    return path


def _load(path: Path, seen: Tuple[Path, ...]) -> Config:
    if path.resolve() in seen:
        raise InputError(f"{path}: its base leads back to itself: remove one of the base lines.")
    values = strict_yaml.read(path)
    values = {} if values is None else values
    if not isinstance(values, dict):
        raise InputError(f"{path} must hold keys and values.")
    base = values.pop("base", None)
    if base is not None and not isinstance(base, str):
        raise InputError(f"{path}: base is {display_text(base)} but must be a file or a preset's name.")
    parent = Config() if base is None else _load(_locate(base, path.parent), (*seen, path.resolve()))
    return from_dict(values, str(path), parent)


def settings_to_dict(settings: Sequence[str]) -> dict:
    """Turn `section.key=value` settings of a command line, values in YAML, into nested mappings.

    Raises
    ------
    InputError
        A setting has another form.
    """
    values: dict = {}
    for setting in settings:
        path, _, value = setting.partition("=")
        section, _, key = path.partition(".")
        if not key or not value:
            raise InputError(f"--set is {setting!r}, but SECTION.KEY=VALUE is needed, as in training.epochs=3.")
        values.setdefault(section, {})[key] = strict_yaml.parse(value, f"the value of --set {path}")
    return values


def explain(config: Config) -> str:
    """Print every value with its mark: `network.stride  8  paper (Section 4.1, Table 3)`.

    A value that is not the default any more is marked as changed, with the default and that one's mark.
    """
    rows = []
    for (path, leaf, value), (_, _, default) in zip(fields(config), fields()):
        value_text = "[" + ", ".join(value) + "]" if isinstance(value, tuple) else str(value)
        said = f"{leaf.metadata['mark']} ({leaf.metadata['source']})"
        if value != default:
            said = f"changed from {list(default) if isinstance(default, tuple) else default}, {said}"
        rows.append((path, value_text, said))
    return "\n".join(text_table(rows))
