import dataclasses
import json
import math
from pathlib import Path

import cv2
import numpy as np
import pytest

from rar_gluon.common import InputError
from rar_gluon.data.sequence import Sequence, boxes_to_polygons, read_polygons
from rar_gluon.evaluation import vot
from rar_gluon.evaluation.vot import FAILED, INITIALISED, SKIPPED, TRACKED, load_protocol

GOLDEN = Path(__file__).parents[1] / "golden" / "vot"
LONG, MIDDLE, SHORT = "long", "middle", "short"
NAN = float("nan")
FAR = (80.0, 80.0, 10.0, 10.0)


@pytest.fixture
def protocol():
    return load_protocol()


@pytest.fixture
def make_sequence():
    """A target that moves right by a pixel a frame; 100x100 frames whose pixels hold the frame's number."""

    def make(count, name="seq", **changes):
        frames = [np.full((100, 100, 3), index, np.uint8) for index in range(count)]
        boxes = np.stack([np.arange(count), np.full(count, 20), *np.full((2, count), 10)], axis=1).astype(float)
        return dataclasses.replace(Sequence(name, frames, boxes), **changes)

    return make


class Scripted:
    """Follows the target of `make_sequence`, except on the frames of `answers`; notes what it is shown."""

    def __init__(self, answers=None):
        self.answers, self.seen = answers or {}, []

    def init(self, frame, box):
        self.seen.append(("init", int(frame[0, 0, 0]), tuple(box)))

    def update(self, frame):
        index = int(frame[0, 0, 0])
        self.seen.append(("update", index))
        return self.answers.get(index, (index, 20, 10, 10))


# Protocol ------------------------------------------------------------------------------------------------------------


def test_protocols_load():
    assert vot.rule_names() == ("matlab", "python-toolkit")
    assert vot.challenge_names() == ("VOT2015", "VOT2016", "VOT2017", "VOT2018")
    intervals = [load_protocol(challenge).interval for challenge in vot.challenge_names()]
    assert intervals == [(108, 371), (108, 371), (100, 356), (100, 356)]
    for rules in vot.rule_names():
        p = load_protocol("VOT2017", rules)
        assert (p.rules, p.failure_overlap, p.skip, p.burn_in, p.repetitions) == (rules, 0, 5, 10, 15)
        assert (p.deterministic_after, p.sensitivity) == (3, 30)


def test_protocol_is_validated(protocol):
    with pytest.raises(InputError, match="'VOT2099' is none of the intervals of VOT: choose one of VOT2015"):
        load_protocol("VOT2099")
    with pytest.raises(InputError, match="choose one of matlab, python-toolkit"):
        load_protocol(rules="pysot")
    for change, told in [({"weights": "some"}, "weights"), ({"interval": (9, 3)}, "interval"), ({"skip": 0}, "skip")]:
        with pytest.raises(InputError, match=told):
            dataclasses.replace(protocol, **change)


# Running -------------------------------------------------------------------------------------------------------------


def test_restart_five_frames_after_a_failure(protocol, make_sequence):
    tracker = Scripted({3: FAR, 9: FAR})
    run = vot.run_once(tracker, make_sequence(16), protocol)
    assert run.codes.tolist() == [1, -1, -1, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 1, -1]
    inits = [(0, (0, 20, 10, 10)), (8, (8, 20, 10, 10)), (14, (14, 20, 10, 10))]
    assert [(index, box) for kind, index, *rest in tracker.seen if kind == "init" for box in rest] == inits
    assert [index for kind, index, *_ in tracker.seen if kind == "update"] == [1, 2, 3, 9, 15]
    np.testing.assert_array_equal(run.regions[[1, 15]], [[1, 20, 10, 10], [15, 20, 10, 10]])
    assert np.isnan(run.regions[run.codes != TRACKED]).all()


def test_what_a_failure_is(protocol, make_sequence):
    """No common area: beside it, touching it, no number, and common only outside the image."""
    for box in (FAR, (11, 20, 10, 10), (1, 30, 10, 10), (NAN, 20, 10, 10), (1, 20, 0, 10)):
        assert vot.run_once(Scripted({1: box}), make_sequence(2), protocol).codes.tolist() == [INITIALISED, FAILED]
    assert vot.run_once(Scripted({1: (10.9, 29.9, 9, 9)}), make_sequence(2), protocol).codes[1] == TRACKED
    half = make_sequence(2)
    half = dataclasses.replace(half, boxes=np.array([[0.0, 20, 10, 10], [-8, 20, 10, 10]]))
    assert vot.run_once(Scripted({1: (-12, 20, 10, 10)}), half, protocol).codes[1] == FAILED
    assert vot.run_once(Scripted({1: (-9, 20, 10, 10)}), half, protocol).codes[1] == TRACKED


