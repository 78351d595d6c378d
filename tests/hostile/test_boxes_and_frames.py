import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from rar_gluon import geometry
from rar_gluon.data.frames import to_bgr8
from rar_gluon.data.prepare import cut_region, visible
from rar_gluon.evaluation.trackers import to_box
from rar_gluon.geometry import check_box

NUMBERS = st.one_of(
    st.floats(width=64), st.floats(-300, 300), st.integers(-300, 300), st.sampled_from([0, -0.0, 1e-300, 1e300, 2**63])
)
BOXES = st.one_of(
    st.lists(NUMBERS, min_size=4, max_size=4),
    st.lists(NUMBERS, max_size=6),
    st.lists(st.one_of(NUMBERS, st.text(max_size=3), st.none(), st.booleans()), max_size=5),
    st.sampled_from([None, "1,2,3,4", {"x": 1}, 7, b"1234", np.ones((2, 2)), np.array(["1", "2", "3", "4"]), [[1], 2]]),
)
SHAPES = st.tuples(st.integers(1, 90), st.integers(1, 90))
FRAME = np.random.default_rng(0).integers(0, 256, (90, 90, 3)).astype(np.uint8)
RESPONSE = np.random.default_rng(1).random((7, 7))


@given(BOXES, SHAPES)
@example([1e-300, 1e-300, 1e300, 1e-300], (37, 31))
def test_boxes_of_targets(answer, box, shape):
    """What is taken for a target's box can be cut out of the frame, moved, and stays finite."""
    checked = answer(check_box, box, shape)
    if checked is None:
        return
    x, y, w, h = checked
    assert np.isfinite(checked).all() and w > 0 and h > 0
    assert x < shape[1] and y < shape[0] and x + w > 0 and y + h > 0
    frame = FRAME[: shape[0], : shape[1]]
    for kind in ("square", "margin", "per-axis"):
        window = geometry.window_of(checked, 2.0, kind)
        for region in (window, *geometry.context_windows(window, checked)):
            assert geometry.crop(frame, region, 16).shape == (16, 16, 3)
        moved = geometry.centred(checked, geometry.at_peak(window, RESPONSE, 8, 63))
        assert np.isfinite(geometry.limited(moved, frame.shape)).all()


@given(st.lists(NUMBERS, min_size=4, max_size=4), SHAPES)
def test_regions_of_records(answer, box, shape):
    checked = answer(check_box, box, shape)
    if checked is None:
        return
    frame = FRAME[: shape[0], : shape[1]]
    assert 0 <= visible(checked, shape) <= 1
    cut = answer(cut_region, frame, checked, 63, 2.0)
    if cut is not None:
        picture, inside = cut
        assert min(picture.shape) > 0 and np.isfinite(inside).all() and inside[2] >= 0 and inside[3] >= 0


@given(BOXES)
def test_answers_of_trackers(answer, box):
    checked = answer(to_box, box)
    assert checked is None or (checked.shape == (4,) and checked.dtype == np.float64)


DTYPES = st.sampled_from(
    ["u1", "i1", "u2", "i2", "i4", "u8", "f2", "f4", "f8", "c8", "?", "U2", "S2", "M8[s]", "m8[s]", "O"]
)
IMAGES = st.tuples(
    DTYPES,
    st.lists(st.integers(0, 6), max_size=4),
    st.lists(st.one_of(st.floats(), st.integers(-1, 70000)), max_size=9),
)


@given(IMAGES, st.booleans())
def test_frames(answer, image, first):
    """Any shape, type and values: 8-bit BGR of the same size, or a refusal."""
    dtype, shape, values = image
    with np.errstate(all="ignore"):
        flat = np.resize(np.array(values or [0.0], object), int(np.prod(shape)))
        try:
            array = np.array(flat.tolist() if dtype != "O" else flat, float if dtype[0] in "uif" else None)
            array = array.astype(dtype).reshape(shape)
        except (ValueError, TypeError, OverflowError):
            array = np.zeros(shape, dtype)
        checked = answer(to_bgr8, array, first)
    if checked is not None:
        assert checked.dtype == np.uint8 and checked.shape == (*shape[:2], 3)
