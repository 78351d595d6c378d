"""Box, window, crop and response: pure functions between them.

A box is (x, y, w, h). Coordinates are continuous: pixel i covers [i, i + 1), so that a box of the whole frame is
(0, 0, W, H) and its centre (W/2, H/2).
"""

from __future__ import annotations

from typing import List, NamedTuple, Sequence, Tuple

import cv2
import numpy as np

from rar_gluon.common import InputError

Box = Tuple[float, float, float, float]
MIN_SIDE = 2.0  # pixels; a box never shrinks below it (assumed: ours)


class Window(NamedTuple):
    """A rectangle of the frame that is cropped and resized to the network's input."""

    cx: float
    cy: float
    width: float
    height: float


def window_of(box: Sequence[float], padding: float, kind: str) -> Window:
    """Search window of a box (Section 4.1: a crop with padding p, resized to a square input).

    Parameters
    ----------
    box : (x, y, w, h), pixels.
    padding : p.
    kind : "per-axis": (1 + p) w by (1 + p) h (assumed: EDCF, DCFNet). "margin": w + p s by h + p s with
        s = √(w h), equal margins on both axes (assumed: ours). "square": side (1 + p) s (assumed: SiamFC, CFNet).
    """
    x, y, w, h = box
    s = (w * h) ** 0.5
    sides = {
        "per-axis": ((1 + padding) * w, (1 + padding) * h),
        "margin": (w + padding * s, h + padding * s),
        "square": ((1 + padding) * s, (1 + padding) * s),
    }
    return Window(x + w / 2, y + h / 2, *sides[kind])


def scaled(window: Window, factor: float) -> Window:
    """Enlarge the window about its centre."""
    return window._replace(width=window.width * factor, height=window.height * factor)


def shifted(window: Window, dx: float, dy: float) -> Window:
    """Move the window, in pixels of the frame."""
    return window._replace(cx=window.cx + dx, cy=window.cy + dy)


def to_crop(box: Sequence[float], window: Window, size: int) -> Box:
    """Box of the frame in the coordinates of the crop (size x size)."""
    zx, zy = size / window.width, size / window.height
    x, y, w, h = box
    left, top = window.cx - window.width / 2, window.cy - window.height / 2
    return ((x - left) * zx, (y - top) * zy, w * zx, h * zy)


