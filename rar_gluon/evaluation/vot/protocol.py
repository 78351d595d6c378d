"""Protocols of VOT's supervised evaluation as data: `protocols.yaml` into a frozen, validated `VotProtocol`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

from rar_gluon.common import InputError
from rar_gluon.evaluation.vot.polygon import WAYS

CHOICES = {
    "overlap": WAYS,
    "late_failure": ("open", "closed"),
    "weights": ("repetitions", "equal"),
    "curve": ("sequence", "fragment"),
    "accuracy": ("frames", "sequences"),
}


@dataclass(frozen=True)
class VotProtocol:
    """Every number of the protocol, and every decision that toolkits take differently.

    A fragment is what lies between an initialisation and the next failure or the end. Its overlaps are 0 from a failure
    on, for ever, and end where the sequence ends. Value L of the EAO curve is the mean over fragments of the mean
    overlap of frames 2 to L, the first being the initialisation; EAO is the mean of the values of an interval.

    Attributes
    ----------
    rules, source : what the decisions are called, and whose they are.
    overlap : how the overlap of two regions is taken, by counting pixels as a toolkit does ("raster-c",
        "raster-python") or by areas ("exact"); see `polygon.overlap`.
    interval : lengths (low, high) of EAO, both included.
    failure_overlap : a frame with at most this overlap is a failure.
    skip : frames from a failure to the next initialisation.
    burn_in : frames from an initialisation on, itself included, that do not count for accuracy.
    repetitions, deterministic_after : runs of a sequence; when that many are equal, no more are made.
    sensitivity : S of reliability exp(-S F / N).
    shift : added to both ends of the interval.
    late_failure : a failure in the last `skip` - 1 frames leaves its fragment "open" (zeros to the end of the sequence)
        or "closed" (as every failure does). With "open" a fragment counts by the share of its frames that are there,
        from its initialisation to the next: all but one when that would be the frame after the last.
    weights : a fragment counts 1 / repetitions of its sequence ("repetitions") or 1 ("equal").
    curve : the curve is as long as the longest "sequence" or the longest "fragment".
    accuracy : mean over all "frames" of all sequences, of the mean over repetitions; or mean over "sequences", weighted
        by length, of the mean over repetitions of the mean over frames.
    eao_margin, accuracy_margin : pixels that the image in which overlap is measured is wider and higher.
    """

    rules: str
    source: str
    overlap: str
    interval: tuple[int, int]
    failure_overlap: float
    skip: int
    burn_in: int
    repetitions: int
    deterministic_after: int
    sensitivity: float
    shift: int
    late_failure: str
    weights: str
    curve: str
    accuracy: str
    eao_margin: int
    accuracy_margin: int

    def __post_init__(self):
        for field, choices in CHOICES.items():
            if getattr(self, field) not in choices:
                raise InputError(
                    f"rules '{self.rules}': {field} is '{getattr(self, field)}', not {' or '.join(choices)}."
                )
        low, high = self.interval
        if not 1 < low <= high:
            raise InputError(f"an interval of EAO needs 1 < low <= high, not {low}, {high}.")
        for field in ("skip", "repetitions", "deterministic_after"):
            if getattr(self, field) < 1:
                raise InputError(f"{field} is {getattr(self, field)} but must be at least 1.")


def _table() -> dict:
    return yaml.safe_load(Path(__file__).with_name("protocols.yaml").read_text(encoding="utf-8"))


def rule_names() -> tuple[str, ...]:
    """Names of the sets of rules of `protocols.yaml`."""
    return tuple(_table()["rules"])


def load_protocol(challenge: str = "VOT2016", rules: str = "matlab") -> VotProtocol:
    """Load the protocol of a challenge ("VOT2015" ... "VOT2018") under the rules of a toolkit.

    "matlab", and "pysot" after it, are those of the published numbers; "python-toolkit" is the later toolkit's; "exact"
    is "matlab" with exact areas in place of counted pixels.
    """
    table = _table()
    for kind, name in (("intervals", challenge), ("rules", rules)):
        if name not in table[kind]:
            raise InputError(f"'{name}' is none of the {kind} of VOT: choose one of {', '.join(table[kind])}.")
    fields = dict(table["rules"][rules])
    fields = {**table["rules"].get(fields.pop("base", None), {}), **fields}
    return VotProtocol(rules, interval=tuple(table["intervals"][challenge]), **table["supervised"], **fields)
