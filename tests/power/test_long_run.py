"""A long track: memory stays, speed stays, and a target that leaves and comes back is found again.

Its size is not held to: what it loses when the target leaves, nothing gives back.
"""

import os
import resource
import time
from pathlib import Path

import numpy as np
import pytest

from rar_gluon.config import load
from rar_gluon.evaluation.otb.ope import overlap
from rar_gluon.tracking.tracker import Tracker

pytestmark = [pytest.mark.slow, pytest.mark.power]
FRAMES = int(os.environ.get("RAR_FRAMES", "10000"))
WARM = 200  # frames until everything that is kept has been made
LARGEST_GROWTH = 20.0  # MB
LEFT, CAME_BACK, CYCLE = 90, 130, 240  # frames: the target is out of sight between the first two


def resident() -> float:
    """Memory of this process, MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


def path_of_the_target() -> np.ndarray:
    """Boxes (CYCLE, 4) that end where they began: a turn, then out at the left, a wait, and in again."""
    turn = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    x = np.concatenate([60 + 25 * np.sin(turn), np.linspace(60, -45, 30), np.full(40, -45), np.linspace(-45, 60, 30)])
    y = np.concatenate([45 + 15 * np.sin(2 * turn), np.full(100, 45)])
    rest = CYCLE - len(x)
    x, y = np.append(x, 60 + 20 * np.sin(np.linspace(0, 2 * np.pi, rest))), np.append(y, np.full(rest, 45))
    return np.stack([x, y, np.full(CYCLE, 36), np.full(CYCLE, 30)], axis=1)


def is_on(box, truth) -> bool:
    """Whether the middle of a box is within another."""
    middle = np.add(box[:2], np.multiply(box[2:], 0.5))
    return bool((middle > truth[:2]).all() and (middle < truth[:2] + truth[2:]).all())


def test_ten_thousand_frames(make_clip, capsys):
    boxes = path_of_the_target()
    clip = make_clip(boxes)
    tracker = Tracker(load("rar_thin"))
    tracker.init(clip[0], boxes[0])
    memory, times, overlaps, on_target = [], [time.process_time()], [], []
    for number in range(1, FRAMES):
        box = tracker.update(clip[number % CYCLE])
        assert np.isfinite(box).all() and np.isfinite(tracker.score) and 0 <= tracker.confidence <= 1
        if number % CYCLE == CYCLE - 1:
            overlaps.append(overlap(np.array([box]), boxes[-1:])[0])
            on_target.append(is_on(box, boxes[-1]))
        if number % WARM == 0:
            memory.append(resident())
            times.append(time.process_time())
    growth = max(memory) - memory[0]
    speeds = WARM / np.diff(times)[1:]
    with capsys.disabled():
        print(f"\n{FRAMES} frames: {memory[0]:.0f} MB after {WARM}, at most {growth:+.1f} MB after that; ", end="")
        print(f"{np.median(speeds[:5]):.1f} frames a second of a core at first, ", end="")
        print(f"{np.median(speeds[-5:]):.1f} at the end; ", end="")
        print(
            f"found again {sum(on_target)} times of {len(on_target)}, overlap {overlaps[0]:.2f} to {overlaps[-1]:.2f}"
        )
    assert growth < LARGEST_GROWTH
    assert np.median(speeds[-5:]) > 0.7 * np.median(speeds[:5])
    assert all(on_target)
