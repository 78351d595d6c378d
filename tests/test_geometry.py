import numpy as np
import pytest

from rar_gluon import geometry
from rar_gluon.geometry import Window

BOXES = [(10.0, 20.0, 30.0, 40.0), (-12.5, 3.25, 7.1, 91.3), (600.2, -40.7, 1.5, 2.5), (0.0, 0.0, 320.0, 240.0)]
KINDS = ["square", "margin", "per-axis"]


# Windows and boxes ---------------------------------------------------------------------------------------------------


def test_window_of_a_box():
    assert geometry.window_of((10, 20, 16, 36), 2.0, "square") == Window(18, 38, 72, 72)  # 3 sqrt(16 * 36)
    assert geometry.window_of((10, 20, 16, 36), 2.0, "per-axis") == Window(18, 38, 48, 108)
    assert geometry.window_of((10, 20, 16, 36), 2.0, "margin") == Window(18, 38, 64, 84)  # 2 sqrt(16 * 36) more
    for kind in KINDS:
        assert geometry.window_of((0, 0, 8, 8), 0.5, kind) == Window(4, 4, 12, 12)


def from_crop(box, window, size):
    """The inverse of `geometry.to_crop`, by another formula."""
    zx, zy = window.width / size, window.height / size
    x, y, w, h = box
    return (x * zx + window.cx - window.width / 2, y * zy + window.cy - window.height / 2, w * zx, h * zy)


@pytest.mark.parametrize("size", [127, 255])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("box", BOXES)
def test_frame_to_crop_and_back(box, kind, size):
    window = geometry.shifted(geometry.scaled(geometry.window_of(box, 2.0, kind), 1.02), 3.7, -2.2)
    there = geometry.to_crop(box, window, size)
    assert from_crop(there, window, size) == pytest.approx(box, abs=1e-9)
    back = geometry.to_crop(from_crop(box, window, size), window, size)
    assert back == pytest.approx(box, abs=1e-9)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("box", BOXES)
def test_the_target_is_a_part_of_the_crop_that_the_padding_says(box, kind):
    """Centred, and of area (size / (1 + padding))²; per axis both sides are that, and margins are equal pixels."""
    x, y, w, h = geometry.to_crop(box, geometry.window_of(box, 2.0, kind), 255)
    assert (x + w / 2, y + h / 2) == pytest.approx((127.5, 127.5), abs=1e-6)
    if kind == "margin":
        s = (box[2] * box[3]) ** 0.5
        assert (w, h) == pytest.approx((255 * box[2] / (box[2] + 2 * s), 255 * box[3] / (box[3] + 2 * s)))
        return
    assert w * h == pytest.approx(85**2)
    if kind == "per-axis":
        assert (w, h) == pytest.approx((85, 85))
    else:
        assert w / h == pytest.approx(box[2] / box[3])


def test_window_is_the_whole_crop():
    window = Window(50, 40, 60, 30)
    assert geometry.to_crop((20, 25, 60, 30), window, 100) == pytest.approx((0, 0, 100, 100))


# The crop ------------------------------------------------------------------------------------------------------------


def ramp(height, width):
    """A picture linear in continuous (x, y): 20 + x / 4, 40 + y / 4, 250 - x / 8 - y / 8."""
    y, x = np.mgrid[:height, :width] + 0.5
    return np.stack([20 + x / 4, 40 + y / 4, 250 - x / 8 - y / 8], axis=-1)


def analytic(window, size, height, width):
    """What a crop of `ramp` must hold: values at the frame's coordinates of the crop's pixel centres.

    Beyond the frame the border's pixel centres repeat.
    """
    rows, columns = np.mgrid[:size, :size] + 0.5
    x = window.cx - window.width / 2 + columns * window.width / size
    y = window.cy - window.height / 2 + rows * window.height / size
    x, y = np.clip(x, 0.5, width - 0.5), np.clip(y, 0.5, height - 0.5)
    return np.stack([20 + x / 4, 40 + y / 4, 250 - x / 8 - y / 8], axis=-1)


