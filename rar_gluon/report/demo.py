"""The demonstration: track the bundled annotations' clips, compare, and make something to look at."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, List

import cv2
import matplotlib
import numpy as np
from PIL import Image  # matplotlib needs it too

from rar_gluon.common import atomic_path
from rar_gluon.data.demo import demo_sequence
from rar_gluon.data.sequence import BoxSink, Sequence
from rar_gluon.data.video import VideoSink
from rar_gluon.evaluation.otb.ope import overlap
from rar_gluon.report.overlay import draw_box, overlay, response_picture
from rar_gluon.tracking.tracker import Tracker

EVERY = 3  # frames of the clip between those of the moving picture
WIDTH = 352  # of the moving picture


@dataclass(frozen=True)
class DemoRun:
    """A tracked clip: boxes (N, 4), overlaps with the annotation, scores and responses (N - 1 of each), seconds."""

    sequence: Sequence
    boxes: np.ndarray
    overlaps: np.ndarray
    scores: np.ndarray
    responses: List[np.ndarray]
    seconds: float

    @property
    def fps(self) -> float:
        return len(self.scores) / self.seconds

    @property
    def lost(self) -> int:
        """The frame from which on no box meets the target; N when the last one does."""
        return int(np.flatnonzero(self.overlaps > 0)[-1]) + 1


def run_demo(tracker: Tracker, name: str, output: Path, progress: Callable) -> DemoRun:
    """Track a clip from its first annotated box; write NAME.mp4, NAME.gif, NAME.txt and NAME.png into `output`.

    What is tracked until a fault or an interruption is kept.

    `progress` wraps the frames (as `tqdm` does).
    """
    sequence = demo_sequence(name)
    boxes, scores, responses, seconds = [], [], [], 0.0
    rows, video = BoxSink(output / f"{name}.txt"), VideoSink(output / f"{name}.mp4", sequence.frames.fps)
    with rows, video:
        for frame in progress(sequence.frames):
            start = time.perf_counter()
            if not boxes:
                tracker.init(frame, sequence.boxes[0])
            else:
                tracker.update(frame)
                seconds += time.perf_counter() - start
                scores.append(tracker.score)
                responses.append(tracker.response)
            boxes.append(tracker.box)
            rows.write(tracker.box)
            said = (tracker.score, tracker.response, tracker.confidence, tracker.lost)
            video.write(overlay(frame, tracker.box, *said))
    boxes = np.array(boxes)
    outcome = DemoRun(sequence, boxes, overlap(boxes, sequence.boxes), np.array(scores), responses, seconds)
    with atomic_path(output / f"{name}.png") as temporary:
        draw_outcome(outcome, temporary)
    with atomic_path(output / f"{name}.gif") as temporary:
        draw_moving(outcome, temporary)
    return outcome


def draw_moving(outcome: DemoRun, path: Path) -> None:
    """Moving picture (GIF) of a tracked clip, with box, score and response; small enough for a page."""
    pictures = []
    for index, frame in enumerate(outcome.sequence.frames):
        if index % EVERY == 1:
            picture = overlay(frame, outcome.boxes[index], outcome.scores[index - 1], outcome.responses[index - 1])
            height = round(WIDTH * picture.shape[0] / picture.shape[1])
            small = cv2.resize(picture, (WIDTH, height), interpolation=cv2.INTER_AREA)
            pictures.append(Image.fromarray(small[..., ::-1]).quantize(64, dither=Image.Dither.NONE))
    milliseconds = round(1000 * EVERY / outcome.sequence.frames.fps)
    first, *others = pictures
    first.save(path, "GIF", save_all=True, append_images=others, duration=milliseconds, loop=0, optimize=True)


def draw_outcome(outcome: DemoRun, path: Path) -> None:
    """Picture of a tracked clip: five frames with both boxes and their responses, and the curves below."""
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    count = len(outcome.boxes)
    chosen = sorted({round(1 + part * (count - 2)) for part in (0, 0.25, 0.5, 0.75, 1)})
    figure = plt.figure(figsize=(3 * len(chosen), 8), constrained_layout=True)
    grid = figure.add_gridspec(3, len(chosen), height_ratios=(1, 1, 0.9))
    frames = dict(zip(range(count), outcome.sequence.frames))
    for column, index in enumerate(chosen):
        picture = frames[index].copy()
        draw_box(picture, outcome.sequence.boxes[index], (0, 255, 0), 1)
        draw_box(picture, outcome.boxes[index], (0, 0, 255), 1)
        axis = figure.add_subplot(grid[0, column])
        axis.imshow(picture[..., ::-1])
        axis.set_title(f"frame {index}: IoU {outcome.overlaps[index]:.2f}")
        axis.axis("off")
        axis = figure.add_subplot(grid[1, column])
        axis.imshow(response_picture(outcome.responses[index - 1], 256)[..., ::-1])
        axis.set_title(f"response, score {outcome.scores[index - 1]:.2f}")
        axis.axis("off")
    axis = figure.add_subplot(grid[2, :])
    axis.plot(outcome.overlaps, color="tab:red", label="IoU with the annotation")
    axis.plot(range(1, count), outcome.scores, color="tab:blue", label="score (maximum of the response)")
    axis.set(xlabel="frame", ylim=(0, 1.05), xlim=(0, count - 1))
    axis.grid(alpha=0.3)
    axis.legend(loc="lower left")
    name, mean = outcome.sequence.name, outcome.overlaps[1:].mean()
    figure.suptitle(f"{name}: tracked red, annotated green; mean IoU {mean:.3f}, {outcome.fps:.1f} frames/s")
    figure.savefig(path, dpi=100)
    plt.close(figure)
