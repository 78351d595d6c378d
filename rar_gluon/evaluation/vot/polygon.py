"""Exact overlap of quadrilaterals, the regions of VOT.

Both are cut by horizontal lines through every corner and every crossing of two sides. In a slab between two such lines
no sides cross, so that the length common to both shapes changes linearly and its value half-way is its mean.
"""

from __future__ import annotations

import numpy as np

PAIRS = np.array([(i, j) for i in range(8) for j in range(i)])  # of the eight sides of two quadrilaterals


def overlap(a: np.ndarray, b: np.ndarray, size: tuple[float, float] | None = None) -> np.ndarray:
    """Intersection over union of quadrilaterals, pairwise.

    Corners may be in any direction and shapes not convex; a shape that crosses itself is its two lobes (even-odd rule).

    Parameters
    ----------
    a, b : (N, 8), x1, y1, ..., x4, y4.
    size : (width, height) of the image; what lies outside counts for nothing. None: without bounds.

    Returns
    -------
    (N,); 0 where neither has an area (inside the image), NaN where a coordinate is not finite.
    """
    polygons = np.stack([a, b], axis=1).astype(np.float64).reshape(-1, 2, 4, 2)  # pair, shape, corner, coordinate
    finite = np.isfinite(polygons).all(axis=(1, 2, 3))
    polygons = np.where(finite[:, None, None, None], polygons, 0.0)
    low, high = polygons.min(axis=(1, 2)), polygons.max(axis=(1, 2))  # (N, 2)
    if size is not None:
        low, high = np.clip(low, 0, size), np.clip(high, 0, size)

    levels = np.sort(np.clip(_events(polygons, low, high), low[:, 1:], high[:, 1:]), axis=1)
    heights = np.diff(levels, axis=1)  # (N, S)
    spans = _spans(polygons, levels[:, :-1] + heights / 2, low[:, 0], high[:, 0])
    starts, ends = spans[..., 0], spans[..., 1]  # (N, S, 2, 2): of both shapes, up to two spans each
    areas = np.einsum("ns,nspk->np", heights, ends - starts)
    common = np.minimum(ends[:, :, 0, :, None], ends[:, :, 1, None, :])
    common -= np.maximum(starts[:, :, 0, :, None], starts[:, :, 1, None, :])
    intersection = np.einsum("ns,nsij->n", heights, np.maximum(common, 0))
    union = areas.sum(axis=1) - intersection
    ratio = np.divide(intersection, union, out=np.zeros_like(union), where=union > 0)
    return np.where(finite, np.clip(ratio, 0, 1), np.nan)


def _events(polygons: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Heights (N, 52) of all corners, of the crossings of all sides (as lines), and of sides with the image's borders.

    One that is not needed does no harm, so lines are not checked to cross within the sides; parallels give the top.
    """
    start = polygons.reshape(-1, 8, 2)
    step = (np.roll(polygons, -1, axis=2) - polygons).reshape(-1, 8, 2)
    i, j = PAIRS.T
    gap = start[:, j] - start[:, i]
    along = _ratio(_cross(gap, step[:, j]), _cross(step[:, i], step[:, j]))
    crossings = start[:, i, 1] + along * step[:, i, 1]
    borders = np.stack([low[:, :1], high[:, :1]], axis=1)  # (N, 2, 1), x
    at_borders = (
        start[:, None, :, 1] + _ratio(borders - start[:, None, :, 0], step[:, None, :, 0]) * step[:, None, :, 1]
    )
    return np.concatenate([start[..., 1], crossings, at_borders.reshape(-1, 16)], axis=1)


def _spans(polygons: np.ndarray, middles: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Spans [start, end] of x inside both shapes on the lines y = `middles` (N, S): (N, S, 2, 2, 2).

    Sides that a line misses are put to `right`, in pairs: spans of no length.
    """
    x, y = polygons[:, None, ..., 0], polygons[:, None, ..., 1]  # (N, 1, 2, 4)
    next_x, next_y = np.roll(x, -1, axis=-1), np.roll(y, -1, axis=-1)
    line = middles[:, :, None, None]
    hit = (y <= line) != (next_y <= line)
    left, right = left[:, None, None, None], right[:, None, None, None]
    at = np.where(hit, x + _ratio(line - y, next_y - y) * (next_x - x), right)
    return np.sort(np.clip(at, left, right), axis=-1).reshape(*hit.shape[:3], 2, 2)


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Quotient, 0 where the denominator is."""
    shape = np.broadcast(numerator, denominator).shape
    return np.divide(numerator, denominator, out=np.zeros(shape), where=denominator != 0)
