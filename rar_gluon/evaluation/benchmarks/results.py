"""Results of one-pass evaluations as toolkits lay them out: which files are a tracker's, and the boxes in them.

RESULTS or one of its folders may hold
  SEQUENCE.txt, .json or .mat                             (ours, pysot, LaSOT, OTB, UAV123)
  SEQUENCE_TRACKER.mat, of all trackers in one folder     (OTB)
  SEQUENCE/SEQUENCE_001.txt, ..., a file a repetition     (got10k)
  PARAMETERS_000/SEQUENCE.txt, ..., a folder a repetition (pytracking)
with names in any case, with any separators, and with a toolkit's prefix (uav_bike1, nfs_bee, tpl_Ball_ce1).
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Dict, Iterator, List, Mapping

import numpy as np

from rar_gluon.common import InputError, read_any_json
from rar_gluon.data.benchmarks import Benchmark, name_of
from rar_gluon.data.sequence import polygons_to_boxes, read_boxes

SUFFIXES = (".txt", ".csv", ".json", ".mat")
REPETITION = re.compile(r"_\d{3}$")  # behind the name of a sequence (got10k) or of a folder (pytracking)
NOT_BOXES = re.compile(r"[_-]?(time|times|confidence|scores?|object_presence_scores)$", re.IGNORECASE)
DEPTH = 4  # of folders in folders that are looked into
Files = Dict[str, Path]  # of one run, by sequence


def find_trackers(results: str | os.PathLike, benchmark: Benchmark) -> Dict[str, List[Files]]:
    """Find the trackers in a folder of results.

    Returns
    -------
    By tracker's name, in order: its runs, each the file of every sequence that it has.

    Raises
    ------
    InputError
        `results` is no folder, holds no results of the benchmark, or two files of one sequence.
    """
    results = Path(results)
    if not results.is_dir():
        raise InputError(f"{results} is no folder: results are in RESULTS/TRACKER/SEQUENCE.txt.")
    trackers: Dict[str, List[Files]] = {}
    for folder, runs in _leaves(results, benchmark, DEPTH):
        for suffix, files in runs:
            place = "" if folder == results else folder.relative_to(results).as_posix()
            name = "/".join(filter(None, (REPETITION.sub("", place), suffix)))
            trackers.setdefault(name, []).append(files)
    if not trackers:
        raise InputError(
            f"{results} holds no results of {benchmark.title}: RESULTS/TRACKER/SEQUENCE.txt is needed, "
            f"as in {next(iter(benchmark.targets))}.txt."
        )
    return {_short(name, trackers, results): runs for name, runs in sorted(trackers.items())}


def _short(name: str, names: Mapping[str, object], results: Path) -> str:
    """The first folder's name for a tracker that is all there is of it, so that ATOM/default is ATOM."""
    if not name:
        return results.resolve().name
    first = name.partition("/")[0]
    return first if sum(other.partition("/")[0] == first for other in names) == 1 else name


def _leaves(folder: Path, benchmark: Benchmark, depth: int) -> Iterator[tuple[Path, list[tuple[str, Files]]]]:
    """Folders that hold results themselves, each with its runs: a tracker's name in the files' names, and the files."""
    entries = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    runs = _flat(entries, benchmark) or _nested(entries, benchmark)
    if runs:
        yield folder, runs
    elif depth:
        for path in entries:
            if path.is_dir():
                yield from _leaves(path, benchmark, depth - 1)


def _flat(entries: list[Path], benchmark: Benchmark) -> list[tuple[str, Files]]:
    """Runs of a folder of SEQUENCE.txt; those of several trackers where names are SEQUENCE_TRACKER."""
    runs: Dict[str, Files] = {}
    for path in entries:
        if path.suffix.lower() not in SUFFIXES or not path.is_file() or NOT_BOXES.search(path.stem):
            continue
        name, tracker = name_of(benchmark, path.stem), ""
        if name is None and path.suffix.lower() == ".mat":
            name, tracker = _with_tracker(path.stem, benchmark)
        if name is not None:
            _add(runs.setdefault(tracker, {}), name, path)
    return sorted(runs.items())


