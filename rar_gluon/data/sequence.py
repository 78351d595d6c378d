"""One annotated sequence, and the text files that boxes live in."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import itertools
import math
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Iterable, Mapping
from typing import Sequence as ListOf

import numpy as np

from rar_gluon.common import InputError, about_writing, lock, output_path, write_text
from rar_gluon.data.frames import Frames, ImageFolder, VideoFile

POINTS_OR_DECIMALS = re.compile(r"[-+]?\d+,\d+(\s+[-+]?\d+,\d+){3}")  # 40,5 30,2 24,0 20,1


@dataclass(frozen=True)
class Sequence:
    """A target in a video.

    Attributes
    ----------
    name : unique within its dataset.
    frames : the frames of the benchmark's range, as many as boxes.
    boxes : (N, 4) float64, (x, y, w, h) in the dataset's own coordinates, NaN where the target is absent.
    attributes : what the dataset says of the whole sequence (OTB: IV, OCC, ...; VID: the class).
    origin : coordinate of the first pixel in the dataset's convention, 1 for OTB (MATLAB), else 0.
    tags : what the dataset says of each frame, (N,) bool each (VOT: occlusion, ...; VID: occluded, generated).
    polygons : (N, 8) float64 where the dataset gives polygons (VOT), else None.
    """

    name: str
    frames: Frames
    boxes: np.ndarray
    attributes: tuple[str, ...] = ()
    origin: int = 0
    tags: Mapping[str, np.ndarray] = field(default_factory=dict)
    polygons: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.boxes)

    @property
    def pixel_boxes(self) -> np.ndarray:
        """Boxes with the first pixel at 0, (N, 4): what a tracker is initialised with."""
        return self.boxes - [self.origin, self.origin, 0, 0]


def shortened(sequence: Sequence, frames: int) -> Sequence:
    """The first `frames` frames of a sequence."""
    return dataclasses.replace(
        sequence,
        boxes=sequence.boxes[:frames],
        tags={name: values[:frames] for name, values in sequence.tags.items()},
        polygons=None if sequence.polygons is None else sequence.polygons[:frames],
    )


def polygons_to_boxes(polygons: np.ndarray) -> np.ndarray:
    """Axis-aligned bounding boxes (N, 4) of polygons (N, 8), x1, y1, ..., x4, y4."""
    corners = np.asarray(polygons, np.float64).reshape(-1, 4, 2)
    low, high = corners.min(axis=1), corners.max(axis=1)
    return np.hstack([low, high - low])


def boxes_to_polygons(boxes: np.ndarray) -> np.ndarray:
    """Corners (N, 8) of boxes (N, 4), clockwise from the top left."""
    x, y, w, h = np.asarray(boxes, np.float64).reshape(-1, 4).T
    return np.stack([x, y, x + w, y, x + w, y + h, x, y + h], axis=1)


def _parse_row(line: str, where: str) -> list[float]:
    if POINTS_OR_DECIMALS.fullmatch(line):
        raise InputError(
            f"{where}: '{line[:60]}' may be a box with decimal commas, or the four corners of a polygon: write "
            "decimals with points, or commas between all numbers."
        )
    fields = line.replace(",", " ").split()
    try:
        row = [float(text) for text in fields]
    except ValueError:
        raise InputError(f"{where}: '{line[:60]}' holds something that is no number.") from None
    if len(row) == 5 and all(0 <= value <= 1 for value in row[1:]):
        raise InputError(f"{where}: a class and parts of the frame, as YOLO's, but x,y,w,h in pixels are needed.")
    if len(row) not in (4, 8):
        raise InputError(f"{where}: {len(row)} numbers; a box has 4 (x, y, w, h), a polygon 8.")
    if any(value in (float("inf"), float("-inf")) for value in row):
        raise InputError(f"{where}: a coordinate is infinite.")
    return row


def _read(path: str | os.PathLike) -> str:
    try:
        return Path(path).read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from None


def _parse_boxes(text: str) -> np.ndarray | None:
    """Boxes (N, 4) of a text of nothing else, at once; None where `_parse_rows` must look line by line."""
    fields = [line.split() for line in text.replace(",", " ").splitlines()]
    if set(map(len, fields)) != {4}:
        return None
    try:
        values = np.fromiter(map(float, itertools.chain.from_iterable(fields)), np.float64, 4 * len(fields))
    except ValueError:
        return None
    plain = (values > 1).any() and not np.isinf(values).any()  # else they may be parts of the frame's size
    return values.reshape(-1, 4) if plain else None


def _parse_rows(text: str, path: str | os.PathLike) -> list[list[float]]:
    """Rows of 4 or 8 numbers; `InputError` names file and line of anything else."""
    rows, blank = [], 0
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.strip()
        if line.startswith("#"):
            continue
        if not line:
            blank = blank or number
            continue
        if blank:  # skipping it would move every later box by a frame
            raise InputError(f"{path}, line {blank}: a blank line between boxes; write NaN,NaN,NaN,NaN for no box.")
        rows.append(_parse_row(line, f"{path}, line {number}"))
    if not rows:
        raise InputError(f"{path} holds no boxes: one line of x,y,w,h a frame is needed.")
    _check_pixels(rows, path)
    return rows


def _check_pixels(rows: list[list[float]], path: Path) -> None:
    """Raise `InputError` where no number is above 1, as of boxes in parts of the frame's size."""
    known = [row for row in rows if not any(map(math.isnan, row)) and any(row)]
    if (
        known
        and all(0 <= value <= 1 for row in known for value in row)
        and any(value % 1 for row in known for value in row)
    ):
        raise InputError(
            f"{path} has boxes of less than a pixel, or in parts of the frame's size (YOLO): write x,y,w,h in pixels."
        )


