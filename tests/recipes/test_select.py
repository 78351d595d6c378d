"""The command that choices for rar_thin are made with, on a set of two videos."""

import fcntl
import os
import sys

import joblib
import numpy as np
import pytest

from rar_gluon.common import InputError
from rar_gluon.data.sequence import Sequence, write_boxes
from rar_gluon.data.video import VideoSink
from rar_gluon.evaluation.otb.protocol import load_protocol
from rar_gluon.evaluation.sequences import score_boxes
from recipes.rar_thin import calibrate, select, sets
from recipes.rar_thin.sets import Run

BOXES = np.array([52.0, 42, 36, 32]) + np.arange(60)[:, None] * [0.4, 0.2, 0, 0]


def made_track(hit, size=1.0):
    """A track that is right where `hit` says, with boxes of another size there, and beside the target elsewhere."""
    truth = np.tile([50.0, 40, 30, 20], (len(hit), 1))
    boxes = np.where(np.array(hit)[:, None], [50, 40, 30 * size, 20 * size], [150, 40, 30, 20])
    return select.Track(boxes, np.linspace(1, 0.5, len(hit)), truth)


def test_measures_are_those_of_the_protocol():
    rng = np.random.default_rng(0)
    truth = np.hstack([rng.uniform(0, 50, (40, 2)), rng.uniform(10, 30, (40, 2))])
    truth[5:9] = np.nan
    boxes = np.nan_to_num(truth, nan=7) + rng.normal(0, 3, (40, 4))
    result = select.measure(select.Track(boxes, np.ones(40), truth))
    score = score_boxes(boxes, Sequence("a", list(range(40)), truth), load_protocol("folder"))
    assert (result.auc, result.dp, result.frames) == (score.auc, score.dp, 36)


@pytest.mark.parametrize(
    ("hit", "lost"),
    [
        ([True] * 30 + [False] * 20, 1),
        ([True] * 30 + [False] * 19, 0),
        ([True] * 10 + [False] * 30 + [True], 0),  # it comes back
        ([False] * 20, 1),
    ],
)
def test_lost_is_never_back(hit, lost):
    assert select.measure(made_track(hit)).lost == lost


def test_frames_without_a_truth_do_not_lose_a_target():
    track = made_track([True] * 30 + [False] * 25)
    track.truth[35:50] = np.nan
    assert select.measure(track).lost == 0 and select.measure(track).frames == 40


def test_size_is_of_the_frames_on_the_target():
    track = made_track([True] * 30 + [False] * 30, size=1.25)
    track.boxes[0] = track.truth[0]
    assert select.measure(track).size == pytest.approx(1.25)
    assert np.isnan(select.measure(made_track([True] + [False] * 5)).size)


def test_a_kind_has_one_vote():
    kinds = ["walkers"] * 3 + ["hands"]
    assert select.mean_and_error(np.array([0.0, 0.3, 0.6, 1.0]), kinds)[0] == pytest.approx((0.3 + 1.0) / 2)
    values = np.random.default_rng(1).normal(size=12)
    mean, error = select.mean_and_error(values, ["a", "b"] * 6)  # equal weights: the error of a mean
    assert mean == pytest.approx(values.mean()) and error == pytest.approx(values.std(ddof=1) / 12**0.5)


def test_the_error_is_that_of_many_draws():
    """Kinds of very different sizes, all targets alike: the spread of the mean over new draws of the values."""
    kinds = ["a"] * 20 + ["b"] * 5 + ["c"] * 10
    rng = np.random.default_rng(2)
    means, errors = zip(*(select.mean_and_error(rng.normal(size=35), kinds) for _ in range(4000)))
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(np.std(means), rel=0.06)


class Still:
    """A tracker that leaves the box where it is, and counts its targets."""

    started = 0
    score = 0.7

    def init(self, frame, box):
        Still.started += 1
        self.box = box

    def update(self, frame):
        return self.box


@pytest.fixture
def runs(make_clip, monkeypatch):
    monkeypatch.setattr(Still, "started", 0)
    videos = {name: Sequence(name, make_clip(BOXES[:25], seed=seed), BOXES[:25]) for seed, name in enumerate("ab")}
    return [Run(name, name, "walkers", video) for name, video in videos.items()]


