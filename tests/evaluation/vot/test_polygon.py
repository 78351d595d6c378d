import cv2
import numpy as np
import pytest

from rar_gluon.data.sequence import boxes_to_polygons
from rar_gluon.evaluation.otb import ope
from rar_gluon.evaluation.vot.polygon import exact_overlap as overlap

SQUARE = [0, 0, 10, 0, 10, 10, 0, 10]


def one(a, b, size=None):
    return float(overlap(np.array([a], float), np.array([b], float), size)[0])


def rasterised(a, b, size=None, fine=8):
    """Overlap by counting cells of 1/fine pixel whose centre is inside (even-odd), within 0..100."""
    masks = []
    for polygon in (a, b):
        corners = np.array(polygon).reshape(4, 2)
        width, height = (100, 100) if size is None else size
        x, y = np.meshgrid((np.arange(width * fine) + 0.5) / fine, (np.arange(height * fine) + 0.5) / fine)
        inside = np.zeros(x.shape, bool)
        for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, axis=0)):
            if y1 != y2:
                inside ^= ((y1 <= y) != (y2 <= y)) & (x < x1 + (y - y1) / (y2 - y1) * (x2 - x1))
        masks.append(inside)
    union = np.logical_or(*masks).sum()
    return np.logical_and(*masks).sum() / union if union else 0.0


def rotated(rng, count):
    """Rotated rectangles (count, 8) within 0..100."""
    centre, half = rng.uniform(30, 70, (count, 1, 2)), rng.uniform(3, 20, (count, 1, 2))
    corners = half * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    angle = rng.uniform(0, np.pi, count)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]).transpose(2, 0, 1)
    return (corners @ turn.transpose(0, 2, 1) + centre).reshape(count, 8)


def test_axis_aligned_equals_the_overlap_of_rectangles():
    rng = np.random.default_rng(0)
    a, b = (np.hstack([rng.uniform(-20, 60, (2000, 2)), rng.uniform(0.1, 60, (2000, 2))]) for _ in range(2))
    b[:200] = a[:200]  # the same box
    b[200:400, :2] = a[200:400, :2]  # corners and sides in common
    a[400:600], b[400:600] = np.round(a[400:600]), np.ceil(b[400:600])
    a[400:600, 2:] += 1
    expected = ope.overlap(a, b)
    polygons = boxes_to_polygons(a), boxes_to_polygons(b)
    np.testing.assert_allclose(overlap(*polygons), expected, rtol=0, atol=1e-9)
    clockwise = polygons[0].reshape(-1, 4, 2)[:, ::-1].reshape(-1, 8)
    np.testing.assert_allclose(overlap(clockwise, polygons[1]), expected, rtol=0, atol=1e-9)


def test_axis_aligned_in_an_image_equals_the_overlap_of_cut_rectangles():
    rng = np.random.default_rng(1)
    a, b = (np.hstack([rng.uniform(-20, 60, (500, 2)), rng.uniform(0.1, 60, (500, 2))]) for _ in range(2))

    def cut(boxes):
        low, high = np.clip(boxes[:, :2], 0, [50, 40]), np.clip(boxes[:, :2] + boxes[:, 2:], 0, [50, 40])
        return np.hstack([low, high - low])

    expected = np.nan_to_num(ope.overlap(cut(a), cut(b)))  # nothing of either in the image: 0
    result = overlap(boxes_to_polygons(a), boxes_to_polygons(b), (50, 40))
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-9)


def test_convex_agrees_with_opencv():
    rng = np.random.default_rng(2)
    a, b = rotated(rng, 300), rotated(rng, 300)
    for first, second, value in zip(a, b, overlap(a, b)):
        p, q = first.reshape(4, 2).astype(np.float32), second.reshape(4, 2).astype(np.float32)
        intersection = cv2.intersectConvexConvex(p, q)[0]
        assert value == pytest.approx(intersection / (cv2.contourArea(p) + cv2.contourArea(q) - intersection), abs=1e-4)


@pytest.mark.parametrize("size", [None, (60, 50)])
def test_any_quadrilateral_agrees_with_counting_pixels(size):
    """Convex, not convex and crossing itself."""
    rng = np.random.default_rng(3)
    a, b = np.vstack([rotated(rng, 20), rng.uniform(5, 95, (40, 8))]), rng.uniform(5, 95, (60, 8))
    expected = [rasterised(p, q, size) for p, q in zip(a, b)]
    np.testing.assert_allclose(overlap(a, b, size), expected, rtol=0, atol=1e-2)
    assert np.ptp(expected) > 0.3


def test_values_by_hand():
    diamond = [5, 0, 10, 5, 5, 10, 0, 5]
    assert one(SQUARE, diamond) == pytest.approx(0.5)
    assert one(SQUARE, [5, 0, 15, 0, 15, 10, 5, 10]) == pytest.approx(1 / 3)
    bow_tie = [0, 0, 10, 10, 10, 0, 0, 10]  # two triangles of 25
    assert one(SQUARE, bow_tie) == pytest.approx(0.5)
    dart = [0, 0, 10, 0, 5, 5, 0, 10]  # not convex: half of the lower and of the left triangle
    assert one(SQUARE, dart) == pytest.approx(0.5)
    assert one(SQUARE, [20, 0, 30, 0, 30, 10, 20, 10]) == 0
    assert one(SQUARE, [10, 0, 20, 0, 20, 10, 10, 10]) == 0  # a side in common


def test_without_area_or_number():
    point = [5] * 8
    assert one(SQUARE, point) == 0
    assert one(point, point) == 0
    assert np.isnan(one(SQUARE, [np.nan] * 8))
    assert np.isnan(one([np.inf, *SQUARE[1:]], SQUARE))
    assert one(SQUARE, SQUARE, (0, 0)) == 0
    assert one(np.array(SQUARE) - 20.0, np.array(SQUARE) - 20.0, (50, 50)) == 0
    assert overlap(np.empty((0, 8)), np.empty((0, 8))).shape == (0,)


def test_does_not_depend_on_where_or_how_large():
    rng = np.random.default_rng(4)
    a, b = rng.uniform(0, 100, (2, 200, 8))
    expected = overlap(a, b)
    np.testing.assert_allclose(overlap(b, a), expected, atol=1e-9)
    np.testing.assert_allclose(overlap(a + 1000, b + 1000), expected, atol=1e-9)
    np.testing.assert_allclose(overlap(a * 0.01, b * 0.01), expected, atol=1e-9)
    np.testing.assert_allclose(
        overlap(a[:, [1, 0, 3, 2, 5, 4, 7, 6]], b[:, [1, 0, 3, 2, 5, 4, 7, 6]]), expected, atol=1e-9
    )
