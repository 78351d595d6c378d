import dataclasses
import json
import math
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from rar_gluon.common import InputError
from rar_gluon.data.sequence import boxes_to_polygons, read_regions
from rar_gluon.evaluation.vot.annotations import annotation_of, read_annotations
from rar_gluon.evaluation.vot.protocol import load_protocol
from rar_gluon.evaluation.vot.results import (
    FAILED,
    INITIALISED,
    SKIPPED,
    TRACKED,
    Trajectory,
    read_trajectory,
    trajectory_path,
)
from rar_gluon.evaluation.vot.run import run_sequence
from rar_gluon.evaluation.vot.score import (
    Run,
    accuracy_frames,
    eao_curve,
    expected_average_overlap,
    format_scores,
    fragments,
    measure,
    score,
    score_vot,
    scores_to_dict,
)

GOLDEN = Path(__file__).parents[2] / "golden" / "vot"
LONG, MIDDLE, SHORT = "long", "middle", "short"
NAN = float("nan")
FAR = (80.0, 80.0, 10.0, 10.0)


def as_run(codes, overlaps):
    codes, overlaps = np.array(codes), np.array(overlaps, float)
    overlaps = np.where(codes == TRACKED, overlaps, NAN)
    return Run(codes, overlaps, overlaps)


@pytest.mark.parametrize("challenge", ["VOT2016", "VOT2017"])
@pytest.mark.parametrize("rules", ["exact", "python-toolkit"])
def test_golden(challenge, rules):
    protocol = load_protocol(challenge, rules)
    runs = {}
    for name in (LONG, MIDDLE, SHORT):
        truth = read_regions(GOLDEN / "sequences" / name / "groundtruth.txt")
        paths = [trajectory_path(GOLDEN / "results" / "made_up", name, repetition) for repetition in (1, 2)]
        runs[name] = [measure(read_trajectory(path, len(truth)), truth, (320, 240), protocol) for path in paths]
    result = score(runs, protocol)
    expected = json.loads((GOLDEN / "expected.json").read_text())[challenge][rules]
    assert {number: getattr(result, number) for number in expected} == pytest.approx(expected, abs=1e-6)
    assert result.frames == 560 and len(result.curve) == 390


def test_burn_in():
    codes = [1] + [-1] * 12 + [2, 0, 0, 0, 0, 1] + [-1] * 11
    kept = accuracy_frames(as_run(codes, np.full(30, 0.5)), 10)
    np.testing.assert_array_equal(np.flatnonzero(~np.isnan(kept)), [10, 11, 12, 28, 29])
    without = accuracy_frames(as_run(codes, np.full(30, 0.5)), 0)
    assert np.flatnonzero(~np.isnan(without)).tolist() == np.flatnonzero(np.array(codes) == TRACKED).tolist()


def test_accuracy_and_robustness_by_hand(protocol):
    protocol = dataclasses.replace(protocol, burn_in=1)
    runs = {
        "a": [as_run([1, -1, -1, 2], [0, 0.2, 0.4, 0]), as_run([1, -1, -1, -1], [0, 0.6, 0.6, 0.9])],
        "b": [as_run([1, -1, -1, -1, -1, -1], [0] + [0.5] * 5)] * 2,
    }
    pooled = score(runs, protocol)
    assert pooled.accuracy == pytest.approx((0.4 + 0.5 + 0.9 + 5 * 0.5) / 8)
    assert (pooled.failures, pooled.lost, pooled.frames) == (pytest.approx(0.5 * 0.4), 0.5, 10)
    assert pooled.reliability == pytest.approx(math.exp(-30 * 0.2 / 5))
    assert pooled.sequences == {"a": (pytest.approx((0.3 + 0.7) / 2), 0.5), "b": (0.5, 0.0)}
    by_sequence = score(runs, dataclasses.replace(protocol, accuracy="sequences"))
    assert by_sequence.accuracy == pytest.approx(0.4 * 0.5 + 0.6 * 0.5)


def test_eao_by_hand(protocol):
    """Two fragments: one fails after two frames, one is followed to the end of a sequence of 8 frames."""
    run = as_run([1, -1, -1, 2, 0, 0, 0, 0, 1, -1, -1], [0, 0.6, 0.3, 0, 0, 0, 0, 0, 0, 1, 0.5])
    rules = dataclasses.replace(protocol, interval=(2, 3))
    curve = eao_curve([[run]], rules)
    assert len(curve) == 11
    np.testing.assert_allclose(curve[:4], [1, (0.6 + 1) / 2, (0.45 + 0.75) / 2, 0.9 / 3])
    assert expected_average_overlap(curve, rules) == pytest.approx((0.8 + 0.6) / 2)
    shifted = dataclasses.replace(rules, shift=1)
    assert expected_average_overlap(curve, shifted) == pytest.approx((0.6 + 0.3) / 2)
    assert len(eao_curve([[run]], dataclasses.replace(rules, curve="fragment"))) == 3
    assert math.isnan(expected_average_overlap(curve, protocol))  # no length of 108
    beyond = dataclasses.replace(rules, interval=(11, 50))
    assert expected_average_overlap(curve, beyond) == curve[10]


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
        (piece, closed, share), *_ = fragments(run, open_rule)
        assert share == pytest.approx(20 / 21 if failure == 15 else 1)  # one frame of 21 is behind the end
        assert closed == (failure <= 15)
        assert len(piece) == (failure if closed else 20)
        (piece, closed, share), *_ = fragments(run, closed_rule)
        assert closed and share == 1 and len(piece) == failure