def test_polygon_starts_from_its_bounding_box_and_decides_failures(protocol, make_sequence):
    diamond = np.tile([50.0, 40, 60, 50, 50, 60, 40, 50], (2, 1))
    sequence = make_sequence(2, boxes=np.tile([40.0, 40, 20, 20], (2, 1)), polygons=diamond)
    tracker = Scripted({1: (40, 40, 4, 4)})  # in the bounding box, not in the diamond
    assert vot.run_once(tracker, sequence, protocol).codes.tolist() == [INITIALISED, FAILED]
    assert tracker.seen[0] == ("init", 0, (40, 40, 20, 20))


def test_origin_of_one(protocol, make_sequence):
    sequence = make_sequence(3)
    shifted = dataclasses.replace(sequence, boxes=sequence.boxes + np.array([1, 1, 0, 0]), origin=1)
    tracker = Scripted()
    assert vot.run_once(tracker, shifted, protocol).equals(vot.run_once(Scripted(), sequence, protocol))
    assert tracker.seen[0] == ("init", 0, (0, 20, 10, 10))
    np.testing.assert_array_equal(vot.truth_polygons(shifted), boxes_to_polygons(sequence.boxes))


def test_sequences_that_cannot_be_run(protocol, make_sequence):
    sequence = make_sequence(4)
    with pytest.raises(InputError, match="seq has 4 boxes, but only 3 frames"):
        vot.run_once(Scripted(), dataclasses.replace(sequence, frames=sequence.frames[:3]), protocol)
    sequence.boxes[2] = NAN
    with pytest.raises(InputError, match="seq has no box in frame 3"):
        vot.run_once(Scripted(), sequence, protocol)


def test_three_repetitions_when_equal(tmp_path, protocol, make_sequence):
    tracker = Scripted({4: FAR})
    runs = vot.run_sequence(tracker, make_sequence(12), tmp_path, protocol)
    assert len(runs) == 3 and all(run.equals(runs[0]) for run in runs)
    names = sorted(path.name for path in (tmp_path / "baseline" / "seq").iterdir())
    assert names == ["seq_001.txt", "seq_002.txt", "seq_003.txt"]
    assert (tmp_path / "baseline/seq/seq_001.txt").read_text().split() == [
        "1", "1,20,10,10", "2,20,10,10", "3,20,10,10", "2", "0", "0", "0", "0", "1", "10,20,10,10", "11,20,10,10"
    ]  # fmt: skip
    seen = len(tracker.seen)
    again = vot.run_sequence(tracker, make_sequence(12), tmp_path, protocol)
    assert len(tracker.seen) == seen and again[2].equals(runs[0])


def test_all_repetitions_when_not_equal_and_going_on_after_a_stop(tmp_path, protocol, make_sequence):
    class Random(Scripted):
        rng = np.random.default_rng(0)

        def update(self, frame):
            x, *rest = super().update(frame)
            return (x + self.rng.uniform(0, 1), *rest)

    class Stopped(Random):
        def update(self, frame):
            if [kind for kind, *_ in self.seen].count("init") == 2:
                raise KeyboardInterrupt
            return super().update(frame)

    protocol = dataclasses.replace(protocol, repetitions=5)
    with pytest.raises(KeyboardInterrupt):
        vot.run_sequence(Stopped(), make_sequence(6), tmp_path, protocol)
    place = tmp_path / "baseline" / "seq"
    assert [path.name for path in place.iterdir()] == ["seq_001.txt"]
    first = (place / "seq_001.txt").read_text()
    assert len(vot.run_sequence(Random(), make_sequence(6), tmp_path, protocol)) == 5
    assert len(list(place.iterdir())) == 5 and (place / "seq_001.txt").read_text() == first
    with pytest.raises(InputError, match="seq_001.txt has 6 lines for 7 frames"):
        vot.run_sequence(Random(), make_sequence(7), tmp_path, protocol)


