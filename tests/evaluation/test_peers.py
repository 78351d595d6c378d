import sys

import numpy as np
import pytest

from rar_gluon.common import InputError
from rar_gluon.evaluation import peers
from rar_gluon.evaluation.otb.ope import overlap
from rar_gluon.evaluation.peers import OpenCVTracker, peer, peer_names

BOXES = np.array([[50.0 + 2 * t, 40 + t, 36, 30] for t in range(8)])


@pytest.mark.parametrize("name", ["cacf-hog", "opencv-kcf"])
def test_a_peer_follows_its_target(make_clip, name):
    tracker, frames = peer(name), make_clip(BOXES)
    tracker.init(frames[0], BOXES[0])
    tracked = np.array([tracker.update(frame) for frame in frames[1:]])
    assert overlap(tracked, BOXES[1:]).min() > 0.7
    tracker.init(frames[0], BOXES[0])  # begins anew
    np.testing.assert_allclose(tracker.update(frames[1]), tracked[0])


def test_opencv_gives_the_last_box_when_it_has_lost_the_target():
    class Losing:
        def init(self, frame, box):
            self.box = box

        def update(self, frame):
            return (True, (1, 2, 3, 4)) if frame is None else (False, None)

    tracker = OpenCVTracker("kcf")
    tracker._create = Losing
    tracker.init(np.zeros((9, 9, 3), np.uint8), (1.4, 2.6, 3, 4))
    assert tracker._tracker.box == (1, 3, 3, 4)  # whole pixels
    assert tracker.update("frame") == (1, 3, 3, 4)
    assert tracker.update(None) == (1.0, 2.0, 3.0, 4.0) == tracker.update("frame")


def test_names_and_what_is_missing(monkeypatch):
    assert {"cacf-hog", "opencv-csrt", "opencv-kcf", "gluoncv-siamrpn"} <= set(peer_names())
    with pytest.raises(InputError, match="no tracker opencv-goturn; peers here: cacf-hog, .*opencv-kcf"):
        peer("opencv-goturn")
    monkeypatch.setattr(peers, "_creator", lambda name: None)
    assert peer_names() == ("cacf-hog", "gluoncv-siamrpn")
    with pytest.raises(InputError, match="opencv-contrib-python-headless"):
        OpenCVTracker("kcf")
    monkeypatch.setitem(sys.modules, "skimage.feature", None)
    with pytest.raises(InputError, match="cacf-hog needs scikit-image"):
        peer("cacf-hog")
