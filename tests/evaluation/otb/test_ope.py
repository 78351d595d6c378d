import dataclasses
import math

import numpy as np
import pytest

from rar_gluon.common import InputError
from rar_gluon.evaluation.otb.ope import (
    attribute_scores,
    centre_error,
    evaluate,
    mean_score,
    normalised_error,
    overlap,
)
from rar_gluon.evaluation.otb.protocol import load_protocol

NAN = math.nan
TRUTH = [100.0, 100.0, 20.0, 10.0]
NAN_BOX = [NAN, NAN, NAN, NAN]


def score(prediction, truth, protocol="matlab", **rules):
    rules = dataclasses.replace(load_protocol(protocol), **rules)
    return evaluate(np.array(prediction, float), np.array(truth, float), rules)


# Metrics ------------------------------------------------------------------------------------------------------------


def test_overlap_by_hand():
    a = np.array([[0, 0, 2, 2], [0, 0, 2, 2], [0, 0, 4, 1], [0, 0, 1, 1], [0, 0, 0, 0], [NAN, 0, 1, 1]], float)
    b = np.array([[1, 1, 2, 2], [2, 0, 2, 2], [1, 0, 2, 1], [0, 0, 1, 1], [0, 0, 0, 0], [0, 0, 1, 1]], float)
    np.testing.assert_allclose(overlap(a, b), [1 / 7, 0, 1 / 2, 1, NAN, NAN])


def test_centre_errors_by_hand():
    # centres of pixels: (100 + 19/2, 100 + 9/2) and (106 + 29/2, 108 + 9/2): 11 and 8 apart
    a, b = np.array([TRUTH]), np.array([[106.0, 108.0, 30.0, 10.0]])
    assert centre_error(b, a) == pytest.approx(math.hypot(11, 8))
    assert normalised_error(b, a) == pytest.approx(math.hypot(11 / 20, 8 / 10))


# Comparisons on a threshold -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", range(1, 21))
def test_overlap_exactly_on_a_threshold_is_no_success(k):
    """A box of k/20 of the truth's width has overlap k/20: above the k thresholds 0 ... (k-1)/20 and no other."""
    truth, prediction = [TRUTH, TRUTH], [TRUTH, [100, 100, k, 10]]
    exact = score(prediction, truth)
    np.testing.assert_array_equal(exact.success[:k], 1)
    np.testing.assert_array_equal(exact.success[k:20], 0.5)
    assert exact.success[20] == 0  # not even the truth itself is above 1
    assert exact.auc == pytest.approx((20 + k) / 2 / 21)
    assert exact.sr == (1 if k > 10 else 0.5)
    # With >= both frames gain their own threshold.
    assert score(prediction, truth, success=">=").auc == pytest.approx((21 + k + 1) / 2 / 21)


def test_error_of_exactly_20_pixels_is_a_hit():
    truth, prediction = [TRUTH, TRUTH], [TRUTH, [112, 116, 20, 10]]
    assert score(prediction, truth).dp == 1
    assert score(prediction, truth, precision="<").dp == 0.5
    assert score([TRUTH, [112, 116.01, 20, 10]], truth).dp == 0.5


def test_normalised_error_of_exactly_a_fifth_is_a_hit():
    assert score([TRUTH, [104, 100, 20, 10]], [TRUTH, TRUTH]).norm_precision == 1
    assert score([TRUTH, [104.1, 100, 20, 10]], [TRUTH, TRUTH]).norm_precision == 0.5


def test_error_rounding():
    truth, prediction = [TRUTH, TRUTH], [TRUTH, [120.00004, 100, 20, 10]]
    assert score(prediction, truth).dp == 0.5
    assert score(prediction, truth, error_decimals=4).dp == 1


def test_fine_grid():
    """Overlap .5: above 50 of 101 thresholds instead of 10 of 21; the truth: above 100 of 101."""
    fine = score([TRUTH, [100, 100, 10, 10]], [TRUTH, TRUTH], "fine101")
    assert len(fine.success) == 101
    assert fine.auc == pytest.approx(150 / 2 / 101)
    assert fine.sr == 0.5 and fine.dp == 1


# First frame --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "protocol, hits", [("matlab", 1), ("got10k", 1), ("pytracking", 1), ("fine101", 1), ("pysot", 0.5)]
)
def test_first_frame_is_the_truth_except_in_pysot(protocol, hits):
    result = score([[500, 500, 20, 10], TRUTH], [TRUTH, TRUTH], protocol)
    assert (result.dp, result.sr) == (hits, hits)


