"""Peak memory of tracking, of a training step by its batch, and of a long track."""

from __future__ import annotations

from typing import Callable, List

import numpy as np

from benchmarks import video
from benchmarks.alternate import Case, Route


def cases(options) -> List[Case]:
    """Each route is a case of its own: one process at a time."""
    all_cases = []
    for preset in options.preset:
        arguments = {"source": "bikes", "count": 5, "preset": preset}
        all_cases.append(Case(f"tracking, {preset}", [Route("5 frames", "benchmarks.tracker:rar", arguments)]))
    for batch in (1, 16) if options.short else (1, 4, 16, 32):
        arguments = {"name": "rar_thin", "batch": batch}
        all_cases.append(
            Case(f"step, rar_thin, batch {batch}", [Route("steps", "benchmarks.training:step", arguments)])
        )
    if not options.short:
        routes = [
            Route(f"{count} frames", "benchmarks.memory:long_track", {"count": count}) for count in (50, options.long)
        ]
        all_cases.append(Case("one track, rar_thin", routes))
    return all_cases


def long_track(count: int) -> Callable:
    """One target through `count` frames: those of a clip, forwards and backwards over and over."""
    from rar_gluon.config import load
    from rar_gluon.tracking.tracker import Tracker

    clip = list(video.frames("carphone", 120))
    there_and_back = np.array([*range(len(clip)), *range(len(clip) - 2, 0, -1)])
    tracker = Tracker(load("rar_thin"))

    def run() -> dict:
        tracker.init(clip[0], video.first_box("carphone"))
        for number in range(1, count):
            tracker.update(clip[there_and_back[number % len(there_and_back)]])
        return {"items": count}

    return run
