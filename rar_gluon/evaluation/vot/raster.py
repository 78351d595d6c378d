"""Overlap of regions by counting pixels, as the toolkits of VOT do.

Both fill polygons row by row between the points where the sides cross the row, ends included, after rounding the
corners to whole pixels. They differ in the rounding, in what they do where two such points are the same, in boxes (to
the C library a polygon of four corners, to the Python toolkit w x h pixels) and in regions out of the image.
"""

from __future__ import annotations

import numpy as np

ROWS = 1 << 16  # of pixels that are filled at once
EMPTY = (0, -1)  # first and last pixel of a span of none


def c_overlap(a: np.ndarray, b: np.ndarray, last: tuple[int, int]) -> np.ndarray:
    """Intersection over union as of the C library that pysot's and the MATLAB toolkit call (region.c).

    Parameters
    ----------
    a, b : polygons (N, 8); a box is one of the corners x, y, x + w, y + h.
    last : x and y of the last pixel that counts; the first is 0, 0.

    Returns
    -------
    (N,); NaN where a coordinate is, and where no pixel of either is filled.
    """
    shapes = np.stack([a, b], axis=1).astype(np.float32).reshape(-1, 2, 4, 2)  # pair, shape, corner, coordinate
    result, known = _known(shapes.reshape(-1, 16))
    shapes = shapes[known]
    low = np.maximum(np.floor(shapes.min(axis=2)), 0).astype(np.float64)  # (N, 2, 2)
    high = np.minimum(np.ceil(shapes.max(axis=2)), last).astype(np.float64)
    origin, extent = _frame(low, high)
    areas = np.prod(high - low, axis=2)
    common = np.prod(high.min(axis=1) - low.max(axis=1), axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = areas[:, 0] / areas[:, 1]
        apart = common / (areas.sum(axis=1) - common) <= 0  # touching counts for nothing; 0 / 0 is not apart
        apart |= (ratio < 1e-10) | (1 / ratio < 1e-10) | (extent < 1).any(axis=1)
    result[known] = 0
    moved = (shapes - origin.astype(np.float32)[:, None, None]).astype(np.float64)
    corners = np.copysign(np.floor(np.abs(moved) + 0.5), moved)  # C's round: halves away from 0

    def spans(which: np.ndarray, pair: np.ndarray, row: np.ndarray) -> np.ndarray:
        return _polygon_spans(which[pair], row, level=False, single=False)

    rest = ~apart
    result[known[rest]] = _count(corners[rest, 0], corners[rest, 1], extent[rest], (spans, spans))
    return result


def python_overlap(a: np.ndarray, b: np.ndarray, last: tuple[int, int]) -> np.ndarray:
    """Intersection over union as of the Python toolkit (vot-toolkit 0.7.2, region/raster.py).

    Parameters
    ----------
    a, b : boxes (N, 4) or polygons (N, 8).
    last : x and y of the last pixel that counts; the first is 0, 0.

    Returns
    -------
    (N,); NaN where a coordinate is, 1 where both have not more than a row or column of pixels.
    """
    polygons = [np.asarray(a, np.float32), np.asarray(b, np.float32)]
    result, known = _known(np.hstack(polygons))
    rounded = [np.round(part[known]).astype(np.float64) for part in polygons]
    bounds = [_bounds(part) for part in rounded]
    low, high = np.stack([b[0] for b in bounds], axis=1), np.stack([b[1] for b in bounds], axis=1)
    none = (low.min(axis=1) >= high.max(axis=1)).any(axis=1)
    low, high = np.maximum(low, 0), np.minimum(high, last)
    origin, extent = _frame(low, high)
    rest = ~none & (extent > 1).all(axis=1)
    result[known] = none

    moved, ways = [], []
    for part in rounded:
        if part.shape[1] == 8:
            moved.append((part.reshape(-1, 4, 2) - origin[:, None])[rest])
            ways.append(lambda which, pair, row: _polygon_spans(which[pair], row, level=True, single=True))
        else:
            moved.append(np.hstack([part[:, :2] - origin, part[:, 2:]])[rest])
            ways.append(lambda which, pair, row: _box_spans(which[pair], row))
    result[known[rest]] = np.nan_to_num(_count(moved[0], moved[1], extent[rest], tuple(ways)))
    return result


def _known(coordinates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """NaN for each row, and the numbers of the rows (N, C) without one."""
    return np.full(len(coordinates), np.nan), np.flatnonzero(np.isfinite(coordinates).all(axis=1))


def _bounds(regions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and last pixel (N, 2) of whole boxes or polygons."""
    if regions.shape[1] == 4:
        return regions[:, :2], regions[:, :2] + regions[:, 2:] - 1
    corners = regions.reshape(-1, 4, 2)
    return corners.min(axis=1), corners.max(axis=1)


def _frame(low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First pixel (N, 2) and size (N, 2), in pixels, of the picture that both shapes (N, 2, 2) are drawn into."""
    origin = low.min(axis=1)
    return origin, high.max(axis=1) - origin + 1


def _count(a: np.ndarray, b: np.ndarray, extent: np.ndarray, ways: tuple) -> np.ndarray:
    """Common pixels over all pixels (N,) of shapes drawn into pictures of `extent` (N, 2); `ways` give their spans."""
    heights = extent[:, 1].astype(int)
    result = np.empty(len(heights))
    chunks = np.cumsum(heights) // ROWS
    for chunk in range(chunks[-1] + 1) if len(chunks) else ():
        inside = np.flatnonzero(chunks == chunk)
        if not len(inside):
            continue
        pair = np.repeat(inside, heights[inside])
        row = np.arange(len(pair)) - np.repeat(np.cumsum(heights[inside]) - heights[inside], heights[inside])
        width = extent[pair, 0]
        drawn = [_disjoint(spans(shape, pair, row), width) for spans, shape in zip(ways, (a, b))]
        pixels = sum(np.maximum(part[..., 1] - part[..., 0] + 1, 0).sum(axis=1) for part in drawn)
        low = np.maximum(drawn[0][:, :, None, 0], drawn[1][:, None, :, 0])
        high = np.minimum(drawn[0][:, :, None, 1], drawn[1][:, None, :, 1])
        common = np.maximum(high - low + 1, 0).sum(axis=(1, 2))
        starts = np.flatnonzero(row == 0)
        common, pixels = np.add.reduceat(common, starts), np.add.reduceat(pixels, starts)
        with np.errstate(invalid="ignore"):
            result[inside] = common / (pixels - common)
    return result


def _disjoint(spans: np.ndarray, width: np.ndarray) -> np.ndarray:
    """Spans (R, K, 2) inside of columns 0 to `width` - 1 (R,), without what an earlier one has; empty: end < start."""
    start, end = np.maximum(spans[..., 0], 0), np.minimum(spans[..., 1], width[:, None] - 1)
    taken = np.maximum.accumulate(end, axis=1)
    start[:, 1:] = np.maximum(start[:, 1:], taken[:, :-1] + 1)
    return np.stack([start, end], axis=-1)


def _box_spans(boxes: np.ndarray, row: np.ndarray) -> np.ndarray:
    """Pixels of whole boxes (R, 4) in a row each (R,), (R, 1, 2)."""
    x, y, w, h = boxes.T
    inside = (row >= y) & (row <= y + h - 1)
    return np.stack([x, np.where(inside, x + w - 1, x - 1)], axis=-1)[:, None]


def _polygon_spans(corners: np.ndarray, row: np.ndarray, level: bool, single: bool) -> np.ndarray:
    """Pixels of quadrilaterals (R, 4, 2) of whole corners in a row each (R,): first and last of two spans, (R, 2, 2).

    Parameters
    ----------
    level : a side along the row gives a point, its corner.
    single : two equal points at the end are a pixel.
    """
    x, y = corners[..., 0], corners[..., 1]
    before_x, before_y = x[:, [3, 0, 1, 2]], y[:, [3, 0, 1, 2]]
    height, line = before_y - y, row[:, None]
    hit = (np.minimum(y, before_y) <= line) & (line <= np.maximum(y, before_y)) & ((height != 0) | level)
    height[height == 0] = np.inf
    points = np.sort(np.where(hit, np.trunc(x + (line - y) / height * (before_x - x)), np.inf), axis=1)
    count = hit.sum(axis=1)

    spans = np.full((len(points), 2, 2), EMPTY)
    usual = (count == 2) & (single | (points[:, 0] != points[:, 1]))
    spans[usual, 0] = points[usual, :2]
    lines = np.flatnonzero(count > 2)  # rows of a corner, or of a shape that is not convex
    points, count = points[lines], count[lines]
    first, counts = np.zeros(len(lines), int), np.zeros(len(lines), int)
    for _ in range(3):
        start, end = (points[np.arange(len(lines)), np.minimum(first + step, 3)] for step in (0, 1))
        same = (start == end) & ((first < count - 2) | (not single))
        filled = (first < count - 1) & ~same
        spans[lines[filled], counts[filled]] = np.stack([start, end], axis=1)[filled]
        counts += filled
        first += np.where(same, 1, 2)
    return spans
