"""Supervised runs on disk, as the toolkits of VOT write them.

Results are RESULTS/TRACKER/baseline/SEQUENCE/SEQUENCE_001.txt, ..., one line a frame: 1 initialised, 2 failed,
0 skipped, else the region x,y,w,h or x1,y1,...,x4,y4. Regions have the first pixel at 0, as the truth of VOT has.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rar_gluon.common import InputError, inside, read_text, write_text
from rar_gluon.data.sequence import boxes_to_polygons
from rar_gluon.evaluation.vot.polygon import corners

SKIPPED, INITIALISED, FAILED, TRACKED = 0, 1, 2, -1  # what a frame is; the first three as in the files
EXPERIMENT = "baseline"
RUN = re.compile(r"_\d{3}\.txt")  # behind the name of the sequence


@dataclass(frozen=True)
class Trajectory:
    """One run on one sequence.

    Attributes
    ----------
    codes : (N,) int; SKIPPED, INITIALISED, FAILED or TRACKED.
    regions : (N, 4) boxes or (N, 8) polygons, NaN where the code is not TRACKED.
    """

    codes: np.ndarray
    regions: np.ndarray

    def equals(self, other: Trajectory) -> bool:
        """Whether both are the same in every frame."""
        same = np.array_equal(self.codes, other.codes)
        return same and np.array_equal(corners(self.regions), corners(other.regions), equal_nan=True)


def trajectory_path(folder: str | os.PathLike, name: str, repetition: int) -> Path:
    """File of a run in a tracker's folder of results; repetitions count from 1."""
    return inside(Path(folder) / EXPERIMENT, name) / f"{name}_{repetition:03d}.txt"


def write_trajectory(path: str | os.PathLike, trajectory: Trajectory) -> None:
    """Write a run, atomically; numbers in the shortest form that reads back as the same float64."""
    lines = [
        ",".join(np.format_float_positional(value, trim="-") for value in region) if code == TRACKED else str(code)
        for code, region in zip(trajectory.codes, trajectory.regions)
    ]
    write_text(path, "\n".join(lines) + "\n")


def read_trajectory(path: str | os.PathLike, frames: int | None = None) -> Trajectory:
    """Read a run, ours or a toolkit's; a region of NaN counts as skipped, as in the Python toolkit.

    Raises
    ------
    InputError
        With file and line for anything else, and when the file has not `frames` lines.
    """
    lines = read_text(path).splitlines()
    rows = [_parse(line, f"{path}, line {number}") for number, line in enumerate(lines, start=1)]
    if frames is not None and len(rows) != frames:
        raise InputError(f"{path} has {len(rows)} lines for {frames} frames: remove it to run the sequence again.")
    if not rows or rows[0] != [INITIALISED]:
        raise InputError(f"{path} does not begin with 1 (initialised): is it a supervised result of VOT?")
    tracked = np.array([len(row) > 1 and bool(np.isfinite(row).all()) for row in rows])
    codes = np.array(
        [TRACKED if good else int(row[0]) if len(row) == 1 else SKIPPED for good, row in zip(tracked, rows)]
    )
    boxes_only = all(len(row) != 8 for row in rows)
    regions = np.full((len(rows), 4 if boxes_only else 8), np.nan)
    for index in np.flatnonzero(tracked):
        regions[index] = rows[index] if boxes_only or len(rows[index]) == 8 else boxes_to_polygons(rows[index])
    return Trajectory(codes, regions)


def _parse(line: str, where: str) -> list[float]:
    try:
        row = [float(text) for text in line.split(",")]
    except ValueError:
        row = []
    if len(row) not in (1, 4, 8) or (len(row) == 1 and row[0] not in (SKIPPED, INITIALISED, FAILED)):
        raise InputError(f"{where}: '{line[:60]}' is none of 0, 1, 2, a box (4 numbers) or a polygon (8).")
    return row


def read_results(folder: str | os.PathLike, name: str, frames: int) -> list[Trajectory]:
    """Read all runs of a tracker (RESULTS/TRACKER) on the sequence of a name and so many frames."""
    place = trajectory_path(folder, name, 1).parent
    paths = [path for path in place.glob("*.txt") if path.name[:-8] == name and RUN.match(path.name[-8:])]
    if not paths and any(place.glob("*.bin")):
        raise InputError(f"{place} holds binary results: run the toolkit with VOT_RESULTS_BINARY=0 in its environment.")
    if not paths:
        raise InputError(f"{place} holds no results: {name}_001.txt, ... are needed.")
    return [read_trajectory(path, frames) for path in sorted(paths)]


def tracker_folders(results: str | os.PathLike) -> dict[str, Path]:
    """Find the trackers of RESULTS/TRACKER/baseline, or the one whose folder `results` is; by name."""
    results = Path(results)
    if (results / EXPERIMENT).is_dir():
        return {results.resolve().name: results}
    folders = {path.parent.name: path.parent for path in sorted(results.glob(f"*/{EXPERIMENT}"))}
    if not folders:
        raise InputError(f"{results} holds no tracker: results are in RESULTS/TRACKER/{EXPERIMENT}/SEQUENCE/.")
    return folders