def read_boxes(path: str | os.PathLike) -> np.ndarray:
    """Read one box a line.

    Numbers are parted by comma, tab, space or a mix of them. 4 numbers are a box; 8 are a polygon, which becomes its
    axis-aligned bounding box (`polygons_to_boxes`). NaN is kept; lines that start with # are skipped.

    Returns
    -------
    (N, 4) float64, (x, y, w, h).

    Raises
    ------
    InputError
        With file and line, for anything else.
    """
    text = _read(path)
    boxes = _parse_boxes(text)
    if boxes is not None:
        return boxes
    rows = _parse_rows(text, path)
    if all(len(row) == 4 for row in rows):
        return np.array(rows, np.float64)
    return np.vstack([row if len(row) == 4 else polygons_to_boxes(row) for row in rows])


def read_regions(path: str | os.PathLike) -> np.ndarray:
    """Read one region a line from the same files as `read_boxes`: boxes (N, 4) float64, or polygons (N, 8)."""
    return stack_regions(_parse_rows(_read(path), path))


def stack_regions(rows: list[list[float]]) -> np.ndarray:
    """Rows of 4 or 8 numbers as (N, 4), or as (N, 8) where one is a polygon, boxes then by their corners."""
    if all(len(row) == 4 for row in rows):
        return np.array(rows, np.float64).reshape(-1, 4)
    return np.vstack([row if len(row) == 8 else boxes_to_polygons(row) for row in rows])


def write_boxes(path: str | os.PathLike, boxes: np.ndarray) -> None:
    """Write boxes (N, 4), one `x,y,w,h` a line, in the shortest form that reads back as the same float64."""
    write_text(path, "".join(map(_box_line, np.asarray(boxes, np.float64).reshape(-1, 4))))


def _box_line(box: ListOf[float]) -> str:
    return ",".join(np.format_float_positional(value, trim="-") for value in box).replace("nan", "NaN") + "\n"


class BoxSink:
    """Writes boxes as `write_boxes` does, each as it comes: whatever ends a run, those before it are in the file.

    A file of that name stays as it is until the first box. `InputError` when another process is writing it.
    """

    def __init__(self, path: str | os.PathLike):
        self.path = Path(path)
        self._place, self._file, self._begun = output_path(path), None, False
        self._stack = contextlib.ExitStack()
        if self._place.is_file():
            self._open()

    def _open(self) -> None:
        with about_writing(self.path, self._place):
            self._file = self._stack.enter_context(self._place.open("ab", buffering=0))
        lock(self._file.fileno(), self.path)

    def write(self, box: ListOf[float]) -> None:
        """Append a box; `InputError` when it cannot be written, and the file ends before it."""
        if self._file is None:
            self._open()
        with about_writing(self.path, self._place):
            if not self._begun:
                self._file.truncate(0)
                self._begun = True
            end = self._file.seek(0, os.SEEK_END)
            try:
                self._write_whole(_box_line(np.asarray(box, np.float64)).encode())
            except BaseException:
                self._file.truncate(end)
                raise

    def _write_whole(self, line: bytes) -> None:
        while line:
            line = line[self._file.write(line) :]

    def __enter__(self) -> BoxSink:
        return self

    def __exit__(self, *_) -> None:
        if self._begun and self._file.tell() == 0:  # not even one could be written
            self._place.unlink()
        self._stack.close()


def content_hash(sequences: Iterable[Sequence]) -> str:
    """What tells sequences from others of their names: a hash of boxes, and of the names and sizes of frames' files.

    Synthetic frames have no files: their boxes say enough.
    """
    digest = hashlib.sha256()
    for sequence in sequences:
        frames = sequence.frames
        files = frames.paths if isinstance(frames, ImageFolder) else [getattr(frames, "path", None)]
        for path in filter(None, files):
            digest.update(os.fsencode(f"{path.name}/{path.stat().st_size}/"))
        boxes = np.where(np.isnan(sequence.boxes), np.nan, sequence.boxes)  # one NaN
        digest.update(f"{sequence.name}/{sequence.origin}/{boxes.shape}/".encode("utf-8", "surrogateescape"))
        digest.update(boxes.astype("<f8").tobytes())
    return digest.hexdigest()


def count_frames(frames: Frames, expected: int) -> int:
    """Count frames; a video whose header does not say `expected` is decoded, because headers may be wrong."""
    if isinstance(frames, VideoFile) and len(frames) != expected:
        return sum(1 for _ in frames)
    return len(frames)
