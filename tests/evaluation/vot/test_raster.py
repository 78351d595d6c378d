"""Counting pixels, against masks that are filled a pixel at a time."""

import math

import numpy as np
import pytest

from rar_gluon.data.sequence import boxes_to_polygons
from rar_gluon.evaluation.vot.raster import c_overlap, python_overlap

SIZE = (60, 45)
LAST = (59, 44)


def filled(points, width, python):
    """Columns between pairs of sorted points, ends included; of two equal points the first is passed over."""
    columns, i = set(), 0
    while i < len(points) - 1:
        if points[i] == points[i + 1] and (not python or i < len(points) - 2):
            i += 1
            continue
        columns |= set(range(max(points[i], 0), min(points[i + 1], width - 1) + 1))
        i += 2
    return columns


def mask(corners, width, height, python):
    """Pixels of a polygon of whole corners [(x, y), ...], row by row."""
    pixels = set()
    for row in range(height):
        points = []
        for (x, y), (before_x, before_y) in zip(corners, [corners[-1], *corners[:-1]]):
            if min(y, before_y) <= row <= max(y, before_y):
                if y != before_y:
                    points.append(int(x + (row - y) / (before_y - y) * (before_x - x)))
                elif python:
                    points.append(int(x))
        pixels |= {(column, row) for column in filled(sorted(points), width, python)}
    return pixels


def ratio(first, second):
    union = len(first | second)
    return len(first & second) / union if union else math.nan


def c_loop(a, b, last):
    """As region.c has it: bounds rounded outwards and cut, halves rounded away from 0."""
    boxes = []
    for polygon in (a, b):
        x, y = polygon[::2], polygon[1::2]
        low = max(math.floor(min(x)), 0), max(math.floor(min(y)), 0)
        boxes.append((*low, min(math.ceil(max(x)), last[0]), min(math.ceil(max(y)), last[1])))
    (al, at, ar, ab), (bl, bt, br, bb) = boxes
    left, top = min(al, bl), min(at, bt)
    width, height = max(ar, br) - left + 1, max(ab, bb) - top + 1
    areas = (ar - al) * (ab - at), (br - bl) * (bb - bt)
    common = (min(ar, br) - max(al, bl)) * (min(ab, bb) - max(at, bt))
    if width < 1 or height < 1 or areas.count(0) == 1:
        return 0.0
    if areas != (0, 0) and (
        min(areas[0] / areas[1], areas[1] / areas[0]) < 1e-10 or common / (sum(areas) - common) <= 0
    ):
        return 0.0

    def away(value):
        return int(math.copysign(math.floor(abs(value) + 0.5), value))

    corners = [[(away(x - left), away(y - top)) for x, y in zip(p[::2], p[1::2])] for p in (a, b)]
    return ratio(*(mask(part, width, height, python=False) for part in corners))


def python_loop(a, b, last):
    """As the Python toolkit has it: boxes are pixels, halves rounded to even, the picture cut to the image."""
    regions = [[round(value) for value in region] for region in (a, b)]
    bounds = []
    for r in regions:
        if len(r) == 4:
            bounds.append((r[0], r[1], r[0] + r[2] - 1, r[1] + r[3] - 1))
        else:
            bounds.append((min(r[::2]), min(r[1::2]), max(r[::2]), max(r[1::2])))
    lows, highs = [min(pair) for pair in zip(*bounds)][:2], [max(pair) for pair in zip(*bounds)][2:]
    if lows[0] >= highs[0] or lows[1] >= highs[1]:
        return 1.0
    lows, highs = [max(value, 0) for value in lows], [min(pair) for pair in zip(highs, last)]
    if lows[0] >= highs[0] or lows[1] >= highs[1]:
        return 0.0
    width, height = highs[0] - lows[0] + 1, highs[1] - lows[1] + 1
    masks = []
    for r in regions:
        if len(r) == 4:
            columns = range(max(r[0] - lows[0], 0), min(r[0] + r[2] - lows[0], width))
            rows = range(max(r[1] - lows[1], 0), min(r[1] + r[3] - lows[1], height))
            masks.append({(column, row) for column in columns for row in rows})
        else:
            masks.append(
                mask([(x - lows[0], y - lows[1]) for x, y in zip(r[::2], r[1::2])], width, height, python=True)
            )
    value = ratio(*masks)
    return 0.0 if math.isnan(value) else value