def test_what_is_done_is_not_done_again_and_what_another_does_is_left(runs, tmp_path):
    (tmp_path / "locks").mkdir()
    with (tmp_path / "locks" / "a.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        select.work(Still, runs, tmp_path)
        assert [select.is_done(tmp_path, run) for run in runs] == [False, True]
    select.work(Still, runs, tmp_path)
    select.work(Still, runs, tmp_path)
    assert Still.started == 2 and all(select.is_done(tmp_path, run) for run in runs)
    track = select.read_track(select.run_file(tmp_path, runs[0]))
    np.testing.assert_allclose(track.boxes, np.tile(BOXES[0], (25, 1)), atol=1e-3)
    np.testing.assert_allclose(track.truth, BOXES[:25], atol=1e-3)
    np.testing.assert_array_equal(track.scores, np.full(25, 0.7))


def test_results_of_other_frames_are_refused(runs, tmp_path, refusal):
    select.work(Still, runs, tmp_path)
    moved = runs[0].sequence.boxes + np.array([1, 0, 0, 0])
    other = Run("a", "a", "walkers", Sequence("a", runs[0].sequence.frames, moved))
    assert "a.csv is of other frames" in refusal(select.work, Still, [other], tmp_path)
    select.run_file(tmp_path, runs[0]).write_text("x,y\n1,2\n")
    assert "not a file that select wrote" in refusal(select.work, Still, runs, tmp_path)


def test_differences_are_paired_by_target(runs, tmp_path):
    """Two targets of one kind; one has two runs, whose mean counts."""
    runs = [*runs, Run("a@10", "a", "walkers", runs[0].sequence)]
    results = {}
    for folder, hits in (("new", (25, 15, 5)), ("old", (5, 15, 5))):
        for run, hit in zip(runs, hits):
            track = made_track([True] * hit + [False] * (25 - hit))
            track = track._replace(truth=run.sequence.boxes, boxes=track.boxes - track.truth + run.sequence.boxes)
            select.write_track(select.run_file(tmp_path / folder, run), track)
            results[folder, run.name] = select.measure(track)
    new = {run.name: results["new", run.name] for run in runs}
    lines = select.comparison(runs, new, tmp_path / "new", tmp_path / "old")
    gain = (results["new", "a"].auc - results["old", "a"].auc) / 2  # of a: half of it, since a@10 is as it was
    assert lines[1].split()[:5] == ["walkers", "2", f"{gain / 2:+.3f}", "±", f"{gain / 2:.3f}"]
    assert lines[1].split()[8:] == ["-0.250", "±", "0.250"]
    assert "*" not in "".join(lines[:-2]) and f"{gain:.3f} in auc" in lines[-1]
    with pytest.raises(InputError, match="fewer than two targets"):
        select.comparison(runs, new, tmp_path / "new", tmp_path / "none")


@pytest.mark.slow
def test_the_command(tmp_path, make_clip, monkeypatch, capsys):
    joblib.Parallel(2)(joblib.delayed(os.getcwd)() for _ in range(4))  # workers that began in another folder
    videos = tmp_path / "videos"
    videos.mkdir()
    with VideoSink(videos / "street.avi", 25.0) as sink:
        for frame in make_clip(BOXES):
            sink.write(frame)
    for name in ("street.1", "street.2"):
        write_boxes(videos / f"{name}.txt", BOXES)
    (tmp_path / "sets.yaml").write_text("held_out: {walkers: [street.1], hands: [street.2]}\n")
    monkeypatch.setattr(sets, "KINDS", tmp_path / "sets.yaml")
    monkeypatch.setattr(sets, "EVERY", 30)
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        fixed = ["select", "--root", videos, "--sets", "held_out,segments", "--frames", 5]
        monkeypatch.setattr(sys, "argv", [str(argument) for argument in (*fixed, *arguments)])
        return select.main()

    assert call("--output", "one") == 0
    printed = capsys.readouterr().out
    assert [line.split()[:2] for line in printed.splitlines()] == [
        ["kind", "targets"],
        ["walkers", "1"],
        ["hands", "1"],
        ["real", "2"],
        ["all", "2"],
    ]
    assert call("--output", "two", "--workers", 2, "--against", "one") == 0
    assert "+0.000 ± 0.000" in capsys.readouterr().out
    files = sorted((tmp_path / "one" / "runs").iterdir())
    assert [path.name for path in files] == ["street.1.csv", "street.1@30.csv", "street.2.csv", "street.2@30.csv"]
    for path in files:
        assert path.read_text() == (tmp_path / "two" / "runs" / path.name).read_text()
    assert call("--output", "one", "--set", "tracking.redetection=false") == 2  # results of another tracker
    assert "another config" in capsys.readouterr().err
    assert call("--output", "one", "--precision", "int8") == 2  # and MXNet has no int8
    assert call("--output", "four", "--precision", "int8") == 2
    assert "int8" in capsys.readouterr().err
    assert call("--output", "three", "--set", "tracking.redetection=false", "--frames", 2) == 0
    scores, kept, weights = calibrate.read_scores(tmp_path / "one")
    assert len(scores) == 4 * 4 and kept.all() and weights.sum() == pytest.approx(4)


def test_a_table_of_no_run_is_its_head():
    assert [line.split() for line in select.summary([], {})] == [["kind", "targets", "AUC", "DP", "lost", "size"]]
