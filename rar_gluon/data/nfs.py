"""NfS's files of boxes: corners at 240 frames a second, whatever the rate of the frames."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from rar_gluon.common import InputError, read_text

FIELDS = 'id xmin ymin xmax ymax frame 0 0 occluded "label"'


def read_corners(path: str | os.PathLike, every: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Read one row in `every` of a file NAME/30/NAME.txt or NAME/240/NAME.txt.

    A row is `id xmin ymin xmax ymax frame 0 0 occluded "label"`; width is xmax - xmin, as got10k's toolkit has it.

    Returns
    -------
    Boxes (N, 4) float64, (x, y, w, h), and whether the target is labelled as occluded, (N,) bool.

    Raises
    ------
    InputError
        With file and line, for anything else.
    """
    path = Path(path)
    rows = []
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        if not line.strip():
            continue
        rows.append(_row(line, f"{path}, line {number}"))
    if not rows:
        raise InputError(f"{path} holds no boxes: rows of {FIELDS} are needed.")
    numbers = np.array(rows[::every])
    boxes = np.hstack([numbers[:, :2], numbers[:, 2:4] - numbers[:, :2]])
    return boxes, numbers[:, 4] == 1


def _row(line: str, where: str) -> list[float]:
    """xmin, ymin, xmax, ymax and occluded of a line."""
    fields = line.split('"')[0].split()
    try:
        row = [float(text) for text in (*fields[1:5], fields[8])]
    except (IndexError, ValueError):
        raise InputError(f"{where}: '{line[:60]}' is no row of {FIELDS}.") from None
    if not np.isfinite(row).all():
        raise InputError(f"{where}: a coordinate is not finite.")
    return row
