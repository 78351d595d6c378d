"""Results on disk: RESULTS/TRACKER/SEQUENCE.txt, a box a frame, as trackers publish them."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Sequence

import numpy as np

from rar_gluon.common import InputError, Notice
from rar_gluon.data import otb
from rar_gluon.data.sequence import read_boxes


def tracker_folders(results: str | os.PathLike, names: Sequence[str] | None = None) -> dict[str, Path]:
    """Find the trackers in a folder of results: its subfolders, or itself when it holds a sequence's file.

    Hidden folders and those of `rar report` are passed over. `names` are the sequences'; None: OTB's, in any spelling.

    Returns
    -------
    Folder by tracker's name, in order of the names.
    """
    results = Path(results)
    if not results.is_dir():
        raise InputError(f"{results} is no folder: results are in RESULTS/TRACKER/SEQUENCE.txt.")
    if names is None:
        alone = bool(otb.match_files(results.glob("*.txt"), otb.ENTRIES))
    else:
        alone = any((results / f"{name}.txt").is_file() for name in names)
    if alone:
        return {results.resolve().name: results}
    visible = [path for path in sorted(results.iterdir()) if path.is_dir() and path.name[0] != "."]
    folders = {path.name: path for path in visible if not (path / "report.html").is_file()}
    failed = [name for name, path in folders.items() if _has_failed(path)]
    if failed and len(failed) < len(folders):
        notice = f"{results} has no results of {otb.summary(failed)}, which failed or has not run: left out."
        warnings.warn(Notice(notice), stacklevel=2)
        folders = {name: path for name, path in folders.items() if name not in failed}
    if not folders:
        raise InputError(f"{results} holds no tracker: results are in RESULTS/TRACKER/SEQUENCE.txt.")
    return folders


def _has_failed(folder: Path) -> bool:
    """Tell whether `rar eval` has begun a tracker's folder, and no sequence of it is done."""
    files = (path.relative_to(folder).parts[0] for path in folder.rglob("*.txt"))
    return (folder / "run.json").is_file() and all(part == "times" for part in files)


def read_results(
    folder: str | os.PathLike, names: Sequence[str], allow_missing: bool = False
) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """Read a tracker's boxes on OTB sequences; files may spell the names as trackers do (Jogging_1, human4, ...).

    Returns
    -------
    Boxes (N, 4) by sequence, and the names of the sequences without results.

    Raises
    ------
    InputError
        When results are missing (unless `allow_missing`), or none is there.
    """
    files = otb.match_files(Path(folder).glob("*.txt"), names)
    missing = tuple(name for name in names if name not in files)
    if missing and (not allow_missing or not files):
        raise InputError(
            f"{folder} lacks {len(missing)} of {len(names)} sequences ({otb.summary(missing)}): {otb.FOR_MISSING}"
        )
    return {name: read_boxes(files[name]) for name in names if name in files}, missing