def test_weights(protocol):
    one, two = as_run([1, -1, -1], [0, 1, 1]), as_run([1, -1, -1], [0, 0, 0])
    assert eao_curve([[one], [two] * 3], protocol)[1] == pytest.approx(1 / 2)
    equal = dataclasses.replace(protocol, weights="equal")
    assert eao_curve([[one], [two] * 3], equal)[1] == pytest.approx(1 / 4)


def test_margin_of_the_image(protocol):
    """A pixel of the truth's twenty in x lies outside an image of 100x100."""
    protocol = dataclasses.replace(protocol, overlap="exact")
    truth = boxes_to_polygons([[81.0, 20, 20, 10]] * 2)
    run = Trajectory(np.array([1, -1]), np.array([[NAN] * 4, [81.0, 20, 10, 10]]))
    measured = measure(run, truth, (100, 100), protocol)
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
                share = 1 if end is None else len(piece) / (end - begin + 1)
                pieces.append(piece if end is None else piece + [0.0] * (longest - len(piece)))
                weights.append(share / len(repetitions))
    curve = [1.0]
    for i in range(1, longest):
        known = [(sum(piece[1 : i + 1]) / i, weight) for piece, weight in zip(pieces, weights) if len(piece) > i]
        curve.append(sum(mean * weight for mean, weight in known) / sum(weight for _, weight in known))
    return curve


@pytest.mark.parametrize("seed", range(10))
def test_curve_agrees_with_a_loop(protocol, seed):
    rng = np.random.default_rng(seed)
    runs = [[random_run(rng, length) for _ in range(3)] for length in (60, 31, 12, 7)]
    np.testing.assert_allclose(eao_curve(runs, protocol), curve_of_pysot(runs, 60), atol=1e-12)


def test_folder_of_results(tmp_path, protocol, make_sequence, Scripted):
    """Truth, frames and results on disk to table and JSON; the better tracker comes first."""
    protocol = dataclasses.replace(protocol, interval=(5, 10))
    sequences = [make_sequence(12, "a"), make_sequence(8, "b")]
    for name, answers in [("worse", {5: FAR}), ("better", {})]:
        for sequence in sequences:
            run_sequence(Scripted(answers), sequence, tmp_path / name, protocol)
    truths = [annotation_of(sequence) for sequence in sequences]
    scores = score_vot(tmp_path, truths, protocol)
    assert list(scores) == ["better", "worse"]
    assert scores["better"].eao == pytest.approx(1) and scores["better"].failures == 0
    assert scores["worse"].eao < 1 and scores["worse"].lost == 2
    table = format_scores(scores, protocol, by_sequence=True)
    assert table.index("better") < table.index("worse") and "EAO over 5 to 10" in table and "note" not in table
    assert json.loads(json.dumps(scores_to_dict(scores, protocol)))["trackers"]["worse"]["lost"] == 2
    assert "note: worse: the curve ends at 12 frames" in format_scores(
        score_vot(tmp_path / "worse", truths, load_protocol()), load_protocol()
    )
    with pytest.raises(InputError, match="no sequence to score"):
        score_vot(tmp_path, [], protocol)


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
    run_sequence(Blob(), sequence, tmp_path / "results" / "blob", protocol)
    score = score_vot(
        tmp_path / "results", read_annotations(tmp_path / "sequences"), dataclasses.replace(protocol, interval=(10, 15))
    )["blob"]
    assert (score.accuracy, score.failures, score.reliability, score.eao) == (1, 0, 1, 1)


# Real raw results -----------------------------------------------------------------------------------------------------

PUBLISHED = {"DaSiamRPN": (0.383, 0.586, 59), "NanoTrack": (0.311, None, None)}  # EAO, accuracy, failures on VOT2018
TOOLKIT = {"DaSiamRPN": (0.371719, 0.585620, 59), "NanoTrack": (0.309601, 0.541931, 70)}  # of vot-toolkit 0.7.2


@pytest.mark.slow
@pytest.mark.skipif("RAR_DATA" not in os.environ, reason="RAR_DATA names no folder with VOT raw results")
@pytest.mark.parametrize(
    "rules, expected, margin",
    [("matlab", PUBLISHED, 6e-4), ("pysot", PUBLISHED, 6e-4), ("python-toolkit", TOOLKIT, 1e-5)],
)
def test_public_raw_results(rules, expected, margin):
    data = Path(os.environ["RAR_DATA"])
    truths = read_annotations(data / "vot2018" / "VOT2018.json")
    for tracker, (eao, accuracy, lost) in expected.items():
        result = score_vot(data / "vot_raw_results" / tracker, truths, load_protocol("VOT2018", rules))[tracker]
        assert result.eao == pytest.approx(eao, abs=margin)
        assert accuracy is None or result.accuracy == pytest.approx(accuracy, abs=margin)
        assert lost is None or result.lost == lost