def crop(frame: np.ndarray, window: Window, size: int | Tuple[int, int]) -> np.ndarray:
    """Cut the window out of a frame (H, W, 3) and resize it to (size, size, 3), or (height, width, 3) of a size
    (width, height); beyond the frame its border repeats (assumed: KCF, DCFNet).

    Sampled bilinearly; when it shrinks, at an integer multiple of the size, up to 8, and then averaged, against
    aliasing.
    """
    columns, rows = (size, size) if isinstance(size, int) else size
    fine = int(min(max(window.width / columns, window.height / rows, 1), 8))
    zx, zy = window.width / (columns * fine), window.height / (rows * fine)
    # warpAffine counts from pixel centres: output i lies at continuous i + 1/2.
    matrix = np.array(
        [
            [zx, 0, window.cx - window.width / 2 + zx / 2 - 0.5],
            [0, zy, window.cy - window.height / 2 + zy / 2 - 0.5],
        ]
    )
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    patch = cv2.warpAffine(frame, matrix, (columns * fine, rows * fine), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return patch if fine == 1 else cv2.resize(patch, (columns, rows), interpolation=cv2.INTER_AREA)


def crops(frame: np.ndarray, windows: Sequence[Window], size: int) -> np.ndarray:
    """Patches (n, size, size, 3) of windows of a frame."""
    return np.stack([crop(frame, window, size) for window in windows])


def context_windows(window: Window, box: Sequence[float]) -> List[Window]:
    """Windows of the k = 4 context patches: one target size up, down, left and right (assumed: CACF)."""
    _, _, w, h = box
    return [shifted(window, dx, dy) for dx, dy in ((0, -h), (0, h), (-w, 0), (w, 0))]


def context_margin(size: int, stride: int, padding: float) -> int:
    """Pixels, whole cells of them, by which an input of `size` is enlarged on each side, so that contexts fit.

    They are 1 / (1 + padding) of the window away: one target size, where the window is per axis.
    """
    return round(size // stride / (1 + padding)) * stride  # cells to within one, as it needs them


def split_contexts(maps, cells: int):
    """Cut enlarged feature maps (..., cells + 2m, cells + 2m) into the template's z0 (..., cells, cells) and the four
    context patches [(..., cells, cells)], m cells up, down, left and right.
    """
    template, *contexts = (
        maps[..., top : top + cells, left : left + cells] for top, left in split_corners((maps.shape[-1] - cells) // 2)
    )
    return template, contexts


def split_corners(margin: int) -> List[Tuple[int, int]]:
    """Where (top, left) in a map, larger by `margin` cells on each side, template and contexts begin."""
    m = margin
    return [(m, m), (0, m), (2 * m, m), (m, 0), (m, 2 * m)]


def peak(response: np.ndarray) -> Tuple[float, float]:
    """Displacement (dy, dx) in cells of the maximum of a response (H, W) whose (0, 0) is no displacement.

    Wraps around, and is refined below a cell on each axis by the Gaussian through the maximum and its neighbours, which
    is exact for a response of the label's shape (assumed: ours; a parabola, usual with wider labels, is drawn to
    whole cells when σ is half a cell: it makes 0.34 pixels of 1).
    """
    shape = response.shape
    top = np.unravel_index(int(np.argmax(response)), shape)
    displacement = []
    for axis, (index, length) in enumerate(zip(top, shape)):
        values = np.array([response[_moved(top, axis, step, length)] for step in (-1, 0, 1)], np.float64)
        if values.min() > 0:  # else no Gaussian goes through them, and a parabola has to do
            values = np.log(values)
        before, middle, after = values
        curvature = before - 2 * middle + after
        offset = 0.5 * (before - after) / curvature if curvature < 0 else 0.0
        signed = index - length if index > length // 2 else index
        displacement.append(float(signed + offset))
    return displacement[0], displacement[1]


def _moved(index: Tuple[int, ...], axis: int, step: int, length: int) -> Tuple[int, ...]:
    """The index one step along an axis, with wrap-around."""
    moved = list(index)
    moved[axis] = (moved[axis] + step) % length
    return tuple(moved)


def centred(box: Sequence[float], window: Window) -> Box:
    """Box moved to the centre of a window."""
    _, _, w, h = box
    return (window.cx - w / 2, window.cy - h / 2, w, h)


def at_peak(window: Window, response: np.ndarray, stride: int, size: int) -> Window:
    """Window moved so that the maximum of its response (H, W) is in its middle.

    A cell of the response is `stride` pixels of the crop, which has `size` of them a side.
    """
    dy, dx = peak(response)
    return shifted(window, dx * stride * window.width / size, dy * stride * window.height / size)


def resized(box: Sequence[float], factor: float) -> Box:
    """Box scaled about its centre."""
    x, y, w, h = box
    return (x + w * (1 - factor) / 2, y + h * (1 - factor) / 2, w * factor, h * factor)


def limited(box: Sequence[float], frame_shape: Sequence[int]) -> Box:
    """Box with its centre on the frame and its sides between `MIN_SIDE` and the frame's, aspect kept if it can be."""
    x, y, w, h = box
    height, width = frame_shape[:2]
    cx, cy = min(max(x + w / 2, 0.0), width), min(max(y + h / 2, 0.0), height)
    shrink = min(1.0, width / w, height / h)
    w, h = max(w * shrink, 1e-9), max(h * shrink, 1e-9)  # nor 0 where a product is too small for a float
    grow = max(1.0, MIN_SIDE / w, MIN_SIDE / h)
    w = min(max(w * grow, MIN_SIDE), width)
    h = min(max(h * grow, MIN_SIDE), height)
    return (cx - w / 2, cy - h / 2, w, h)


def check_box(box: Sequence[float], frame_shape: Sequence[int]) -> Box:
    """Return a target's box (x, y, w, h) as four floats.

    Raises
    ------
    InputError
        It is not four finite numbers, has no size, or has no part on the frame (H, W, ...).
    """
    try:
        values = np.asarray(box, dtype=np.float64).ravel()
    except (TypeError, ValueError):
        values = np.empty(0)
    if values.shape != (4,) or not np.all(np.isfinite(values)):
        raise InputError(f"the box {box!r} must be four finite numbers: x,y,w,h.")
    x, y, w, h = (float(value) for value in values)
    height, width = frame_shape[:2]
    numbers = ",".join(f"{value:g}" for value in values)
    if w <= 0 or h <= 0:
        raise InputError(f"the box {numbers} has no size: width and height must be above 0.")
    if x >= width or y >= height or x + w <= 0 or y + h <= 0:
        raise InputError(f"the box {numbers} lies outside the frame of {width}x{height}: give one that touches it.")
    return x, y, w, h
