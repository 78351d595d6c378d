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

LAYOUTS = ("pysot", "got10k", "pytracking")
PREFIXES = {"uav": "uav_", "nfs": "nfs_", "tpl": "tpl_"}  # that pytracking's data sets put before their names


def write_layout(folder: str | os.PathLike, output: str | os.PathLike, layout: str, benchmark: str) -> List[Path]:
    """Write a tracker's results, RESULTS/TRACKER, as OUTPUT/BENCHMARK/TRACKER in another toolkit's layout.

    All have SEQUENCE.txt with a line x,y,w,h a frame, and baseline/SEQUENCE/SEQUENCE_001.txt of supervised runs, as we
    do; LaSOT's toolkit reads pysot's. pytracking has default_000/SEQUENCE.txt with tabs.
    GOT-10k's sequences are SEQUENCE/SEQUENCE_001.txt with SEQUENCE_time.txt in got10k, as its server takes them in a
    zip. For OTB, got10k (ExperimentOTB) spells Jogging-1 as Jogging.1 and Human4-2 as Human4, keeps
    times/SEQUENCE_time.txt, and wants a box for each of Tiger1's 354 frames: the first five, which MATLAB omits and
    nobody tracks, are NaN.

    Parameters
    ----------
    layout : one of `LAYOUTS`.
    benchmark : as the toolkit calls it: OTB100 or VOT2018 in pysot, OTB2015 or GOT-10k in got10k, uav in pytracking.

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
        boxes, name, times = read_boxes(path), path.stem, None
        place = target / f"{name}.txt"
        if layout == "got10k" and name.startswith("GOT-10k_"):
            place, times = target / name / f"{name}_001.txt", target / name / f"{name}_time.txt"
        elif layout == "got10k":
            boxes, name = _with_omitted(boxes, name), got10k_name(name)
            place, times = target / f"{name}.txt", target / "times" / f"{name}_time.txt"
        elif layout == "pytracking":
            place = target / "default_000" / f"{PREFIXES.get(benchmark, '')}{name}.txt"
            times = place.with_name(f"{place.stem}_time.txt")
        write_boxes(place, boxes)
        if layout == "pytracking":
            write_text(place, read_text(place).replace(",", "\t"))
        written.append(place)
        measured = folder / "times" / path.name
        if times is not None and measured.is_file():
            missing = len(boxes) - len(read_text(measured).split())
            write_text(times, "0\n" * missing + read_text(measured))
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
