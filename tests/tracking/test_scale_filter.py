import cv2
import numpy as np
import pytest

from rar_gluon.config import from_dict
from rar_gluon.tracking import scale_filter
from rar_gluon.tracking.scale_filter import ScaleFilter

SETTINGS = from_dict({"tracking": {"scale_rule": "filter"}}).tracking


def zoomed(picture, zoom, cx, cy):
    """The picture enlarged about a point, by pixel centres."""
    matrix = np.array([[zoom, 0, (1 - zoom) * (cx - 0.5)], [0, zoom, (1 - zoom) * (cy - 0.5)]])
    return cv2.warpAffine(picture, matrix, picture.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)


@pytest.mark.parametrize("zoom", [0.9, 0.95, 1.0, 1.015, 1.04, 1.1])
@pytest.mark.parametrize("w, h", [(60, 60), (90, 30), (24, 20), (200, 180)])
def test_a_zoom_is_found_to_a_fraction_of_a_step(texture, w, h, zoom):
    """Larger changes than usual are damped by the window over scales."""
    scene = texture(300, 400, grain=max(2, min(w, h) // 6))
    box = (200 - w / 2, 150 - h / 2, w, h)
    filter_ = ScaleFilter(SETTINGS)
    filter_.start(scene, box)
    assert filter_.change(zoomed(scene, zoom, 200, 150), box) == pytest.approx(np.log(zoom), abs=0.012, rel=0.2)


def test_it_follows_what_it_learns(texture):
    """With a rate of 1 the last picture counts alone, with 0 the first."""
    first, then = texture(200, 200, grain=7), texture(200, 200, seed=5, grain=7)
    box = (80, 80, 40, 40)
    for rate, known in ((1.0, then), (0.0, first)):
        filter_ = ScaleFilter(SETTINGS)
        filter_.start(first, box)
        filter_.learn(then, box, rate)
        assert filter_.change(zoomed(known, 1.05, 100, 100), box) == pytest.approx(np.log(1.05), abs=0.012)


def test_a_second_start_forgets(texture):
    scene, box = texture(200, 200, grain=7), (80, 80, 40, 30)
    filter_ = ScaleFilter(SETTINGS)
    filter_.start(texture(200, 200, seed=9), (20, 20, 90, 20))
    filter_.start(scene, box)
    fresh = ScaleFilter(SETTINGS)
    fresh.start(scene, box)
    other = zoomed(scene, 0.97, 100, 95)
    assert filter_.change(other, box) == fresh.change(other, box)


@pytest.mark.parametrize(
    "box", [(-20, -20, 60, 50), (150, 110, 60, 60), (10, 10, 2, 2), (0, 0, 159, 3), (0, 0, 160, 120)]
)
def test_any_box_gives_a_finite_change(texture, box):
    filter_ = ScaleFilter(SETTINGS)
    filter_.start(texture(120, 160), box)
    assert np.isfinite(filter_.change(texture(120, 160, seed=1), box))


def test_a_picture_of_one_value_keeps_the_size(texture):
    flat = np.full((120, 160, 3), 128, np.uint8)
    filter_ = ScaleFilter(SETTINGS)
    filter_.start(flat, (40, 40, 30, 30))
    assert filter_.change(flat, (40, 40, 30, 30)) == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("response, expected", [([0, 1, 0], 0), ([0, 1, 1], 0.5), ([0, 0.5, 1], 1), ([1, 0.5, 0], -1)])
def test_vertex(response, expected):
    assert scale_filter.vertex(np.array(response, float), np.array([-1.0, 0, 1])) == pytest.approx(expected)


@pytest.mark.parametrize("w, h", [(10, 10), (100, 10), (10, 100), (1, 900), (640, 480)])
def test_sample_size(w, h):
    width, height = scale_filter.sample_size((0, 0, w, h))
    assert width % 4 == 0 and height % 4 == 0 and min(width, height) >= 8
    if 0.2 < w / h < 5:
        assert width * height == pytest.approx(1024, rel=0.2) and width / height == pytest.approx(w / h, rel=0.2)


def test_samples_are_the_box_enlarged(texture):
    """The middle one is the box itself; each holds the ramp's values where it must."""
    y, x = np.mgrid[:200, :300] + 0.5
    frame = np.stack([x / 2, y, 255 - x / 4 - y / 4], axis=-1).astype(np.float32)
    logs = np.log(1.1) * np.array([-1, 0, 1])
    found = scale_filter.samples(frame, (100, 80, 48, 40), logs, (24, 20))
    assert found.shape == (3, 20, 24, 3)
    for part, factor in zip(found, (1 / 1.1, 1, 1.1)):
        columns = 124 + ((np.arange(24) + 0.5) / 24 - 0.5) * 48 * factor
        rows = 100 + ((np.arange(20) + 0.5) / 20 - 0.5) * 40 * factor
        inner = (slice(1, -1), slice(1, -1))
        np.testing.assert_allclose(part[..., 0][inner], np.tile(columns / 2, (20, 1))[inner], atol=0.3)
        np.testing.assert_allclose(part[..., 1][inner], np.tile(rows[:, None], (1, 24))[inner], atol=0.6)


def test_gradients_of_a_ramp_are_of_one_orientation():
    """A ramp along x: all of it in the bin of angle 0; along y: halfway, shared by two bins."""
    ramp = np.broadcast_to(4.0 * np.arange(16)[None, None, :, None], (1, 16, 16, 3))
    across = scale_filter.gradients(ramp)[0, : 16 * 9].reshape(4, 4, 9)
    assert (across[..., 0] > 0.3).all() and np.allclose(across[..., 1:], 0)
    down = scale_filter.gradients(ramp.transpose(0, 2, 1, 3))[0, : 16 * 9].reshape(4, 4, 9)
    assert np.allclose(down[..., 4], down[..., 5]) and (down[..., 4] > 0.2).all()
    assert np.allclose(np.delete(down, (4, 5), axis=-1), 0)


def test_gradients_do_not_depend_on_contrast_or_sign(texture):
    picture = texture(32, 32, grain=6)[None].astype(np.float32)
    colours = 8 * 8 * 3
    one, other = (scale_filter.gradients(each)[0, :-colours] for each in (picture, 255 - 0.6 * picture))
    assert np.abs(one - other).mean() < 1e-3  # where two colours are nearly equally strong, rounding may choose
