"""Your own tracker: two methods, `init` and `update`, and it runs wherever ours does. From this folder:

    rar eval --dataset folder --root SEQUENCES --tracker colour_histogram:ColourHistogram --output runs
    rar score folder --results runs --root SEQUENCES

This one follows colours (mean shift, Comaniciu et al., PAMI 2003): it remembers how often each hue and saturation is
seen in the target, marks the pixels of a frame by that, and moves the box to where the marks are.
"""

from __future__ import annotations

from typing import Sequence, Tuple

import cv2
import numpy as np

BINS = [30, 32]  # of hue and saturation
RANGES = [0, 180, 0, 256]
STOP = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 20, 1)  # moves at most 20 times, until by less than a pixel


class ColourHistogram:
    """Mean shift on a histogram of hue and saturation; the size of the box stays."""

    def init(self, frame: np.ndarray, box: Sequence[float]) -> None:
        """Remember the colours in the box (x, y, w, h) of a frame (H, W, 3), BGR."""
        x, y, w, h = (int(round(value)) for value in box)
        left, top = max(x, 0), max(y, 0)
        colours = cv2.cvtColor(frame, cv2.COLOR_BGR2HSV)[top : y + h, left : x + w]
        self._histogram = cv2.calcHist([np.ascontiguousarray(colours)], [0, 1], None, BINS, RANGES)
        cv2.normalize(self._histogram, self._histogram, 0, 255, cv2.NORM_MINMAX)
        self._window = (left, top, max(w, 1), max(h, 1))

    def update(self, frame: np.ndarray) -> Tuple[float, ...]:
        """Return the box on the next frame."""
        colours = cv2.cvtColor(frame, cv2.COLOR_BGR2HSV)
        marks = cv2.calcBackProject([colours], [0, 1], self._histogram, RANGES, 1)
        _, self._window = cv2.meanShift(marks, self._window, STOP)
        return tuple(float(value) for value in self._window)
