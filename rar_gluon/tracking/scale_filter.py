"""A filter of its own for size (Danelljan et al., DSST, 2014 and 2017): correlation over scales instead of places.

The representation of Section 3 sees a target in five cells a side and hardly tells a window from one 3 % larger.
Gradients of the target itself, sampled at many sizes, do, at a twentieth of the cost of one more search window.
"""

from __future__ import annotations

from typing import Sequence, Tuple

import cv2
import numpy as np

from rar_gluon.config import TrackingConfig
from rar_gluon.tracking import geometry
from rar_gluon.tracking.geometry import Window
from rar_gluon.tracking.scale import log_factors

AREA = 1024  # pixels of a sample, in the target's aspect (DSST: 512)
CELL = 4  # pixels a side of a cell of gradients (DSST)
BINS = 9  # orientations (HOG)
CLIP = 0.5  # of a cell's gradients relative to those about it
REGULARISATION = 0.01  # λ (DSST)
SIGMA = 1.0  # of the desired response, in steps of scale


class ScaleFilter:
    """Learns what one target looks like at its size and tells how much larger or smaller it has become."""

    def __init__(self, settings: TrackingConfig):
        count = settings.scale_samples
        self._logs = log_factors(count, settings.scale_sample_step)
        label = np.exp(-0.5 * ((np.arange(count) - count // 2) / SIGMA) ** 2)
        self._label, self._window = np.fft.fft(label)[:, None], np.hanning(count + 2)[1:-1, None]
        self._size = (CELL, CELL)
        self._numerator = self._denominator = None

    def start(self, frame: np.ndarray, box: Sequence[float]) -> None:
        """Learn the target of `box` (x, y, w, h) on `frame` (H, W, 3), and nothing else."""
        self._size = sample_size(box)
        self._numerator = self._denominator = None
        self.learn(frame, box, 1.0)

    def learn(self, frame: np.ndarray, box: Sequence[float], rate: float) -> None:
        """Move the filter by `rate` towards the target of `box`."""
        spectrum = self._spectrum(frame, box)
        numerator = np.conj(self._label) * spectrum
        denominator = (np.abs(spectrum) ** 2).sum(axis=1)
        if self._numerator is not None:
            numerator = (1 - rate) * self._numerator + rate * numerator
            denominator = (1 - rate) * self._denominator + rate * denominator
        self._numerator, self._denominator = numerator, denominator

    def change(self, frame: np.ndarray, box: Sequence[float]) -> float:
        """Logarithm of the target's size over that of `box`, whose centre is taken to be right."""
        product = (np.conj(self._numerator) * self._spectrum(frame, box)).sum(axis=1)
        return vertex(np.fft.ifft(product / (self._denominator + REGULARISATION)).real, self._logs)

    def _spectrum(self, frame: np.ndarray, box: Sequence[float]) -> np.ndarray:
        """Transform over scales of the samples' features, (S, d)."""
        features = gradients(samples(frame, box, self._logs, self._size))
        features = features / np.sqrt((features**2).sum(axis=1).mean() + 1e-9)
        return np.fft.fft(features * self._window, axis=0)


def vertex(response: np.ndarray, logs: np.ndarray) -> float:
    """Where the parabola through the largest of (S,) and its neighbours has its maximum."""
    top = int(np.argmax(response))
    if not 0 < top < len(response) - 1:
        return float(logs[top])
    before, here, after = response[top - 1 : top + 2]
    curvature = before - 2 * here + after
    offset = 0.5 * (before - after) / curvature if curvature < 0 else 0.0
    return float(logs[top] + offset * (logs[1] - logs[0]))


def sample_size(box: Sequence[float]) -> Tuple[int, int]:
    """Width and height of a sample: the box's aspect, about AREA pixels, whole cells, two of them at least."""
    enlarged = (AREA / (box[2] * box[3])) ** 0.5
    width, height = (max(2, round(side * enlarged / CELL)) * CELL for side in box[2:])
    return width, height


def samples(frame: np.ndarray, box: Sequence[float], logs: np.ndarray, size: Tuple[int, int]) -> np.ndarray:
    """The box of a frame (H, W, 3), enlarged by exp(logs) about its centre, each resized to `size`: (S, h, w, 3).

    All are cut from one picture of the largest, at the resolution of the middle one.
    """
    x, y, w, h = box
    largest = float(np.exp(logs.max()))
    inner = [max(1, round(side * largest)) for side in size]
    whole = geometry.crop(frame, Window(x + w / 2, y + h / 2, w * largest, h * largest), tuple(inner))
    parts = np.exp(logs) / largest
    return np.stack(
        [geometry.crop(whole, Window(inner[0] / 2, inner[1] / 2, *(part * np.array(inner))), size) for part in parts]
    )


def gradients(pictures: np.ndarray) -> np.ndarray:
    """Features (S, d) of pictures (S, h, w, 3): each cell's gradients by orientation, relative to those about it, and
    its colour.
    """
    pictures = pictures.astype(np.float32)
    count, height, width, _ = pictures.shape
    dy, dx = np.zeros_like(pictures), np.zeros_like(pictures)
    dy[:, 1:-1], dx[:, :, 1:-1] = pictures[:, 2:] - pictures[:, :-2], pictures[:, :, 2:] - pictures[:, :, :-2]
    strongest = (dx**2 + dy**2).argmax(axis=-1)[..., None]  # of the three colours
    dx, dy = (np.take_along_axis(part, strongest, -1)[..., 0] for part in (dx, dy))
    position = np.arctan2(dy, dx) % np.pi / np.pi * BINS  # a gradient and its opposite are the same
    lower = np.floor(position)
    share = position - lower
    length = np.hypot(dx, dy)
    cells = (height // CELL, width // CELL)
    rows, columns = np.arange(height) // CELL, np.arange(width) // CELL
    cell = (np.arange(count)[:, None, None] * cells[0] + rows[:, None]) * cells[1] + columns
    bins = count * cells[0] * cells[1] * BINS
    lower = lower.astype(int)
    histogram = np.bincount((cell * BINS + lower % BINS).ravel(), (length * (1 - share)).ravel(), bins)
    histogram += np.bincount((cell * BINS + (lower + 1) % BINS).ravel(), (length * share).ravel(), bins)
    histogram = histogram.reshape(count, *cells, BINS) / CELL**2
    around = np.stack([cv2.blur(part, (3, 3)) for part in (histogram**2).sum(axis=-1)])
    histogram = np.minimum(histogram / np.sqrt(around + 1)[..., None], CLIP)  # + 1: a grey level squared
    colour = pictures.reshape(count, cells[0], CELL, cells[1], CELL, 3).mean(axis=(2, 4)) / 255 - 0.5
    return np.concatenate([histogram.reshape(count, -1), 0.5 * colour.reshape(count, -1)], axis=1)