# Files ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [4, 8])
def test_trajectory_round_trip(tmp_path, width):
    codes = np.array([INITIALISED, TRACKED, TRACKED, FAILED, SKIPPED, SKIPPED, SKIPPED, SKIPPED, INITIALISED])
    regions = np.full((9, width), NAN)
    regions[1:3] = np.random.default_rng(0).normal(100, 1 / 3, (2, width))
    run = vot.Trajectory(codes, regions)
    vot.write_trajectory(tmp_path / "run.txt", run)
    read = vot.read_trajectory(tmp_path / "run.txt", 9)
    assert read.equals(run) and not read.equals(dataclasses.replace(run, regions=regions + 1))
    np.testing.assert_array_equal(read.regions, regions)


def test_results_of_other_toolkits_are_read(tmp_path):
    path = tmp_path / "run.txt"
    path.write_text("1.0000\n1,2,3,4\n1e1,2,30,2,30,5,1e1,5\nNaN,NaN,NaN,NaN\n2.0\n0\n")
    run = vot.read_trajectory(path)
    assert run.codes.tolist() == [1, -1, -1, 0, 2, 0]
    np.testing.assert_array_equal(run.regions[1:3], [[1, 2, 4, 2, 4, 6, 1, 6], [10, 2, 30, 2, 30, 5, 10, 5]])


@pytest.mark.parametrize(
    "text, told",
    [
        ("1\n1,2,3\n", "line 2: '1,2,3' is none of"),
        ("1\n3\n", "line 2: '3' is none of"),
        ("1\n\n", "line 2: '' is none of"),
        ("1\nm0,0,2,2,0,4\n", "line 2: 'm0,0,2,2,0,4' is none of"),
        ("1,2,3,4\n1,2,3,4\n", "does not begin with 1"),
        ("", "does not begin with 1"),
    ],
)
def test_files_that_are_no_results(tmp_path, text, told):
    (tmp_path / "run.txt").write_text(text)
    with pytest.raises(InputError, match=told):
        vot.read_trajectory(tmp_path / "run.txt")


def test_missing_results(tmp_path, make_sequence):
    with pytest.raises(InputError, match="absent.txt cannot be read"):
        vot.read_trajectory(tmp_path / "absent.txt")
    with pytest.raises(InputError, match="holds no tracker"):
        vot.tracker_folders(tmp_path)
    with pytest.raises(InputError, match="holds no results"):
        vot.read_results(tmp_path, make_sequence(2))
    place = tmp_path / "baseline" / "seq"
    place.mkdir(parents=True)
    (place / "seq_001.bin").write_bytes(b"\x01\x00")
    with pytest.raises(InputError, match="VOT_RESULTS_BINARY=0"):
        vot.read_results(tmp_path, make_sequence(2))
    assert vot.tracker_folders(tmp_path) == {tmp_path.name: tmp_path}
    assert vot.tracker_folders(tmp_path.parent)[tmp_path.name] == tmp_path


# Scoring -------------------------------------------------------------------------------------------------------------


def as_run(codes, overlaps):
    codes, overlaps = np.array(codes), np.array(overlaps, float)
    overlaps = np.where(codes == TRACKED, overlaps, NAN)
    return vot.Run(codes, overlaps, overlaps)


@pytest.mark.parametrize("challenge", ["VOT2016", "VOT2017"])
@pytest.mark.parametrize("rules", ["matlab", "python-toolkit"])
def test_golden(challenge, rules):
    protocol = load_protocol(challenge, rules)
    runs = {}
    for name in (LONG, MIDDLE, SHORT):
        truth = read_polygons(GOLDEN / "sequences" / name / "groundtruth.txt")
        paths = [vot.trajectory_path(GOLDEN / "results" / "made_up", name, repetition) for repetition in (1, 2)]
        runs[name] = [vot.measure(vot.read_trajectory(path, len(truth)), truth, (320, 240), protocol) for path in paths]
    score = vot.score(runs, protocol)
    expected = json.loads((GOLDEN / "expected.json").read_text())[challenge][rules]
    assert {number: getattr(score, number) for number in expected} == pytest.approx(expected, abs=1e-6)
    assert score.frames == 560 and len(score.curve) == 390


def test_burn_in():
    codes = [1] + [-1] * 12 + [2, 0, 0, 0, 0, 1] + [-1] * 11
    kept = vot.accuracy_frames(as_run(codes, np.full(30, 0.5)), 10)
    np.testing.assert_array_equal(np.flatnonzero(~np.isnan(kept)), [10, 11, 12, 28, 29])
    without = vot.accuracy_frames(as_run(codes, np.full(30, 0.5)), 0)
    assert np.flatnonzero(~np.isnan(without)).tolist() == np.flatnonzero(np.array(codes) == TRACKED).tolist()


