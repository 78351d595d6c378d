"""Protocols of one-pass evaluation as data: `protocols.yaml` into a frozen, validated `Protocol`."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from rar_gluon.common import InputError

CHOICES = {
    "success": (">", ">="),
    "precision": ("<=", "<"),
    "initial_omit": ("skip", "keep"),
    "first_frame": ("truth", "file", "drop"),
    "nan_prediction": ("copy", "copy-any", "miss", "error"),
    "empty_prediction": ("copy", "keep", "error"),
    "negative_prediction": ("copy", "keep", "error"),
    "shorter": ("miss", "zeros", "truncate", "error"),
    "longer": ("truncate", "error"),
    "without_truth": ("score", "drop", "drop-nan"),
    "overlap_invalid": ("any", "size", "centre", "never"),
    "error_invalid": ("any", "size", "centre", "never"),
    "error_invalid_is": ("hit", "miss"),
    "normalised_invalid_is": ("hit", "miss"),
    "absent": ("score", "miss", "drop"),
    "bounds": ("none", "image"),
    "auc": ("curve", "overlap"),
    "average": ("sequences", "frames"),
}


@dataclass(frozen=True)
class Grid:
    """Equally spaced thresholds, both ends included."""

    start: float
    stop: float
    count: int

    def __post_init__(self):
        if not (isinstance(self.count, int) and self.count > 1 and self.start < self.stop):
            raise InputError(f"a grid of thresholds needs start < stop and a count above 1, not {self}.")

    @property
    def values(self) -> np.ndarray:
        """Thresholds, (count,). Divided last, so that 3/20 is the float nearest to .15 (0.05 * 3 is not)."""
        return self.start + (self.stop - self.start) * np.arange(self.count) / (self.count - 1)

    def index(self, value: float) -> int:
        """Position of `value` among the thresholds."""
        indices = np.flatnonzero(np.isclose(self.values, value, rtol=0, atol=1e-9))
        if not len(indices):
            raise InputError(f"{value} is not among the thresholds {self}.")
        return int(indices[0])


@dataclass(frozen=True)
class Protocol:
    """Every decision that toolkits take differently.

    Attributes
    ----------
    name, source : what it is called, and whose rules these are.
    overlap_grid, success, success_at : success curve: thresholds, comparison, and where SR is read (0.5).
    error_grid, precision, precision_at : precision curve in pixels: the same, DP is read at 20.
    normalised_grid, normalised_at : precision curve of the error relative to the truth's size.
    initial_omit : whether the frames that OTB's initOmit names are skipped (Tiger1 starts at 6) or kept (at 1).
    first_frame : the first box scored is the truth's ("truth") or the tracker's ("file"), or the first frame is left
        out ("drop").
    nan_prediction : a predicted box of NaN: all four NaN copy the box before ("copy"), any NaN does ("copy-any"), NaN
        is a miss ("miss"; so is NaN in part under "copy"), or it is refused ("error").
    empty_prediction, negative_prediction : a predicted width or height of 0, or below: copies the box before, is
        scored as it is ("keep"), or is refused. The first box is never copied to.
    shorter : fewer boxes than truth: the rest are misses ("miss"), are boxes of zeros ("zeros"), the truth is cut
        ("truncate"), or it is refused ("error").
    longer : more boxes than truth: cut, or refused.
    without_truth : frames whose truth is NaN or has no width or height are scored by the rules below ("score"), or left
        out before anything else ("drop"); or those of NaN are left out after boxes were repaired ("drop-nan").
    overlap_invalid : which truth makes a frame a miss in success: any of x, y, w, h <= 0 ("any"), w or h <= 0 ("size"),
        a coordinate of the centre <= 0 ("centre"), none ("never"). NaN counts as <= 0.
    error_invalid, error_invalid_is : which truth makes a frame a "hit" or a "miss" in precision at every threshold.
    normalised_invalid_is : the same for normalised precision.
    error_decimals : decimals the centre error is rounded to, or None.
    absent : frames that the data set labels as without the target are scored as any other ("score"), are a miss in
        every measure ("miss"), or are left out ("drop").
    bounds : both boxes are cut to the image before their overlap is taken ("image"), or not ("none").
    auc : the mean of the success curve ("curve"), or of the overlap itself ("overlap").
    average : every sequence counts once ("sequences"), or every frame does ("frames").
    truth_margin : pixels added to width and height of a truth that is read from corners.
    """

    name: str
    source: str
    overlap_grid: Grid
    success: str
    success_at: float
    error_grid: Grid
    precision: str
    precision_at: float
    normalised_grid: Grid
    normalised_at: float
    initial_omit: str
    first_frame: str
    nan_prediction: str
    empty_prediction: str
    negative_prediction: str
    shorter: str
    longer: str
    without_truth: str
    overlap_invalid: str
    error_invalid: str
    error_invalid_is: str
    normalised_invalid_is: str
    error_decimals: int | None
    absent: str = "score"
    bounds: str = "none"
    auc: str = "curve"
    average: str = "sequences"
    truth_margin: int = 0

    def __post_init__(self):
        for field, choices in CHOICES.items():
            if getattr(self, field) not in choices:
                raise InputError(
                    f"protocol '{self.name}': {field} is '{getattr(self, field)}', not one of {', '.join(choices)}."
                )
        if self.without_truth == "drop" and (self.shorter, self.longer) != ("error", "error"):
            raise InputError(f"protocol '{self.name}': without_truth: drop needs shorter and longer: error.")
        if self.error_decimals is not None and not isinstance(self.error_decimals, int):
            raise InputError(f"protocol '{self.name}': error_decimals is '{self.error_decimals}', not a whole number.")
        for grid, value in (
            (self.overlap_grid, self.success_at),
            (self.error_grid, self.precision_at),
            (self.normalised_grid, self.normalised_at),
        ):
            grid.index(value)


def protocol_from(name: str, table: dict) -> Protocol:
    """Build protocol `name` of a table of protocols; a `base` gives the fields it does not set itself.

    Raises
    ------
    InputError
        When the name is unknown, a field is missing or unknown, or a value is none of the rule's.
    """
    fields = _fields(name, table)
    for key in ("overlap_grid", "error_grid", "normalised_grid"):
        if key in fields:
            fields[key] = Grid(**fields[key])
    known = {field.name for field in dataclasses.fields(Protocol)} - {"name"}
    optional = {field.name for field in dataclasses.fields(Protocol) if field.default is not dataclasses.MISSING}
    wrong = sorted(known ^ (set(fields) | optional))
    if wrong:
        raise InputError(f"protocol '{name}' has unknown or missing fields: {', '.join(wrong)}.")
    return Protocol(name, **fields)


def _fields(name: str, table: dict) -> dict:
    """Fields of a protocol as they are written, with those of its bases."""
    if name not in table:
        raise InputError(f"'{name}' is no protocol: choose one of {', '.join(table)}.")
    fields = dict(table[name])
    while "base" in fields:
        base = fields.pop("base")
        fields = {**table[base], **fields}
    return fields


def derived_protocol(name: str, base: str, changes: dict) -> Protocol:
    """A protocol that is one of `protocols.yaml` with the fields that differ."""
    return protocol_from(name, {name: {**_fields(base, _protocols()), **changes}})


def _protocols() -> dict:
    return yaml.safe_load(Path(__file__).with_name("protocols.yaml").read_text(encoding="utf-8"))


def protocol_names() -> tuple[str, ...]:
    """Names of the protocols of `protocols.yaml`."""
    return tuple(_protocols())


def load_protocol(name: str = "matlab") -> Protocol:
    """Load a protocol by its name."""
    return protocol_from(name, _protocols())
