"""Other people's trackers behind the two methods that the runner calls."""

from __future__ import annotations

from typing import Callable, Sequence

import cv2
import numpy as np

from rar_gluon.common import InputError
from rar_gluon.evaluation.cacf import CACF

OPENCV = {
    "boosting": "Boosting",
    "csrt": "CSRT",
    "kcf": "KCF",
    "medianflow": "MedianFlow",
    "mil": "MIL",
    "mosse": "MOSSE",
}


class OpenCVTracker:
    """One of OpenCV's own trackers; where it reports a loss, the last box stands."""

    def __init__(self, name: str):
        self._create = _opencv_factory(name)

    def init(self, frame: np.ndarray, box: Sequence[float]) -> None:
        self._tracker = self._create()
        self._box = tuple(int(round(value)) for value in box)  # OpenCV takes whole pixels
        self._tracker.init(frame, self._box)

    def update(self, frame: np.ndarray) -> Sequence[float]:
        located, box = self._tracker.update(frame)
        if located:
            self._box = tuple(float(value) for value in box)
        return self._box


class SiamRPN:
    """GluonCV's SiamRPN with an AlexNet, on weights from its model zoo (downloaded on first use)."""

    def __init__(self):
        from rar_gluon.net.weights import zoo_model  # here: the other peers do without MXNet

        network = zoo_model("siamrpn_alexnet_v2_otb15")
        from gluoncv.model_zoo.siamrpn.siamrpn_tracker import SiamRPNTracker

        self._tracker = SiamRPNTracker(network)

    def init(self, frame: np.ndarray, box: Sequence[float]) -> None:
        import mxnet as mx

        self._tracker.init(frame, tuple(box), mx.cpu())

    def update(self, frame: np.ndarray) -> Sequence[float]:
        import mxnet as mx

        return self._tracker.track(frame, mx.cpu())["bbox"]


def peer_names() -> Sequence[str]:
    """Names that `peer` takes, those of this OpenCV only."""
    return ("cacf-hog", *(f"opencv-{name}" for name in sorted(OPENCV) if _creator(name) is not None), "gluoncv-siamrpn")


def peer(name: str):
    """Make the peer tracker of a name; `InputError` lists the names."""
    if name == "gluoncv-siamrpn":
        return SiamRPN()
    if name == "cacf-hog":
        return CACF()
    if name in peer_names():
        return OpenCVTracker(name[len("opencv-") :])
    raise InputError(f"no tracker {name}; peers here: {', '.join(peer_names())}.")


def _creator(name: str) -> Callable | None:
    """OpenCV's function that makes a tracker, from its main or its legacy module; None if this build has none."""
    function = f"Tracker{OPENCV[name]}_create"
    return getattr(cv2, function, None) or getattr(getattr(cv2, "legacy", None), function, None)


def _opencv_factory(name: str) -> Callable:
    creator = _creator(name)
    if creator is None:
        raise InputError(f"this OpenCV has no tracker {name}: install opencv-contrib-python-headless.")
    return creator
