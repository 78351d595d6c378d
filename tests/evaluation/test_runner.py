import dataclasses
import functools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from joblib.externals import cloudpickle

from rar_gluon.common import InputError, owned
from rar_gluon.data import folder
from rar_gluon.evaluation import runner
from rar_gluon.evaluation.evaluate import evaluate
from rar_gluon.evaluation.peers import peer, peer_names

# Workers cannot import a test module: they get its classes by value.
cloudpickle.register_pickle_by_value(sys.modules[__name__])

RECORD = {"config": {"a": 1}, "weights": "hash"}
SIZE = 64


class Mover:
    """Moves the box by what the frame's first pixel says, after a pause."""

    def __init__(self, pause=0.0):
        self._pause = pause

    def init(self, frame, box):
        self._box = np.array(box, float)

    def update(self, frame):
        time.sleep(self._pause)
        if frame[0, 0, 0] == 255:
            raise RuntimeError("lost in a white frame")
        self._box = self._box + np.array([frame[0, 0, 0] / 3, 1, 0, 0])
        return self._box


def write_sequence(root, name, frames, first_truth=0, colours=None):
    (root / name).mkdir(parents=True)
    truth = []
    for index in range(frames):
        colour = colours[index] if colours else index
        cv2.imwrite(str(root / name / f"{index:04d}.png"), np.full((SIZE, SIZE, 3), colour, np.uint8))
        truth.append("nan,nan,nan,nan" if index < first_truth else "10,12,20,8")
    (root / name / "groundtruth.txt").write_text("\n".join(truth) + "\n")


@pytest.fixture
def dataset(tmp_path):
    root = tmp_path / "data"
    for name, frames in (("long", 9), ("middle", 6), ("short", 3)):
        write_sequence(root, name, frames)
    return folder.load(root)


def read_all(path):
    return {file.name: file.read_bytes() for file in sorted(Path(path).glob("*.txt"))}


def test_boxes_and_times_are_written_in_the_datasets_coordinates(tmp_path):
    write_sequence(tmp_path / "data", "late", 5, first_truth=2)
    (sequence,) = folder.load(tmp_path / "data", origin=1)
    finished = runner.run(Mover, [sequence], tmp_path / "out", RECORD)
    assert [(result.name, result.frames, result.failure) for result in finished] == [("late", 5, "")]
    boxes = np.loadtxt(tmp_path / "out" / "late.txt", delimiter=",")
    assert np.isnan(boxes[:2]).all()
    # starts on the truth; then +1 row a frame, and a third of the frames' colours 3 and 4
    np.testing.assert_allclose(boxes[2:], [[10, 12, 20, 8], [11, 13, 20, 8], [10 + 7 / 3, 14, 20, 8]], atol=1e-4)
    assert len(np.loadtxt(tmp_path / "out" / "times" / "late.txt")) == 5


@pytest.mark.parametrize("workers", [1, 2])
def test_a_second_run_does_only_what_is_missing(dataset, tmp_path, workers):
    out = tmp_path / "out"
    runner.run(Mover, dataset, out, RECORD, workers)
    before = read_all(out)
    assert sorted(before) == ["long.txt", "middle.txt", "short.txt"]
    (out / "middle.txt").unlink()
    (out / "short.txt").write_text("1,2,3,4\n")  # cut short
    finished = runner.run(Mover, dataset, out, RECORD, workers)
    assert [result.name for result in finished] == ["middle", "short"]
    assert read_all(out) == before


def test_workers_change_nothing(dataset, tmp_path):
    runner.run(Mover, dataset, tmp_path / "one", RECORD, 1)
    runner.run(Mover, dataset, tmp_path / "two", RECORD, 2)
    assert read_all(tmp_path / "one") == read_all(tmp_path / "two")


def test_a_failure_is_reported_and_the_others_go_on(dataset, tmp_path):
    write_sequence(tmp_path / "data", "white", 4, colours=[0, 1, 255, 3])
    sequences = folder.load(tmp_path / "data")
    failures = {r.name: r.failure for r in runner.run(Mover, sequences, tmp_path / "out", RECORD) if r.failure}
    assert list(failures) == ["white"]
    assert "lost in a white frame" in failures["white"]
    assert not (tmp_path / "out" / "white.txt").exists()
    assert len(read_all(tmp_path / "out")) == 3


def test_a_sequence_that_failed_can_be_mended(dataset, tmp_path):
    """What was never tracked has no results of other frames."""
    white = tmp_path / "data" / "middle" / "0002.png"
    cv2.imwrite(str(white), np.full((SIZE, SIZE, 3), 255, np.uint8))
    out = tmp_path / "out"
    assert [r.name for r in runner.run(Mover, folder.load(tmp_path / "data"), out, RECORD) if r.failure] == ["middle"]
    cv2.imwrite(str(white), np.full((SIZE, SIZE, 3), 2, np.uint8))
    (finished,) = runner.run(Mover, folder.load(tmp_path / "data"), out, RECORD)
    assert finished.name == "middle" and not finished.failure and len(read_all(out)) == 3


