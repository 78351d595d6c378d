import dataclasses

import numpy as np
import pytest

from rar_gluon.data.sequence import Sequence
from rar_gluon.evaluation.vot.protocol import load_protocol


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


@pytest.fixture
def Scripted():
    return _Scripted


class _Scripted:
    """Follows the target of `make_sequence`, except on the frames of `answers`; notes what it is shown."""

    def __init__(self, answers=None):
        self.answers, self.seen = answers or {}, []

    def init(self, frame, box):
        self.seen.append(("init", int(frame[0, 0, 0]), tuple(box)))

    def update(self, frame):
        index = int(frame[0, 0, 0])
        self.seen.append(("update", index))
        return self.answers.get(index, (index, 20, 10, 10))
