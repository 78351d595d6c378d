"""The two methods that the runner calls, and how the tracker of a name is made."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Callable, Dict, Protocol, Sequence, Tuple

import numpy as np

from rar_gluon import config as configuration
from rar_gluon.config import Config


class TwoMethodTracker(Protocol):
    """What the runner runs: ours, a peer behind an adapter, or yours."""

    def init(self, frame: np.ndarray, box: Sequence[float]) -> None:
        """Start on a frame (H, W, 3) with the target in box (x, y, w, h)."""

    def update(self, frame: np.ndarray) -> Sequence[float]:
        """Return the target's box on the next frame."""


def build_tracker(config: Config, weights: Path | None = None, pretrained: bool = False, device: int | None = None):
    """Build our tracker; weights None: those of the package; device: a GPU's number, -1 the CPU, None what is there."""
    from rar_gluon.net.device import find_device  # here: importing MXNet takes seconds, and peers do without
    from rar_gluon.net.weights import load_gluoncv
    from rar_gluon.tracking.tracker import Tracker

    ctx = find_device(device)
    return Tracker(config, load_gluoncv(config, ctx) if pretrained else weights, ctx)


def runnable(
    name: str, weights: Path | None = None, pretrained: bool = False, device: int | None = None
) -> Tuple[Callable[[], TwoMethodTracker], Dict]:
    """Say how to make the tracker of a name (a preset, a YAML file or a peer), and what its results depend on."""
    from rar_gluon.evaluation import peers, runner
    from rar_gluon.net.weights import SHIPPED

    if name.startswith(("opencv-", "gluoncv-")):
        make = functools.partial(peers.peer, name)
        make()  # says what is missing before the work
        return make, runner.describe_run(name, None)
    config = configuration.load(name)
    make = functools.partial(build_tracker, config, weights, pretrained, device)
    return make, runner.describe_run(configuration.to_dict(config), None if pretrained else weights or SHIPPED)