@pytest.mark.parametrize(
    "window",
    [
        Window(200, 150, 127, 127),  # as it is
        Window(200.5, 150.25, 127, 127),
        Window(210, 140, 40, 40),  # enlarged
        Window(203.3, 151.7, 9.1, 17.3),
        Window(200, 150, 190, 190),  # shrunk
        Window(201.2, 150.9, 260, 210),
        Window(200, 150, 127 * 2, 127 * 2),
        Window(330.1, 300.2, 635, 580),  # shrunk five times
        Window(330.1, 300.2, 640, 131),
        Window(20, 30, 100, 100),  # over the border
        Window(390, 10, 60, 160),
        Window(-80, 700, 120, 120),  # beyond it
    ],
)
def test_crop_holds_the_frames_values_at_mapped_coordinates(window):
    height, width, size = (620, 680, 127) if window.width > 400 else (300, 400, 127)
    frame = ramp(height, width)
    exact = np.round(frame).astype(np.uint8)
    expected = analytic(window, size, height, width)
    # Where the picture is linear, the mean over a pixel of the crop is the value at its centre; not at the border.
    reach = max(window.width, window.height) / size / 2 + 1
    rows, columns = np.mgrid[:size, :size] + 0.5
    x = window.cx + (columns / size - 0.5) * window.width
    y = window.cy + (rows / size - 0.5) * window.height
    inside = (np.abs(x - width / 2) < width / 2 - reach) & (np.abs(y - height / 2) < height / 2 - reach)
    beyond = (x < -reach) & (y > height + reach)
    slack = np.where(inside | beyond, 0.02, 0.5 * reach)  # warpAffine's 1/32 pixel; the mean over the border's bend
    patch = geometry.crop(frame.astype(np.float32), window, size)
    assert patch.shape == (size, size, 3)
    assert (np.abs(patch - expected) < slack[..., None]).all()
    eight = geometry.crop(exact, window, size)
    assert eight.dtype == np.uint8 and (np.abs(eight - expected) < 1.1 + slack[..., None]).all()


def test_a_shrunk_crop_has_no_aliases():
    """Stripes of one pixel, five to a pixel of the crop, become their mean, not stripes of another width."""
    frame = np.zeros((600, 600, 3), np.uint8)
    frame[:, ::2] = 200
    patch = geometry.crop(frame, Window(300.3, 300.7, 450, 450), 90)
    assert np.abs(patch.astype(float) - 100).max() <= 25


def test_crop_of_the_whole_frame_is_the_frame():
    frame = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    assert (geometry.crop(frame, Window(32, 32, 64, 64), 64) == frame).all()
    assert (geometry.crop(frame, Window(32, 32, 32, 32), 32) == frame[16:48, 16:48]).all()


def test_crop_by_whole_pixels_repeats_the_border():
    frame = np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(np.uint8)
    patch = geometry.crop(frame, Window(4, 16, 16, 16), 16)
    assert (patch == np.pad(frame, ((0, 4), (4, 0), (0, 0)), mode="edge")[8:24, :16]).all()


def test_a_point_of_the_crop_is_the_point_of_the_frame(texture):
    """`from_crop` of where a dot lies in the crop is where it lies in the frame."""
    frame = np.zeros((200, 300, 3), np.float32)
    frame[120, 170] = 100  # its centre is (170.5, 120.5)
    window = Window(165.4, 125.1, 30, 24)
    patch = geometry.crop(frame, window, 127)[..., 0]
    rows, columns = np.mgrid[:127, :127] + 0.5
    x, y = (patch * columns).sum() / patch.sum(), (patch * rows).sum() / patch.sum()
    assert from_crop((x, y, 0, 0), window, 127)[:2] == pytest.approx((170.5, 120.5), abs=0.02)


@pytest.mark.parametrize("box", [(0, 0, 1e6, 1e6), (10, 10, 1e5, 2.0), (0, 0, 1e300, 1e300)])
def test_crop_of_a_window_far_larger_than_the_frame(box):
    frame = np.full((100, 120, 3), 7, np.uint8)
    patch = geometry.crop(frame, geometry.window_of(geometry.limited(box, frame.shape), 2.0, "square"), 127)
    assert (patch == 7).all()


# Contexts ------------------------------------------------------------------------------------------------------------


def test_context_windows_are_one_target_size_up_down_left_right():
    box = (100, 50, 20, 40)
    window = geometry.window_of(box, 2.0, "square")
    contexts = geometry.context_windows(window, box)
    assert [(w.cx - window.cx, w.cy - window.cy) for w in contexts] == [(0, -40), (0, 40), (-20, 0), (20, 0)]
    assert {w[2:] for w in contexts} == {window[2:]}