# Predictions that are none ------------------------------------------------------------------------------------------

GOOD = [102.0, 100.0, 20.0, 10.0]  # overlap 18/22, error 2


def test_matlab_copies_the_box_before_nan_and_empty():
    for bad in (NAN_BOX, [7, 7, 0, 10], [7, 7, 20, 0], [7, 7, -3, 10]):
        result = score([TRUTH, GOOD, bad, bad, [500, 500, 20, 10]], [TRUTH] * 5)
        # Frames: truth, 18/22, copied, copied, miss.  18/22 = .818 is above 17 thresholds, the truth above 20.
        assert result.auc == pytest.approx((20 + 17 * 3) / 5 / 21)
        assert result.dp == 4 / 5


def test_matlab_copies_the_trackers_first_box_not_the_truth():
    """The copy comes before the first box is replaced."""
    assert score([[500, 500, 20, 10], NAN_BOX], [TRUTH] * 2).dp == 0.5


def test_matlab_never_copies_to_the_first_box_or_where_truth_is_nan():
    assert score([NAN_BOX, NAN_BOX], [TRUTH] * 2).dp == 0.5
    # Frame 2 keeps its NaN, frame 3 copies that NaN; frame 2's truth is invalid, hence a hit in precision.
    assert score([TRUTH, NAN_BOX, NAN_BOX], [TRUTH, NAN_BOX, TRUTH]).dp == pytest.approx(2 / 3)


def test_nan_in_part_is_not_copied_but_missed():
    result = score([TRUTH, [NAN, 100, 20, 10]], [TRUTH] * 2)
    assert (result.dp, result.sr) == (0.5, 0.5)


@pytest.mark.parametrize("protocol", ["pysot", "got10k"])
def test_pysot_and_got10k_copy_nothing(protocol):
    assert score([TRUTH, NAN_BOX], [TRUTH] * 2, protocol).dp == 0.5
    # A box without area at the truth's centre: a miss in success, a hit in precision.
    result = score([TRUTH, [109.5, 104.5, 0, 0]], [TRUTH] * 2, protocol)
    assert (result.sr, result.dp) == (0.5, 1)


def test_pytracking_refuses_nan_and_negative_and_copies_empty():
    for bad in (NAN_BOX, [NAN, 1, 1, 1]):
        with pytest.raises(InputError, match="box 2 is nan, which protocol 'pytracking' refuses"):
            score([TRUTH, bad], [TRUTH] * 2, "pytracking")
    with pytest.raises(InputError, match="box 2 is negative"):
        score([TRUTH, [1, 1, -1, 1]], [TRUTH] * 2, "pytracking")
    assert score([TRUTH, GOOD, [7, 7, 0, 10]], [TRUTH] * 3, "pytracking").dp == 1


# Truth that is none -------------------------------------------------------------------------------------------------

ZEROS = [0.0, 0.0, 0.0, 0.0]
OUTSIDE = [50.0, -3.0, 20.0, 10.0]  # y < 0, centre and size > 0


@pytest.mark.parametrize(
    "protocol, invalid, success, precision, normalised",
    [
        # The tracker is exactly where the truth says, or far away from a truth of zeros.
        ("matlab", ZEROS, 0, 1, 1),
        ("matlab", OUTSIDE, 0, 1, 1),
        ("fine101", ZEROS, 0, 1, 1),
        ("pysot", ZEROS, 0, 1, 1),
        ("pysot", OUTSIDE, 1, 1, 1),
        ("got10k", ZEROS, 0, 0, 0),
        ("got10k", OUTSIDE, 1, 1, 1),
        ("pytracking", ZEROS, 0, 0, 1),
        ("pytracking", OUTSIDE, 1, 1, 1),
    ],
)
def test_invalid_truth(protocol, invalid, success, precision, normalised):
    prediction = OUTSIDE if invalid == OUTSIDE else TRUTH
    result = score([TRUTH, prediction], [TRUTH, invalid], protocol)
    assert result.sr == (1 + success) / 2
    assert result.dp == (1 + precision) / 2
    assert result.norm_precision == (1 + normalised) / 2


def test_invalid_truth_is_a_hit_at_every_error_threshold_in_matlab():
    result = score([TRUTH, [900, 900, 20, 10]], [TRUTH, OUTSIDE])
    np.testing.assert_array_equal(result.precision, 1)
    np.testing.assert_array_equal(result.success[:20], 0.5)


