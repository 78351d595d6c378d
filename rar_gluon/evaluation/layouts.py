"""Results in the layouts of other toolkits, so that these can score what ran here."""

from __future__ import annotations

import os
from pathlib import Path
from typing import List

import numpy as np

from rar_gluon.common import InputError, read_text, write_text
from rar_gluon.data import otb
from rar_gluon.data.sequence import read_boxes, write_boxes
from rar_gluon.evaluation.vot.results import EXPERIMENT

LAYOUTS = ("pysot", "got10k")


def write_layout(folder: str | os.PathLike, output: str | os.PathLike, layout: str, benchmark: str) -> List[Path]:
    """Write a tracker's results, RESULTS/TRACKER, as OUTPUT/BENCHMARK/TRACKER in another toolkit's layout.

    Both have SEQUENCE.txt with a line x,y,w,h a frame, and baseline/SEQUENCE/SEQUENCE_001.txt of supervised runs, as we
    do. got10k (ExperimentOTB) spells Jogging-1 as Jogging.1 and Human4-2 as Human4, keeps times/SEQUENCE_time.txt, and
    wants a box for each of Tiger1's 354 frames: the first five, which MATLAB omits and nobody tracks, are NaN.

    Parameters
    ----------
    layout : one of `LAYOUTS`.
    benchmark : as the toolkit calls it: OTB100 or VOT2018 in pysot, OTB2015 in got10k.

    Returns
    -------
    The files that were written.

    Raises
    ------
    InputError
        There are no results, they cannot be read, or the files cannot be written.
    """
    if layout not in LAYOUTS:
        raise InputError(f"'{layout}' is no layout: choose one of {', '.join(LAYOUTS)}.")
    folder = Path(folder)
    target = Path(output) / benchmark / folder.resolve().name
    written = []
    for path in sorted(folder.glob("*.txt")):
        boxes, name = read_boxes(path), path.stem
        if layout == "got10k":
            boxes, name = _with_omitted(boxes, name), got10k_name(name)
        write_boxes(target / f"{name}.txt", boxes)
        written.append(target / f"{name}.txt")
        times = folder / "times" / path.name
        if layout == "got10k" and times.is_file():
            missing = len(boxes) - len(read_text(times).split())
            write_text(target / "times" / f"{name}_time.txt", "0\n" * missing + read_text(times))
    for path in sorted((folder / EXPERIMENT).glob("*/*.txt")):
        write_text(target / path.relative_to(folder), read_text(path))
        written.append(target / path.relative_to(folder))
    if not written:
        raise InputError(f"{folder} holds no results: SEQUENCE.txt or {EXPERIMENT}/SEQUENCE/ are needed.")
    return written


def got10k_name(name: str) -> str:
    """Name of a sequence in got10k: OTB's folder, with .1 or .2 behind it where that holds two targets."""
    entry = otb.ENTRIES.get(name)
    if entry is None:
        return name
    several = sum(other.folder == entry.folder for other in otb.ENTRIES.values()) > 1
    return f"{entry.folder}.{name[-1]}" if several else entry.folder


def _with_omitted(boxes: np.ndarray, name: str) -> np.ndarray:
    """Boxes of all frames of OTB's range, NaN in those that were omitted."""
    entry = otb.ENTRIES.get(name)
    omitted = entry is not None and entry.initial_omit and len(boxes) == entry.frames - entry.initial_omit
    return np.vstack([np.full((entry.initial_omit, 4), np.nan), boxes]) if omitted else boxes
