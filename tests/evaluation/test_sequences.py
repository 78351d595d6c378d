import dataclasses
import json

import cv2
import numpy as np
import pytest

import rar_gluon
from rar_gluon.cli import main
from rar_gluon.common import InputError, Notice
from rar_gluon.data.sequence import Sequence, shortened, write_boxes
from rar_gluon.evaluation.otb.protocol import load_protocol
from rar_gluon.evaluation.otb.score import format_scores, missing_notes
from rar_gluon.evaluation.sequences import headline, protocol_of, score_boxes, score_folder, track_and_score

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
    full = sequence()
    short = shortened(full, 4)
    assert len(short) == 4 and short.name == full.name and short.attributes == ("FM",)
    np.testing.assert_array_equal(short.boxes, full.boxes[:4])
    np.testing.assert_array_equal(short.polygons, full.polygons[:4])
    np.testing.assert_array_equal(short.tags["occluded"], [True, False, True, False])
    assert len(full) == 6 and len(shortened(full, 100)) == 6
    plain = Sequence("plain", full.frames, full.boxes)
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
    numbers = headline(scores)
    assert numbers == pytest.approx({"auc": (20 / 21 + 20 / 21 / 6) / 2, "dp": (1 + 1 / 6) / 2})


@pytest.mark.parametrize("protocol", ["matlab", "folder"])
def test_a_truth_at_the_border_counts(protocol):
    """Row or column 0 is the first pixel where coordinates begin at 0; protocol matlab takes a 0 for no truth."""
    PROTOCOL = load_protocol(protocol)
    boxes = np.tile([0.0, 0, 20, 10], (4, 1))
    result = score_boxes(boxes, sequence(4, 0, boxes), PROTOCOL)
    assert result.auc == pytest.approx(20 / 21)
    moved = boxes + np.array([1, 1, 0, 0])
    assert score_boxes(moved, sequence(4, 1, moved), PROTOCOL).auc == result.auc


def test_protocol_of_otbs_sequences_and_of_others():
    """A folder of the user's may hold a sequence that is called as one of OTB's."""
    theirs = Sequence("Deer", [], np.ones((1, 4)), origin=1)
    assert protocol_of([theirs]).name == "matlab"
    assert protocol_of([theirs, sequence()]).name == "folder"
    assert protocol_of([Sequence("Deer", [], np.ones((1, 4)))]).name == "folder"


@pytest.fixture
def root(tmp_path):
    """Two sequences; the target of `leaving` goes out to the left, and is not annotated in its last frame."""
    truth = {
        "leaving": np.array([[4.0 - 3 * t, 12, 12, 8] for t in range(5)] + [[np.nan] * 4]),
        "staying": np.array([[20.0 + t, 12, 12, 8] for t in range(4)]),
    }
    for name, boxes in truth.items():
        (tmp_path / "data" / name).mkdir(parents=True)
        for index in range(len(boxes)):
            cv2.imwrite(str(tmp_path / "data" / name / f"{index}.png"), np.zeros((40, 60, 3), np.uint8))
        write_boxes(tmp_path / "data" / name / "groundtruth.txt", boxes)
        write_boxes(tmp_path / "runs" / "perfect" / f"{name}.txt", np.nan_to_num(boxes, nan=3.0))
        write_boxes(tmp_path / "runs" / "far" / f"{name}.txt", np.nan_to_num(boxes + np.array([30, 0, 0, 0]), nan=3.0))
    return tmp_path / "data"


def test_a_folder_is_scored(root, capsys):
    runs, table = root.parent / "runs", root.parent / "scores.json"
    assert main(["score", "folder", "--results", str(runs), "--root", str(root), "--json", str(table)]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("data, protocol folder") and printed.index("perfect") < printed.index("far")
    document = json.loads(table.read_text())
    assert document["protocol"]["name"] == "folder" and document["attribute_list"] == "boxes"
    perfect, far = document["trackers"]["perfect"], document["trackers"]["far"]
    assert perfect["auc"] == pytest.approx(20 / 21) and perfect["dp"] == 1
    assert far["dp"] == pytest.approx((1 / 5 + 1 / 4) / 2)  # the first box is the truth's
    assert list(score_folder(runs / "far", root, "staying , ").trackers["far"].sequences) == ["staying"]


def test_what_is_missing_of_a_folder(root):
    runs = root.parent / "runs"
    (runs / "far" / "staying.txt").unlink()
    with pytest.raises(InputError, match=r"far lacks 1 of 2 sequences \(staying\): --allow-missing"):
        score_folder(runs, root)
    assert score_folder(runs, root, allow_missing=True).trackers["far"].missing == ("staying",)
    write_boxes(runs / "perfect" / "leaving.txt", np.ones((3, 4)))
    with pytest.raises(InputError, match="perfect on leaving: 3 boxes for 6 frames"):
        score_folder(runs, root, ["leaving"])
    with pytest.raises(InputError, match="holds no tracker"):
        score_folder(root / "leaving", root)


def test_scores_from_python(root):
    """Of any folder of sequences; they print as a table and are found by the tracker's name."""
    scores = rar_gluon.score(root.parent / "runs", root)
    assert scores.protocol.name == "folder" and list(scores) == ["perfect", "far"] and len(scores) == 2
    assert scores["perfect"].auc == scores.trackers["perfect"].overall.auc == pytest.approx(20 / 21)
    for number in ("dp", "sr", "norm_precision"):
        assert getattr(scores["far"], number) == getattr(scores["far"].overall, number)
    assert str(scores) == repr(scores) == format_scores(scores) and "perfect" in str(scores)
    with pytest.raises(InputError, match="lacks the boxes of 100 of 100"):
        rar_gluon.score(root.parent / "runs", root, dataset="otb")


def test_a_tracker_that_failed_does_not_block_the_others(root):
    """One whose folder `rar eval` has begun, and that has no results."""
    failed = root.parent / "runs" / "failed"
    (failed / "times").mkdir(parents=True)
    (failed / "run.json").write_text("{}")
    with pytest.warns(Notice, match="has no results of failed"):
        assert list(score_folder(root.parent / "runs", root)) == ["perfect", "far"]
    alone = root.parent / "alone"
    alone.mkdir()
    failed.rename(alone / "failed")
    with pytest.raises(InputError, match="failed lacks 2 of 2"):
        score_folder(alone, root)


def test_many_that_are_missing_are_counted_once(root):
    """Not all their names for every tracker."""
    missing = tuple(f"s{number}" for number in range(87))
    scores = score_folder(root.parent / "runs", root)
    trackers = {name: dataclasses.replace(score, missing=missing) for name, score in scores.trackers.items()}
    (note,) = missing_notes(dataclasses.replace(scores, trackers=trackers))
    assert note.startswith("perfect, far: left out") and "(87 of 89 sequences)" in note and "s8," not in note


@pytest.mark.parametrize("option", ["--root", "--annotations"])
def test_a_report_on_a_folder(root, tmp_path, capsys, option):
    output = tmp_path / "report"
    assert main(["report", "folder", str(root.parent / "runs"), option, str(root), "--output", str(output)]) == 0
    assert "perfect" in capsys.readouterr().out and "perfect" in (output / "report.html").read_text(encoding="utf-8")
    head = (output / "scores.csv").read_text(encoding="utf-8").splitlines()[0]
    assert head.startswith("tracker,AUC")