def test_truth_of_centre_zero_in_pysot():
    """Centre (0, ...) is invalid for precision, size > 0 is valid for success."""
    truth = [-10.0, 50.0, 21.0, 11.0]
    result = score([TRUTH, [500, 500, 21, 11]], [TRUTH, truth], "pysot")
    assert (result.sr, result.dp) == (0.5, 1)
    assert score([TRUTH, truth], [TRUTH, truth], "pysot").sr == 1


@pytest.mark.parametrize("step", [(-3, 0), (0, -2), (-3, -2), (4, 3)])
def test_perfect_boxes_of_a_target_that_leaves_are_perfect_under_folder(step):
    """Wholly outside at the end, at the left, the top, both, or the right and bottom."""
    truth = np.array([[10.0 + step[0] * t, 8.0 + step[1] * t, 20, 10] for t in range(30)])
    perfect = score(truth, truth, "folder")
    assert (perfect.auc, perfect.dp, perfect.sr, perfect.norm_precision) == (pytest.approx(20 / 21), 1, 1, 1)
    off = score(truth + np.array([25.0, 0, 0, 0]), truth, "folder")  # the first box is the truth's
    assert off.auc == pytest.approx(20 / 21 / 30) and off.dp == pytest.approx(1 / 30)
    assert (score(truth, truth, "matlab").sr < 1) == (min(step) < 0)  # OTB's rule, that "folder" is to replace


def test_frames_without_truth_say_nothing_under_folder():
    truth = [NAN_BOX, TRUTH, TRUTH, [5, 5, 0, 10], [5, 5, 10, -1], NAN_BOX, TRUTH]
    far = [500.0, 500, 20, 10]
    for between in (far, NAN_BOX):
        result = score([between, far, TRUTH, between, between, between, far], truth, "folder")
        assert result.dp == pytest.approx(2 / 3) and result.sr == pytest.approx(2 / 3)  # truth first, TRUTH, a miss
    with pytest.raises(InputError, match="never a box"):
        score([TRUTH], [NAN_BOX], "folder")
    with pytest.raises(InputError, match="1 boxes for 2 frames, which protocol 'folder' refuses"):
        score([TRUTH], [TRUTH, NAN_BOX], "folder")


def test_truth_nan_where_absent_counts_as_invalid():
    result = score([TRUTH, GOOD], [TRUTH, NAN_BOX])
    assert (result.sr, result.dp) == (0.5, 1)
    assert score([TRUTH, GOOD], [TRUTH, NAN_BOX], "got10k").dp == 0.5


# Lengths ------------------------------------------------------------------------------------------------------------


def test_shorter_results():
    prediction, truth = [TRUTH] * 3, [TRUTH] * 4
    for protocol in ("matlab", "fine101"):
        result = score(prediction, truth, protocol)
        assert (result.sr, result.dp) == (0.75, 0.75)
    assert score(prediction, truth, "got10k").dp == 1
    with pytest.raises(InputError, match="3 boxes for 4 frames, which protocol 'pysot' refuses"):
        score(prediction, truth, "pysot")
    assert score(prediction, truth, "pytracking").dp == 0.75
    # A box of zeros has its centre at (-.5, -.5), which may be near the truth.
    near = [[10.0, 8.0, 3.0, 3.0]] * 2
    assert score(near[:1], near, "pytracking").dp == 1
    assert score(near[:1], near, "pytracking").sr == 0.5
    assert score(near[:1], near, "matlab").dp == 0.5


def test_longer_results():
    prediction, truth = [TRUTH, TRUTH, [500, 500, 20, 10]], [TRUTH] * 2
    for protocol in ("got10k", "pytracking"):
        assert score(prediction, truth, protocol).dp == 1
    for protocol in ("matlab", "pysot", "fine101"):
        with pytest.raises(InputError, match="3 boxes for 2 frames"):
            score(prediction, truth, protocol)


def test_nothing_to_score():
    with pytest.raises(InputError, match="without a box"):
        evaluate(np.empty((0, 4)), np.array([TRUTH]), load_protocol())


# Means --------------------------------------------------------------------------------------------------------------