def test_accuracy_and_robustness_by_hand(protocol):
    protocol = dataclasses.replace(protocol, burn_in=1)
    runs = {
        "a": [as_run([1, -1, -1, 2], [0, 0.2, 0.4, 0]), as_run([1, -1, -1, -1], [0, 0.6, 0.6, 0.9])],
        "b": [as_run([1, -1, -1, -1, -1, -1], [0] + [0.5] * 5)] * 2,
    }
    pooled = vot.score(runs, protocol)
    assert pooled.accuracy == pytest.approx((0.4 + 0.5 + 0.9 + 5 * 0.5) / 8)
    assert (pooled.failures, pooled.lost, pooled.frames) == (pytest.approx(0.5 * 0.4), 0.5, 10)
    assert pooled.reliability == pytest.approx(math.exp(-30 * 0.2 / 5))
    assert pooled.sequences == {"a": (pytest.approx((0.3 + 0.7) / 2), 0.5), "b": (0.5, 0.0)}
    by_sequence = vot.score(runs, dataclasses.replace(protocol, accuracy="sequences"))
    assert by_sequence.accuracy == pytest.approx(0.4 * 0.5 + 0.6 * 0.5)


def test_eao_by_hand(protocol):
    """Two fragments: one fails after two frames, one is followed to the end of a sequence of 8 frames."""
    run = as_run([1, -1, -1, 2, 0, 0, 0, 0, 1, -1, -1], [0, 0.6, 0.3, 0, 0, 0, 0, 0, 0, 1, 0.5])
    rules = dataclasses.replace(protocol, interval=(2, 3))
    curve = vot.eao_curve([[run]], rules)
    assert len(curve) == 11
    np.testing.assert_allclose(curve[:4], [1, (0.6 + 1) / 2, (0.45 + 0.75) / 2, 0.9 / 3])
    assert vot.expected_average_overlap(curve, rules) == pytest.approx((0.8 + 0.6) / 2)
    shifted = dataclasses.replace(rules, shift=1)
    assert vot.expected_average_overlap(curve, shifted) == pytest.approx((0.6 + 0.3) / 2)
    assert len(vot.eao_curve([[run]], dataclasses.replace(rules, curve="fragment"))) == 3
    assert math.isnan(vot.expected_average_overlap(curve, protocol))  # no length of 108
    beyond = dataclasses.replace(rules, interval=(11, 50))
    assert vot.expected_average_overlap(curve, beyond) == curve[10]


def test_late_failure(protocol):
    """Failures in the last four frames leave the fragment open, the fifth last closes it."""
    open_rule = protocol
    closed_rule = dataclasses.replace(protocol, late_failure="closed")
    for failure in range(10, 20):
        codes = np.full(20, TRACKED)
        codes[0], codes[failure], codes[failure + 1 :] = INITIALISED, FAILED, SKIPPED
        codes[failure + 5 : failure + 6] = INITIALISED
        codes[failure + 6 :] = TRACKED
        run = as_run(codes, np.full(20, 0.5))
        (piece, closed), *_ = vot.fragments(run, open_rule)
        assert closed == (failure <= 15)
        assert len(piece) == (failure if closed else 20)
        (piece, closed), *_ = vot.fragments(run, closed_rule)
        assert closed and len(piece) == failure


def test_weights(protocol):
    one, two = as_run([1, -1, -1], [0, 1, 1]), as_run([1, -1, -1], [0, 0, 0])
    assert vot.eao_curve([[one], [two] * 3], protocol)[1] == pytest.approx(1 / 2)
    equal = dataclasses.replace(protocol, weights="equal")
    assert vot.eao_curve([[one], [two] * 3], equal)[1] == pytest.approx(1 / 4)


def test_margin_of_the_image(protocol):
    """A pixel of the truth's twenty in x lies outside an image of 100x100."""
    truth = boxes_to_polygons([[81.0, 20, 20, 10]] * 2)
    run = vot.Trajectory(np.array([1, -1]), np.array([[NAN] * 4, [81.0, 20, 10, 10]]))
    measured = vot.measure(run, truth, (100, 100), protocol)
    assert measured.eao_overlaps[1] == pytest.approx(10 / 19)
    assert measured.accuracy_overlaps[1] == pytest.approx(10 / 20)
    assert np.isnan(measured.eao_overlaps[0])


