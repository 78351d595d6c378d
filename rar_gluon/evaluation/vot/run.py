"""Run a tracker under VOT's supervised protocol: it is restarted after failures."""

from __future__ import annotations

import os

import numpy as np

from rar_gluon.common import InputError
from rar_gluon.data.sequence import Sequence
from rar_gluon.evaluation.trackers import TwoMethodTracker, to_box
from rar_gluon.evaluation.vot.polygon import overlap
from rar_gluon.evaluation.vot.protocol import VotProtocol
from rar_gluon.evaluation.vot.results import (
    FAILED,
    INITIALISED,
    SKIPPED,
    TRACKED,
    Trajectory,
    read_trajectory,
    trajectory_path,
    write_trajectory,
)


def truth_regions(sequence: Sequence) -> np.ndarray:
    """Truth with the first pixel at 0: polygons (N, 8), or boxes (N, 4) where the dataset gives boxes.

    Raises
    ------
    InputError
        A frame has none: the protocol needs one to tell failures and to restart.
    """
    regions = sequence.boxes if sequence.polygons is None else sequence.polygons
    absent = np.flatnonzero(~np.isfinite(regions).all(axis=1))
    if len(absent):
        raise InputError(
            f"{sequence.name} has no box in frame {absent[0] + 1}: supervised evaluation needs one in every frame."
        )
    return regions - sequence.origin if regions.shape[1] == 8 else sequence.pixel_boxes


def run_once(tracker: TwoMethodTracker, sequence: Sequence, protocol: VotProtocol) -> Trajectory:
    """Run a tracker through a sequence; it is started again `protocol.skip` frames after each failure.

    It is started with the axis-aligned bounding box of the truth. Frames that are skipped are not shown to it.
    """
    truth, boxes = truth_regions(sequence), sequence.pixel_boxes
    codes, regions = np.full(len(sequence), SKIPPED), np.full((len(sequence), 4), np.nan)
    start, count = 0, 0
    for index, frame in zip(range(len(sequence)), sequence.frames):
        count += 1
        if index == start:
            tracker.init(frame, boxes[index])
            codes[index] = INITIALISED
        elif index > start:
            box = to_box(tracker.update(frame))
            size = frame.shape[1::-1]
            if overlap(box[None], truth[index : index + 1], size, protocol.overlap)[0] > protocol.failure_overlap:
                codes[index], regions[index] = TRACKED, box
            else:  # NaN as well
                codes[index], start = FAILED, index + protocol.skip
    if count != len(sequence):
        raise InputError(f"{sequence.name} has {len(sequence)} boxes, but only {count} frames can be read.")
    return Trajectory(codes, regions)


def run_sequence(
    tracker: TwoMethodTracker, sequence: Sequence, folder: str | os.PathLike, protocol: VotProtocol
) -> list[Trajectory]:
    """Run a tracker on a sequence as often as the protocol says, and write each run when it is complete.

    Runs whose file exists are read instead, so that a stopped evaluation goes on where it stopped.

    Parameters
    ----------
    folder : the tracker's folder of results, RESULTS/TRACKER.
    """
    runs: list[Trajectory] = []
    for repetition in range(1, protocol.repetitions + 1):
        path = trajectory_path(folder, sequence.name, repetition)
        if path.is_file():
            runs.append(read_trajectory(path, len(sequence)))
        else:
            runs.append(run_once(tracker, sequence, protocol))
            write_trajectory(path, runs[-1])
        if len(runs) == protocol.deterministic_after and all(run.equals(runs[0]) for run in runs):
            break
    return runs