def shapes(rng, count):
    """Quadrilaterals (count, 8) of any kind, to eighths of a pixel, some of them partly or wholly out of the image."""
    spread = rng.choice([3, 10, 40], (count, 1))
    corners = (
        rng.uniform(-15, 60, (count, 2)).repeat(4, axis=0).reshape(count, 8) + rng.uniform(-1, 1, (count, 8)) * spread
    )
    return np.round(corners * 8) / 8


@pytest.mark.parametrize("seed", range(4))
def test_polygons_agree_with_a_loop(seed):
    rng = np.random.default_rng(seed)
    a = shapes(rng, 150)
    b = a + np.round(rng.uniform(-6, 6, a.shape) * 8) / 8
    b[::5] = shapes(rng, 30)
    for fast, loop in ((c_overlap, c_loop), (python_overlap, python_loop)):
        expected = [loop(p, q, LAST) for p, q in zip(a.tolist(), b.tolist())]
        np.testing.assert_allclose(fast(a, b, LAST), expected, rtol=0, atol=1e-12)
        assert np.ptp(np.nan_to_num(expected)) > 0.5 and 0 in expected


@pytest.mark.parametrize("seed", range(2))
def test_boxes_agree_with_a_loop(seed):
    rng = np.random.default_rng(seed)
    a = np.round(np.hstack([rng.uniform(-15, 55, (200, 2)), rng.uniform(1, 25, (200, 2))]) * 8) / 8
    b = a + np.round(rng.uniform(-3, 3, a.shape) * 8) / 8
    b[:, 2:] = np.maximum(b[:, 2:], 1)
    polygons = boxes_to_polygons(a)
    expected = [python_loop(p, q, LAST) for p, q in zip(a.tolist(), b.tolist())]
    np.testing.assert_allclose(python_overlap(a, b, LAST), expected, rtol=0, atol=1e-12)
    expected = [python_loop(p, q, LAST) for p, q in zip(polygons.tolist(), b.tolist())]
    np.testing.assert_allclose(python_overlap(polygons, b, LAST), expected, rtol=0, atol=1e-12)
    other = boxes_to_polygons(b)
    expected = [c_loop(p, q, LAST) for p, q in zip(polygons.tolist(), other.tolist())]
    np.testing.assert_allclose(c_overlap(polygons, other, LAST), expected, rtol=0, atol=1e-12)


def test_values_by_hand():
    """To the C library a box of 10 x 5 at 10, 10 has 11 x 6 pixels, to the Python toolkit 10 x 5."""
    a, b = np.array([[10.0, 10, 10, 5]]), np.array([[15.0, 10, 10, 5]])
    assert c_overlap(boxes_to_polygons(a), boxes_to_polygons(b), LAST) == pytest.approx(6 / 16)
    assert python_overlap(a, b, LAST) == pytest.approx(5 / 15)
    touching = np.array([[20.0, 10, 10, 5]])  # a column in common, but the bounds have no area in common
    assert c_overlap(boxes_to_polygons(a), boxes_to_polygons(touching), LAST) == 0
    cut = np.array([[50.0, 10, 20, 5]])  # 10 of 21 columns in an image of 60
    half = np.array([[50.0, 10, 4, 5]])
    assert c_overlap(boxes_to_polygons(cut), boxes_to_polygons(half), LAST) == pytest.approx(5 / 10)
    assert c_overlap(boxes_to_polygons(cut), boxes_to_polygons(half), SIZE) == pytest.approx(5 / 11)


def test_no_number_and_no_rows():
    a = np.array([[10.0, 10, 20, 10, 20, 20, 10, 20], [np.nan] * 8, [np.inf] * 8])
    for fast in (c_overlap, python_overlap):
        np.testing.assert_array_equal(fast(a, a, LAST), [1, np.nan, np.nan])
        assert fast(a[:0], a[:0], LAST).shape == (0,)
        far = a[:1] + 1e5
        assert fast(far, far, LAST)[0] == 0 and fast(far, a[:1], LAST)[0] == 0