@pytest.mark.parametrize("answer", [None, 3, "here", (1, 2, 3), (1, 2, 3, 4, 5), (1, 2, np.inf, 4), "SystemExit"])
def test_a_peer_that_gives_no_box(dataset, tmp_path, answer):
    class Peer(Mover):
        def update(self, frame):
            if answer == "SystemExit":
                sys.exit(0)
            return answer

    reasons = {r.name: r.reason for r in runner.run(Peer, dataset, tmp_path / "out", RECORD) if r.failure}
    assert sorted(reasons) == ["long", "middle", "short"] and not read_all(tmp_path / "out")
    assert all("a box x, y, w, h is needed" in reason or "SystemExit" in reason for reason in reasons.values())


def test_a_peer_may_say_that_it_has_no_box(dataset, tmp_path):
    class Lost(Mover):
        def update(self, frame):
            return [np.nan] * 4

    assert not any(result.failure for result in runner.run(Lost, dataset, tmp_path / "out", RECORD))
    assert np.isnan(np.loadtxt(tmp_path / "out" / "short.txt", delimiter=",")[1:]).all()


@pytest.mark.parametrize("content", [b"{", b"[]", b"3", b"\xff\xfe", b"", b"[" * 100000])
def test_a_damaged_record_is_told(dataset, tmp_path, content):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "run.json").write_bytes(content)
    with pytest.raises(InputError, match=r"run\.json .*Remove it, or give another folder"):
        runner.run(Mover, dataset, tmp_path / "out", RECORD)


def test_results_of_other_data_of_the_same_names_are_not_mixed(dataset, tmp_path, refusal):
    """Another root, or a truth that was corrected."""
    out = tmp_path / "runs" / "t"
    runner.run(Mover, dataset, out, RECORD)
    moved = (tmp_path / "data").rename(tmp_path / "moved")
    assert runner.run(Mover, folder.load(moved), out, RECORD) == []
    (moved / "short" / "groundtruth.txt").write_text("10,12,20,9\n" * 3)
    sequences = folder.load(moved)
    message = refusal(runner.run, Mover, sequences, out, RECORD)
    assert "results of short on other frames or boxes" in message
    assert runner.run(Mover, sequences[:2], out, RECORD) == []


def test_names_that_lead_elsewhere(dataset, tmp_path, refusal):
    """Those of sequences, and --name."""
    for name in ("../short", str(tmp_path / "short")):
        sequences = [dataclasses.replace(dataset[2], name=name)]
        assert "leads out of" in refusal(runner.run, Mover, sequences, tmp_path / "runs" / "t", RECORD)
        assert "leads out of" in refusal(evaluate, Mover, "folder", tmp_path / "data", tmp_path / "runs", name=name)
        assert "leads out of" in refusal(folder.load, tmp_path / "data", [name])


def test_two_that_run_into_one_folder(dataset, tmp_path, refusal):
    with owned(tmp_path / "t"):
        assert "another process is writing" in refusal(runner.run, Mover, dataset, tmp_path / "t", RECORD)


@pytest.mark.parametrize("change", [{"config": {"a": 2}}, {"weights": "other"}])
def test_results_of_another_run_are_not_mixed(dataset, tmp_path, change):
    runner.run(Mover, dataset, tmp_path / "out", RECORD)
    with pytest.raises(InputError, match=f"another {next(iter(change))}"):
        runner.run(Mover, dataset, tmp_path / "out", {**RECORD, **change})


def test_a_killed_run_continues_to_the_same_bytes(dataset, tmp_path):
    out = tmp_path / "out"
    script = f"""
import functools, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_runner import Mover, RECORD
from pathlib import Path
from rar_gluon.data import folder
from rar_gluon.evaluation import runner
runner.run(functools.partial(Mover, 0.1), folder.load({str(tmp_path / "data")!r}), Path({str(out)!r}), RECORD)
"""
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not (out / "long.txt").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.2)  # into the second sequence
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert (out / "long.txt").exists()
    assert not (out / "short.txt").exists()
    runner.run(Mover, dataset, out, RECORD)
    runner.run(Mover, dataset, tmp_path / "undisturbed", RECORD)
    assert read_all(out) == read_all(tmp_path / "undisturbed")
    assert not list(out.glob(".*")), "no temporary file is left after a resumed run"


def test_peers_run_behind_two_methods(tmp_path):
    rng = np.random.default_rng(0)
    background = cv2.resize(rng.integers(0, 255, (12, 16, 3)).astype(np.uint8), (160, 120))
    target = cv2.resize(rng.integers(0, 255, (4, 4, 3)).astype(np.uint8), (30, 30), interpolation=cv2.INTER_NEAREST)
    tracker = peer("opencv-mil")
    for index in range(4):
        frame = background.copy()
        frame[40:70, 50 + 2 * index : 80 + 2 * index] = target
        if index == 0:
            tracker.init(frame, (50, 40, 30, 30))
        else:
            x, y, w, h = tracker.update(frame)
    assert abs(x - 56) < 8
    assert abs(y - 40) < 8
    assert (w, h) == (30, 30)


def test_an_unknown_peer_is_refused_with_the_known_ones():
    with pytest.raises(InputError, match="opencv-mil"):
        peer("opencv-nonsense")
    assert all(name.startswith(("cacf-", "opencv-", "gluoncv-")) for name in peer_names())


def test_no_scheduler_is_one_sentence(dataset, tmp_path):
    with pytest.raises(InputError, match="Dask"):
        runner.run(functools.partial(Mover), dataset, tmp_path / "out", RECORD, scheduler="tcp://127.0.0.1:1")