def random_run(rng, length):
    """Codes as the supervised protocol makes them, with random overlaps."""
    codes, start = np.full(length, SKIPPED), 0
    for index in range(length):
        if index == start:
            codes[index] = INITIALISED
        elif index > start:
            codes[index] = FAILED if rng.uniform() < 0.05 else TRACKED
            if codes[index] == FAILED:
                start = index + 5
    return as_run(codes, rng.uniform(0.01, 1, length))


def curve_of_pysot(runs, longest):
    """Pieces from each restart to the next, restart included; failed ones followed by zeros; a loop over lengths."""
    pieces, weights = [], []
    for repetitions in runs:
        for run in repetitions:
            overlaps = [0.0 if math.isnan(value) else float(value) for value in run.eao_overlaps]
            cuts = [0] + [i + 5 for i, code in enumerate(run.codes) if code == FAILED and i + 5 <= len(overlaps)]
            for begin, end in zip(cuts, [*cuts[1:], None]):
                piece = overlaps[begin:] if end is None else overlaps[begin : end + 1]
                pieces.append(piece if end is None else piece + [0.0] * (longest - len(piece)))
                weights.append(1 / len(repetitions))
    curve = [1.0]
    for i in range(1, longest):
        known = [(sum(piece[1 : i + 1]) / i, weight) for piece, weight in zip(pieces, weights) if len(piece) > i]
        curve.append(sum(mean * weight for mean, weight in known) / sum(weight for _, weight in known))
    return curve


@pytest.mark.parametrize("seed", range(10))
def test_curve_agrees_with_a_loop(protocol, seed):
    rng = np.random.default_rng(seed)
    runs = [[random_run(rng, length) for _ in range(3)] for length in (60, 31, 12, 7)]
    np.testing.assert_allclose(vot.eao_curve(runs, protocol), curve_of_pysot(runs, 60), atol=1e-12)


def test_folder_of_results(tmp_path, protocol, make_sequence):
    """Truth, frames and results on disk to table and JSON; the better tracker comes first."""
    protocol = dataclasses.replace(protocol, interval=(5, 10))
    sequences = [make_sequence(12, "a"), make_sequence(8, "b")]
    for name, answers in [("worse", {5: FAR}), ("better", {})]:
        for sequence in sequences:
            vot.run_sequence(Scripted(answers), sequence, tmp_path / name, protocol)
    scores = vot.score_vot(tmp_path, sequences, protocol)
    assert list(scores) == ["better", "worse"]
    assert scores["better"].eao == pytest.approx(1) and scores["better"].failures == 0
    assert scores["worse"].eao < 1 and scores["worse"].lost == 2
    table = vot.format_scores(scores, protocol, by_sequence=True)
    assert table.index("better") < table.index("worse") and "EAO over 5 to 10" in table and "note" not in table
    assert json.loads(json.dumps(vot.scores_to_dict(scores, protocol)))["trackers"]["worse"]["lost"] == 2
    assert "note: worse: the curve ends at 12 frames" in vot.format_scores(
        vot.score_vot(tmp_path / "worse", sequences, load_protocol()), load_protocol()
    )
    with pytest.raises(InputError, match="no sequence to score"):
        vot.score_vot(tmp_path, [], protocol)


def test_whole_way_on_files(tmp_path, protocol):
    """A toy dataset in VOT's layout, a tracker that finds the blob, and a perfect score."""
    from rar_gluon.data import vot as data

    folder = tmp_path / "sequences" / "blob"
    folder.mkdir(parents=True)
    boxes = [[10 + 2 * i, 12, 8, 6] for i in range(15)]
    for number, (x, y, w, h) in enumerate(boxes, start=1):
        frame = np.zeros((48, 64), np.uint8)
        frame[y : y + h, x : x + w] = 255
        cv2.imwrite(str(folder / f"{number:08d}.png"), frame)
    (folder / "groundtruth.txt").write_text("\n".join(",".join(map(str, box)) for box in boxes))
    (tmp_path / "sequences" / "list.txt").write_text("blob\n")

    class Blob:
        def init(self, frame, box):
            assert frame.shape == (48, 64, 3) and tuple(box) == (10, 12, 8, 6)

        def update(self, frame):
            return cv2.boundingRect(frame[..., 0])

    (sequence,) = data.load(tmp_path / "sequences")
    vot.run_sequence(Blob(), sequence, tmp_path / "results" / "blob", protocol)
    score = vot.score_vot(tmp_path / "results", [sequence], dataclasses.replace(protocol, interval=(10, 15)))["blob"]
    assert (score.accuracy, score.failures, score.reliability, score.eao) == (1, 0, 1, 1)
