"""Overlap of VOT's regions, as the rules of a protocol take it: by counting pixels, or by exact areas."""

from __future__ import annotations

import numpy as np

from rar_gluon.data.sequence import boxes_to_polygons
from rar_gluon.evaluation.vot.raster import c_overlap, python_overlap

FAR = 1e7  # pixels; the edge of an image of unknown size
WAYS = ("raster-c", "raster-python", "exact")


def overlap(a: np.ndarray, b: np.ndarray, size: tuple[float, float], way: str = "exact") -> np.ndarray:
    """Intersection over union of regions, pairwise, in an image of `size` (width, height).

    Parameters
    ----------
    a, b : boxes (N, 4), x, y, w, h, or quadrilaterals (N, 8), x1, y1, ..., x4, y4; the first pixel is at 0.
    size : what lies outside counts for nothing.
    way : one of `WAYS`: "raster-c" and "raster-python" count pixels as the toolkits do (`raster`), "exact" takes areas.

    Returns
    -------
    (N,); NaN where a coordinate is not finite.
    """
    if way == "raster-python":
        return python_overlap(a, b, (size[0] - 1, size[1] - 1))
    a, b = corners(a), corners(b)
    return exact_overlap(a, b, size) if way == "exact" else c_overlap(a, b, (size[0] - 1, size[1] - 1))


def corners(regions: np.ndarray) -> np.ndarray:
    """Corners (N, 8) of boxes (N, 4); polygons (N, 8) stay."""
    regions = np.asarray(regions, np.float64)
    return regions if regions.shape[1] == 8 else boxes_to_polygons(regions)


def exact_overlap(a: np.ndarray, b: np.ndarray, size: tuple[float, float] | None = None) -> np.ndarray:
    """Ratio of the areas of quadrilaterals (N, 8), (N,); 0 where neither has an area (inside the image).

    Corners may be in any direction and shapes not convex; a shape that crosses itself is its two lobes (even-odd rule).
    """
    import shapely  # here: scoring as the toolkits do, and all of OTB's, does without

    result = np.full(len(a), np.nan)
    known = np.isfinite(a).all(axis=1) & np.isfinite(b).all(axis=1)
    shapes = [shapely.make_valid(shapely.polygons(part[known].reshape(-1, 4, 2))) for part in (a, b)]
    if size is not None:
        image = shapely.box(0, 0, *np.minimum(size, FAR))
        shapes = [shapely.intersection(part, image) for part in shapes]
    common = shapely.area(shapely.intersection(*shapes))
    union = shapely.area(shapes[0]) + shapely.area(shapes[1]) - common
    result[known] = np.divide(common, union, out=np.zeros_like(union), where=union > 0)
    return result
