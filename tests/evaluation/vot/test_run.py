import dataclasses

import numpy as np
import pytest

from rar_gluon.common import InputError
from rar_gluon.evaluation.vot.results import (
    FAILED,
    INITIALISED,
    TRACKED,
)
from rar_gluon.evaluation.vot.run import run_once, run_sequence, truth_regions

NAN = float("nan")
FAR = (80.0, 80.0, 10.0, 10.0)


def test_restart_five_frames_after_a_failure(protocol, make_sequence, Scripted):
    tracker = Scripted({3: FAR, 9: FAR})
    run = run_once(tracker, make_sequence(16), protocol)
    assert run.codes.tolist() == [1, -1, -1, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 1, -1]
    inits = [(0, (0, 20, 10, 10)), (8, (8, 20, 10, 10)), (14, (14, 20, 10, 10))]
    assert [(index, box) for kind, index, *rest in tracker.seen if kind == "init" for box in rest] == inits
    assert [index for kind, index, *_ in tracker.seen if kind == "update"] == [1, 2, 3, 9, 15]
    np.testing.assert_array_equal(run.regions[[1, 15]], [[1, 20, 10, 10], [15, 20, 10, 10]])
    assert np.isnan(run.regions[run.codes != TRACKED]).all()


def test_what_a_failure_is(protocol, make_sequence, Scripted):
    """No common area: beside it, touching it, no number, and common only outside the image."""
    for box in (FAR, (11, 20, 10, 10), (1, 30, 10, 10), (NAN, 20, 10, 10), (1, 20, 0, 10)):
        assert run_once(Scripted({1: box}), make_sequence(2), protocol).codes.tolist() == [INITIALISED, FAILED]
    assert run_once(Scripted({1: (10.9, 29.9, 9, 9)}), make_sequence(2), protocol).codes[1] == TRACKED
    half = make_sequence(2)
    half = dataclasses.replace(half, boxes=np.array([[0.0, 20, 10, 10], [-8, 20, 10, 10]]))
    assert run_once(Scripted({1: (-12, 20, 10, 10)}), half, protocol).codes[1] == FAILED
    assert run_once(Scripted({1: (-9, 20, 10, 10)}), half, protocol).codes[1] == TRACKED


def test_polygon_starts_from_its_bounding_box_and_decides_failures(protocol, make_sequence, Scripted):
    diamond = np.tile([50.0, 40, 60, 50, 50, 60, 40, 50], (2, 1))
    sequence = make_sequence(2, boxes=np.tile([40.0, 40, 20, 20], (2, 1)), polygons=diamond)
    tracker = Scripted({1: (40, 40, 4, 4)})  # in the bounding box, not in the diamond
    assert run_once(tracker, sequence, protocol).codes.tolist() == [INITIALISED, FAILED]
    assert tracker.seen[0] == ("init", 0, (40, 40, 20, 20))


def test_origin_of_one(protocol, make_sequence, Scripted):
    sequence = make_sequence(3)
    shifted = dataclasses.replace(sequence, boxes=sequence.boxes + np.array([1, 1, 0, 0]), origin=1)
    tracker = Scripted()
    assert run_once(tracker, shifted, protocol).equals(run_once(Scripted(), sequence, protocol))
    assert tracker.seen[0] == ("init", 0, (0, 20, 10, 10))
    np.testing.assert_array_equal(truth_regions(shifted), sequence.boxes)


def test_sequences_that_cannot_be_run(protocol, make_sequence, Scripted):
    sequence = make_sequence(4)
    with pytest.raises(InputError, match="seq has 4 boxes, but only 3 frames"):
        run_once(Scripted(), dataclasses.replace(sequence, frames=sequence.frames[:3]), protocol)
    sequence.boxes[2] = NAN
    with pytest.raises(InputError, match="seq has no box in frame 3"):
        run_once(Scripted(), sequence, protocol)


def test_three_repetitions_when_equal(tmp_path, protocol, make_sequence, Scripted):
    tracker = Scripted({4: FAR})
    runs = run_sequence(tracker, make_sequence(12), tmp_path, protocol)
    assert len(runs) == 3 and all(run.equals(runs[0]) for run in runs)
    names = sorted(path.name for path in (tmp_path / "baseline" / "seq").iterdir())
    assert names == ["seq_001.txt", "seq_002.txt", "seq_003.txt"]
    assert (tmp_path / "baseline/seq/seq_001.txt").read_text().split() == [
        "1", "1,20,10,10", "2,20,10,10", "3,20,10,10", "2", "0", "0", "0", "0", "1", "10,20,10,10", "11,20,10,10"
    ]  # fmt: skip
    seen = len(tracker.seen)
    again = run_sequence(tracker, make_sequence(12), tmp_path, protocol)
    assert len(tracker.seen) == seen and again[2].equals(runs[0])


def test_all_repetitions_when_not_equal_and_going_on_after_a_stop(tmp_path, protocol, make_sequence, Scripted):
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
        run_sequence(Stopped(), make_sequence(6), tmp_path, protocol)
    place = tmp_path / "baseline" / "seq"
    assert [path.name for path in place.iterdir()] == ["seq_001.txt"]
    first = (place / "seq_001.txt").read_text()
    assert len(run_sequence(Random(), make_sequence(6), tmp_path, protocol)) == 5
    assert len(list(place.iterdir())) == 5 and (place / "seq_001.txt").read_text() == first
    with pytest.raises(InputError, match="seq_001.txt has 6 lines for 7 frames"):
        run_sequence(Random(), make_sequence(7), tmp_path, protocol)