@pytest.mark.parametrize(
    "size, stride, padding, cells", [(255, 8, 2.0, 10), (127, 8, 2.0, 5), (255, 16, 2.0, 5), (255, 8, 1.0, 16)]
)
def test_context_margin_is_a_target_in_whole_cells(size, stride, padding, cells):
    margin = geometry.context_margin(size, stride, padding)
    assert margin % stride == 0
    assert abs(margin / stride - cells) <= (1 if padding == 1.0 else 0)
    assert abs(margin / stride - size // stride / (1 + padding)) <= 0.5


@pytest.mark.parametrize("cells, margin", [(15, 5), (31, 10), (8, 3), (4, 0)])
def test_contexts_are_cut_from_a_larger_map(cells, margin):
    side = cells + 2 * margin
    maps = np.arange(2 * side * side).reshape(2, side, side)
    z0, contexts = geometry.split_contexts(maps, cells)
    assert z0.shape == (2, cells, cells)
    assert (z0 == maps[:, margin : margin + cells, margin : margin + cells]).all()
    up, down, left, right = contexts
    assert all(part.shape == z0.shape for part in contexts)
    step = margin * side  # one row is `side` numbers on
    assert (up == z0 - step).all() and (down == z0 + step).all()
    assert (left == z0 - margin).all() and (right == z0 + margin).all()


def test_centred():
    assert geometry.centred((0, 0, 10, 6), Window(50, 40, 30, 30)) == (45, 37, 10, 6)


# The response's peak -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(15, 15), (31, 31), (16, 12)])
@pytest.mark.parametrize("dy, dx", [(0, 0), (2.3, -1.4), (-0.49, 0.49), (-5.2, 5.1), (0.25, 0)])
@pytest.mark.parametrize("shape", [np.exp, lambda exponent: exponent], ids=["gaussian", "paraboloid below zero"])
def test_peak_of_a_gaussian_or_a_paraboloid_is_exact(shape, size, dy, dx):
    """A sampled surface with wrap-around; its vertex comes back to rounding."""
    height, width = size
    y = (np.arange(height) - dy + height / 2) % height - height / 2
    x = (np.arange(width) - dx + width / 2) % width - width / 2
    response = shape(-0.1 - 0.01 * y[:, None] ** 2 - 0.02 * x[None, :] ** 2)
    assert geometry.peak(response) == pytest.approx((dy, dx), abs=1e-9)


def test_peak_is_signed_by_the_shorter_way_round():
    for index, expected in ((0, 0), (1, 1), (7, 7), (8, -7), (14, -1)):
        response = np.zeros((15, 15))
        response[index, 0] = 1
        assert geometry.peak(response) == (expected, 0)
    response = np.zeros((16, 16))
    response[9, 7] = 1
    assert geometry.peak(response) == (-7, 7)


def test_peak_of_a_flat_response_is_no_displacement():
    assert geometry.peak(np.zeros((15, 15))) == (0, 0)
    assert geometry.peak(np.full((15, 15), 0.3, np.float32)) == (0, 0)


def test_displacement_in_pixels_of_the_frame():
    """A cell is `stride` pixels of the crop, each window / size pixels of the frame, on each axis its own."""
    response = np.zeros((15, 15))
    response[2, -1] = 1  # two cells down, one to the left
    assert geometry.at_peak(Window(10, 20, 127, 254), response, 8, 127) == pytest.approx((10 - 8, 20 + 32, 127, 254))


def test_resized_keeps_the_centre():
    assert geometry.resized((10, 20, 30, 40), 1.5) == pytest.approx((2.5, 10, 45, 60))
    there_and_back = geometry.resized(geometry.resized((10, 20, 30, 40), 1.02), 1 / 1.02)
    assert there_and_back == pytest.approx((10, 20, 30, 40))


# Limits --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "box, expected",
    [
        ((10, 20, 30, 40), (10, 20, 30, 40)),  # left as it is
        ((-10, -10, 40, 40), (-10, -10, 40, 40)),  # partly outside is allowed
        ((150, 20, 30, 40), (145, 20, 30, 40)),  # its centre is not
        ((-100, 500, 30, 40), (-15, 80, 30, 40)),
        ((70, 40, 0.5, 1.0), (69.25, 38.5, 2, 4)),  # grown about its centre
        ((0, 0, 320, 100), (80, 25, 160, 50)),  # shrunk about its centre
        ((0, 0, 320, 400), (120, 160, 80, 100)),
    ],
)
def test_limited(box, expected):
    x, y, w, h = geometry.limited(box, (100, 160, 3))
    assert (w, h) == pytest.approx(expected[2:])
    cx = min(max(box[0] + box[2] / 2, 0), 160)
    cy = min(max(box[1] + box[3] / 2, 0), 100)
    assert (x + w / 2, y + h / 2) == pytest.approx((cx, cy))
    if expected[2:] == box[2:]:
        assert (x, y) == pytest.approx(expected[:2])


def test_limited_is_within_its_limits_for_any_box():
    rng = np.random.default_rng(0)
    for _ in range(2000):
        box = (*rng.normal(0, 300, 2), *np.exp(rng.normal(3, 3, 2)))
        x, y, w, h = geometry.limited(box, (100, 160))
        assert 0 <= x + w / 2 <= 160 and 0 <= y + h / 2 <= 100, box
        assert 2 - 1e-9 <= w <= 160 + 1e-9 and 2 - 1e-9 <= h <= 100 + 1e-9, box
        assert geometry.limited((x, y, w, h), (100, 160)) == pytest.approx((x, y, w, h)), box