def _with_tracker(stem: str, benchmark: Benchmark) -> tuple[str | None, str]:
    """Sequence and tracker of a name SEQUENCE_TRACKER; the longest sequence that fits."""
    for cut in sorted((match.start() for match in re.finditer("_", stem)), reverse=True):
        name = name_of(benchmark, stem[:cut])
        if name is not None:
            return name, stem[cut + 1 :]
    return None, ""


def _nested(entries: list[Path], benchmark: Benchmark) -> list[tuple[str, Files]]:
    """Runs of a folder of SEQUENCE/SEQUENCE_001.txt, in order of their numbers."""
    runs: Dict[str, Files] = {}
    for folder in entries:
        name = name_of(benchmark, folder.name) if folder.is_dir() else None
        if name is None:
            continue
        for path in sorted(folder.iterdir()):
            repetition = REPETITION.search(path.stem)
            if repetition and path.suffix.lower() in SUFFIXES and name_of(benchmark, path.stem[:-4]) == name:
                _add(runs.setdefault(repetition[0], {}), name, path)
    return [("", files) for _, files in sorted(runs.items())]


def _add(files: Files, name: str, path: Path) -> None:
    if name in files and path.stem != name:
        if files[name].stem == name:
            return
        raise InputError(f"{files[name]} and {path.name} both stand for {name}: keep one of them.")
    files[name] = path


# --- boxes


def read_result(path: str | os.PathLike) -> np.ndarray:
    """Read the boxes (N, 4) of a file: text, OTB's JSON (`res`) or OTB's .mat (`results{1}.res`).

    Raises
    ------
    InputError
        The file cannot be read, or holds no boxes.
    """
    path = Path(path)
    if path.suffix.lower() == ".json":
        return _rectangles(*_json_rows(path), path)
    if path.suffix.lower() == ".mat":
        return _rectangles(*_mat_rows(path), path)
    return read_boxes(path)


def _json_rows(path: Path) -> tuple[object, str]:
    """Rows and type of a JSON file: an object with `res`, a list of one such, or a list of boxes."""
    value = read_any_json(path)
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict):
        value = value[0]
    if isinstance(value, dict):
        return value.get("res"), str(value.get("resType") or value.get("type") or "rect")
    return value, "rect"


def _mat_rows(path: Path) -> tuple[object, str]:
    """Rows and type of a .mat file as OTB's toolkit writes it; `InputError` without scipy."""
    try:
        from scipy.io import loadmat
    except ImportError:
        raise InputError(f"{path} needs scipy to be read: pip install scipy.") from None
    try:
        content = loadmat(path, squeeze_me=True, struct_as_record=False)
    except Exception as error:  # scipy raises whatever its parsers meet in a damaged file
        raise InputError(f"{path} cannot be read as a .mat file: {str(error)[:80]}.") from None
    value = content.get("results", content.get("res"))
    if isinstance(value, np.ndarray) and value.dtype == object and value.size:
        value = value.ravel()[0]
    if hasattr(value, "res"):
        return value.res, str(getattr(value, "type", "rect"))
    return value, "rect"


def _rectangles(rows: object, kind: str, path: Path) -> np.ndarray:
    if kind.lower() not in ("rect", "4corner"):
        raise InputError(f"{path} holds results of type '{kind[:20]}': boxes ('rect') or corners are needed.")
    try:
        boxes = np.array([[np.nan] * 4 if row is None else row for row in rows], np.float64)
        boxes = boxes.reshape(len(boxes), -1)
    except (TypeError, ValueError, OverflowError):
        boxes = np.empty((0, 0))
    if boxes.shape[0] and boxes.shape[1] == 8:
        boxes = polygons_to_boxes(boxes)
    if not boxes.shape[0] or boxes.shape[1] != 4:
        raise InputError(f"{path} holds no list of boxes: x, y, w, h of each frame are needed in 'res'.")
    if np.isinf(boxes).any():
        raise InputError(f"{path}: a coordinate is infinite.")
    return boxes
