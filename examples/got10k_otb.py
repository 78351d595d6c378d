"""Our tracker in got10k's house: `pip install got10k==0.1.3 six`, then

    python got10k_otb.py OTB [--version 2015] [--config rar_thin]

runs it in got10k's own ExperimentOTB and prints what that reports. OTB is the folder of OTB's sequences.
"""

from __future__ import annotations

import argparse

import cv2
import numpy as np
from got10k.experiments import ExperimentOTB
from got10k.trackers import Tracker

import rar_gluon as rar

FIRST_PIXEL = np.array([1, 1, 0, 0])  # OTB's is at 1, 1; ours at 0, 0


class InGot10k(Tracker):
    """What got10k calls: `init` and `update` with a PIL image and a box of OTB's."""

    def __init__(self, tracker, name: str):
        super().__init__(name=name, is_deterministic=True)
        self._tracker = tracker

    def init(self, image, box) -> None:
        """Start on the first frame."""
        self._tracker.init(to_bgr(image), np.asarray(box, np.float64) - FIRST_PIXEL)

    def update(self, image) -> np.ndarray:
        """Return the box on the next frame."""
        return np.asarray(self._tracker.update(to_bgr(image)), np.float64) + FIRST_PIXEL


def to_bgr(image) -> np.ndarray:
    """A PIL image as our frames are: (H, W, 3) uint8, BGR."""
    return cv2.cvtColor(np.array(image.convert("RGB")), cv2.COLOR_RGB2BGR)


def main() -> None:
    """Run and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root")
    parser.add_argument("--version", type=int, default=2015)
    parser.add_argument("--config", default="rar_thin")
    arguments = parser.parse_args()
    experiment = ExperimentOTB(arguments.root, arguments.version)
    experiment.run(InGot10k(rar.Tracker(arguments.config), arguments.config))
    overall = experiment.report([arguments.config])[arguments.config]["overall"]
    print({name: float(overall[name]) for name in ("success_score", "precision_score", "success_rate")})


if __name__ == "__main__":
    main()
