import numpy as np
import pytest

from rar_gluon.data.sequence import Sequence, shortened
from rar_gluon.evaluation.otb.protocol import load_protocol
from rar_gluon.evaluation.sequences import headline, score_boxes, track_and_score

PROTOCOL = load_protocol("matlab")


def sequence(count=6, origin=0, boxes=None):
    """Frames that hold their number; the target moves by two pixels a frame."""
    frames = [np.full((40, 60, 3), index, np.uint8) for index in range(count)]
    if boxes is None:
        boxes = np.array([[10 + origin + 2 * t, 12 + origin, 20, 10] for t in range(count)], float)
    tags = {"occluded": np.arange(count) % 2 == 0}
    polygons = np.arange(count * 8, dtype=float).reshape(count, 8)
    return Sequence("moving", frames, boxes, ("FM",), origin, tags, polygons)


class Shifted:
    """A tracker that knows where the target is, and is off by some pixels after the first frame."""

    def __init__(self, off):
        self._off = off

    def init(self, frame, box):
        assert tuple(box) == (10 + 2 * frame[0, 0, 0], 12, 20, 10)
        self._box = box

    def update(self, frame):
        return (10 + 2.0 * frame[0, 0, 0] + self._off, 12.0, 20.0, 10.0)


def test_a_shortened_sequence_is_its_beginning():
    whole = sequence()
    short = shortened(whole, 4)
    assert len(short) == 4 and short.name == whole.name and short.attributes == ("FM",)
    np.testing.assert_array_equal(short.boxes, whole.boxes[:4])
    np.testing.assert_array_equal(short.polygons, whole.polygons[:4])
    np.testing.assert_array_equal(short.tags["occluded"], [True, False, True, False])
    assert len(whole) == 6 and len(shortened(whole, 100)) == 6
    plain = Sequence("plain", whole.frames, whole.boxes)
    assert shortened(plain, 2).polygons is None and shortened(plain, 2).tags == {}


@pytest.mark.parametrize("origin", [0, 1])
def test_scores_by_hand(origin):
    """5 pixels off: overlap 15/25 in all frames but the first, which is given; above 12 of 21 thresholds."""
    scores = track_and_score(Shifted(5), [sequence(6, origin)], PROTOCOL)
    assert list(scores) == ["moving"]
    assert scores["moving"].auc == pytest.approx((20 / 21 + 5 * 12 / 21) / 6)
    assert scores["moving"].dp == 1
    far = track_and_score(Shifted(30), [sequence(6, origin)], PROTOCOL)["moving"]
    assert far.auc == pytest.approx(20 / 21 / 6) and far.dp == pytest.approx(1 / 6)


def test_only_the_first_frames_are_tracked():
    class Counting(Shifted):
        count = 0

        def update(self, frame):
            self.count += 1
            return super().update(frame)

    tracker = Counting(0)
    score = track_and_score(tracker, [shortened(sequence(), 3)], PROTOCOL)["moving"]
    assert tracker.count == 2 and score.auc == pytest.approx(20 / 21)


def test_frames_without_annotation_do_not_count():
    boxes = sequence().boxes
    boxes[[0, 3]] = np.nan
    truth = sequence(boxes=boxes)
    predicted = np.nan_to_num(boxes, nan=7.0)
    assert score_boxes(predicted, truth, PROTOCOL).auc == pytest.approx(20 / 21)
    assert track_and_score(Shifted(0), [truth], PROTOCOL)["moving"].auc == pytest.approx(20 / 21)


def test_headline_is_the_mean_over_sequences():
    scores = [track_and_score(Shifted(off), [sequence()], PROTOCOL)["moving"] for off in (0, 30)]
    found = headline(scores)
    assert found == pytest.approx({"auc": (20 / 21 + 20 / 21 / 6) / 2, "dp": (1 + 1 / 6) / 2})


def test_a_truth_at_the_border_counts():
    """Row or column 0 is the first pixel where coordinates begin at 0; protocol matlab takes a 0 for no truth."""
    boxes = np.tile([0.0, 0, 20, 10], (4, 1))
    found = score_boxes(boxes, sequence(4, 0, boxes), PROTOCOL)
    assert found.auc == pytest.approx(20 / 21)
    moved = boxes + np.array([1, 1, 0, 0])
    assert score_boxes(moved, sequence(4, 1, moved), PROTOCOL).auc == found.auc
