"""A call of the command line: complete, checked, and never changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Mapping, Tuple

from experiments.sizes import Size


@dataclass(frozen=True)
class Call:
    """What is to be made, of what, and where.

    Attributes
    ----------
    target : name of the table or figure (targets.py).
    size : the size as this call changes it: by --set, --frames, --pairs, --curve, --sequences, --eval and --otb.
    output : folder of the report.
    boxes : folder of the trackers' boxes, for comparisons.
    workers, devices, scheduler : processes, GPUs (-1: the CPU), and the address of a Dask scheduler.
    changes : what was changed of the size, as it was typed.
    """

    target: str
    size: Size
    output: Path
    boxes: Path
    workers: int = 1
    devices: Tuple[int, ...] = (-1,)
    scheduler: str | None = None
    changes: Tuple[str, ...] = ()

    # Tables of rows
    rows: Tuple[str, ...] = ()
    seeds: Tuple[int, ...] = (0,)
    outcomes: Tuple[str, ...] = ("matching", "tracking")
    train: Path | None = None  # folder of videos, or of ILSVRC VID at size full
    records: Mapping[Path, float] = field(default_factory=dict)  # and their weights, in place of `train`
    start: str | None = None
    add: Tuple[Path, ...] = ()
    pool: Path | None = None

    # Table 2 and the figures
    trackers: Tuple[str, ...] = ()  # besides the size's
    results: Path | None = None
    weights: Path | None = None
    vot: Path | None = None
    datasets: Tuple[Tuple[str, Path], ...] = ()  # Table 2: benchmarks and their roots, in place of OTB
    frames: int = 0  # of each of their sequences; 0: all

    @property
    def full(self) -> bool:
        """Whether it is the paper's own size."""
        return self.size.name == "full"

    @property
    def changes_text(self) -> Tuple[str, ...]:
        """A sentence on what was changed of the size, for the report; none when nothing."""
        return (f"Changed from the size: {', '.join(self.changes)}.",) if self.changes else ()