def test_mean_is_over_sequences_not_frames_and_by_attribute():
    far = [500, 500, 20, 10]
    scores = {
        "long": score([TRUTH] + [far] * 9, [TRUTH] * 10),  # 1/10
        "short": score([TRUTH] * 2, [TRUTH] * 2),  # 1
    }
    assert mean_score(scores.values()).dp == pytest.approx(0.55)
    assert mean_score(scores.values()).precision.shape == (51,)
    by = attribute_scores(scores, {"long": ("OCC", "SV"), "short": ("SV",)})
    assert {key: value.dp for key, value in by.items()} == pytest.approx({"OCC": 0.1, "SV": 0.55})


# A second route: one frame after the other ---------------------------------------------------------------------------


def naive(prediction, truth, name):
    """(success, precision, normalised) curves by loops, toolkit by toolkit, from lists of lists."""
    boxes, truth = [list(box) for box in prediction], [list(box) for box in truth]
    if name == "folder":
        kept = [i for i, (x, y, w, h) in enumerate(truth) if w > 0 and h > 0]
        boxes, truth = [boxes[i] for i in kept], [truth[i] for i in kept]
    for i in range(1, len(boxes)):
        nan, size = [math.isnan(v) for v in boxes[i]], boxes[i][2:]
        copy = {
            "matlab": all(nan) or size[0] <= 0 or size[1] <= 0,
            "pytracking": size[0] == 0 or size[1] == 0,
        }.get("matlab" if name in ("fine101", "folder") else name, False)
        if copy and not any(math.isnan(v) for v in truth[i]):
            boxes[i] = list(boxes[i - 1])
    if name != "pysot":
        boxes[0] = list(truth[0])
    steps = 100 if name == "fine101" else 20
    success, precision, normalised = [0] * (steps + 1), [0] * 51, [0] * 51
    for (px, py, pw, ph), (x, y, w, h) in zip(boxes, truth):
        centre = (x + (w - 1) / 2, y + (h - 1) / 2)
        dx, dy = px + (pw - 1) / 2 - centre[0], py + (ph - 1) / 2 - centre[1]
        across = max(0, min(px + pw, x + w) - max(px, x)) if not math.isnan(px + pw) else NAN
        down = max(0, min(py + ph, y + h) - max(py, y)) if not math.isnan(py + ph) else NAN
        union = pw * ph + w * h - across * down
        iou = across * down / union if union else NAN
        error = math.sqrt(dx * dx + dy * dy)
        relative = math.sqrt((dx / w) ** 2 + (dy / h) ** 2) if w and h else NAN
        if name in ("matlab", "fine101") and not (x > 0 and y > 0 and w > 0 and h > 0):
            iou = error = relative = -1
        if name == "pysot":
            if not (w > 0 and h > 0):
                iou = -1
            if not (centre[0] > 0 and centre[1] > 0):
                error = relative = -1
        if name == "pytracking" and not (w > 0 and h > 0):
            iou, error, relative = -1, math.inf, -1
        for k in range(steps + 1):
            success[k] += iou > k / steps
        for k in range(51):
            precision[k] += error <= k
            normalised[k] += relative <= k / 100
    return [np.array(curve) / len(truth) for curve in (success, precision, normalised)]


@pytest.mark.parametrize("protocol", ["matlab", "pysot", "got10k", "pytracking", "fine101", "folder"])
@pytest.mark.parametrize("seed", range(5))
def test_agrees_with_a_loop_over_frames(protocol, seed):
    rng = np.random.default_rng(seed)
    count = 80
    truth = np.hstack([rng.integers(-5, 60, (count, 2)), rng.integers(1, 40, (count, 2))]).astype(float)
    prediction = truth + np.round(rng.normal(0, 6, truth.shape), 1)
    truth[rng.choice(count, 4, replace=False)] = 0
    truth[rng.choice(count, 4, replace=False), 2] = 0
    prediction[:, 2:] = np.maximum(prediction[:, 2:], 0)
    if protocol != "pytracking":
        prediction[rng.choice(count, 6, replace=False), 3] *= -1
        prediction[rng.choice(count, 6, replace=False)] = np.nan
        prediction[rng.choice(count, 3, replace=False), 0] = np.nan
    result = evaluate(prediction, truth, load_protocol(protocol))
    for vectorised, looped in zip(
        (result.success, result.precision, result.normalised), naive(prediction, truth, protocol)
    ):
        np.testing.assert_allclose(vectorised, looped, atol=1e-12)
    assert result.auc == pytest.approx(result.success.mean())
    assert result.dp == result.precision[20]
