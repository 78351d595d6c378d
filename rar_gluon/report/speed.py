"""Speed of a run, from the times and the machine that `rar eval` records beside its boxes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Sequence

import numpy as np

from rar_gluon.common import InputError, read_json, read_text
from rar_gluon.data import otb


@dataclass(frozen=True)
class Speed:
    """Seconds of each tracked frame (N,), initialisation included, of some sequences; the machine ("" unknown)."""

    seconds: np.ndarray
    sequences: int
    machine: str

    @property
    def fps(self) -> float:
        """All frames over all seconds."""
        return len(self.seconds) / float(self.seconds.sum())

    @property
    def median(self) -> float:
        """Median milliseconds of a frame, which neither initialisation nor a busy machine's pauses move."""
        return 1000 * float(np.median(self.seconds))


def read_speed(folder: Path, names: Sequence[str]) -> Speed | None:
    """Read times/SEQUENCE.txt and run.json of a result folder; None when there are no times of these sequences.

    Raises
    ------
    InputError
        When a file of times holds anything but seconds, a line a frame, or run.json is damaged.
    """
    seconds = []
    times = folder / "times"
    paths = list(otb.match_files(times.glob("*.txt"), [name for name in names if name in otb.ENTRIES]).values())
    others = [times / f"{name}.txt" for name in names if name not in otb.ENTRIES]
    for path in (*paths, *(path for path in others if path.is_file())):
        text = read_text(path)
        try:
            values = np.array(text.split(), np.float64)
        except ValueError:
            raise InputError(
                f"{path} holds something that is no number: seconds, a line a frame, are needed."
            ) from None
        seconds.append(values[values > 0])  # 0: a frame before the target's first, not tracked
    if not sum(map(len, seconds)):
        return None
    return Speed(np.concatenate(seconds), len(seconds), _machine(folder / "run.json"))


def _machine(path: Path) -> str:
    if not path.is_file():
        return ""
    machine = read_json(path).get("machine", {})
    try:
        return f"{machine['processor']}, {machine['cores']} cores" if machine else ""
    except (KeyError, TypeError):
        raise InputError(f"{path} is damaged: remove it or run the tracker again.") from None
