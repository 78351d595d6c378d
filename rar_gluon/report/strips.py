"""Pictures of frames: trackers side by side (Fig. 8 of the paper) and where one fails (Fig. 9)."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Callable, Iterable, List, Mapping, Sequence, Tuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from rar_gluon.data.frames import VideoFile
from rar_gluon.data.sequence import Sequence as Video
from rar_gluon.evaluation.otb.score import BenchmarkScore
from rar_gluon.report.plots import TRUTH, Style, plain, styles
from rar_gluon.report.tables import lowest
from rar_gluon.report.tracks import Track, longest_loss

Videos = Callable[[str], Tuple[Video, int]]

STRIPS = 3  # sequences of Fig. 8, and of Fig. 9
COMPARED = 5  # trackers of Fig. 8; boxes of more hide the target

# The images that Fig. 8 shows.
PAPER_FRAMES = {"CarScale": (1, 134, 190, 246), "David3": (1, 81, 194, 249), "MotorRolling": (1, 14, 132, 161)}


@dataclass(frozen=True)
class Picture:
    """A frame (H, W, 3) BGR with its text and its boxes (x, y, w, h), the first pixel at 0."""

    frame: np.ndarray
    text: str
    boxes: Tuple[Tuple[Sequence[float], Style], ...]


@dataclass(frozen=True)
class Strip:
    """A row of pictures under a title."""

    title: str
    pictures: Tuple[Picture, ...]


def comparison_picture(
    scores: BenchmarkScore,
    tracks: Mapping[str, Mapping[str, Track]],
    tracker: str,
    video: Videos,
    present: Sequence[str],
    compared: Sequence[str] | None = None,
) -> Tuple[str, Figure]:
    """Caption and figure that compare `tracker` with the best others (Fig. 8).

    Parameters
    ----------
    tracks : by tracker and sequence.
    video : opens a sequence and says the number of its first image.
    present : sequences whose frames are there.
    compared : of these; None: the paper's, then those where the AUC of the trackers that are shown differ most.
    """
    others = [name for name in scores.trackers if name != tracker][: COMPARED - 1]
    style = {name: styles(scores)[name] for name in (tracker, *others)}
    if compared is None:
        present = [name for name in present if any(name in tracks[other] for other in style)]
        compared = [name for name in PAPER_FRAMES if name in present]
        compared += sorted(set(present) - set(compared), key=lambda name: -_spread(scores, style, name))
        compared = compared[:STRIPS]
    rows = []
    for name in compared:
        compared_tracks = {other: tracks[other][name] for other in style if name in tracks[other]}
        rows.append(comparison_strip(*video(name), compared_tracks, style))
    caption = f"The trackers' boxes and the truth on {', '.join(compared)}."
    return caption, strip_figure(rows, {**style, "ground truth": TRUTH})


def failure_picture(
    scores: BenchmarkScore, tracks: Mapping[str, Track], tracker: str, video: Videos, present: Sequence[str]
) -> Tuple[str, Figure]:
    """Caption and figure of where a tracker's AUC is lowest (Fig. 9); `tracks` are its own, by sequence."""
    style = styles(scores)[tracker]
    rows = []
    for name, score in [(name, score) for name, score in lowest(scores, tracker) if name in present][:STRIPS]:
        rows.append(failure_strip(*video(name), tracker, tracks[name], style, f"{name}: AUC {score.auc:.3f}"))
    caption = (
        f"{tracker} where its AUC (protocol {scores.protocol.name}) is lowest of the {len(present)} sequences whose "
        "images are here: the first frame, then before, at and amid the longest loss, or the frame of least overlap."
    )
    return caption, strip_figure(rows, {tracker: style, "ground truth": TRUTH})


def _spread(scores: BenchmarkScore, trackers: Iterable[str], name: str) -> float:
    """Range of some trackers' AUC on a sequence."""
    scored = [scores.trackers[tracker].sequences.get(name) for tracker in trackers]
    values = [score.auc for score in scored if score is not None]
    return max(values) - min(values)


def compared_frames(name: str, track: Track) -> List[int]:
    """Indices of four frames: the paper's where Fig. 8 shows them, else the first, the last and two between."""
    printed = [int(index) for index in np.flatnonzero(np.isin(track.numbers, PAPER_FRAMES.get(name, ())))]
    last = len(track.numbers) - 1
    return printed if len(printed) == 4 else sorted({round(part * last / 3) for part in range(4)})


def failed_frames(track: Track) -> List[int]:
    """Indices of up to four frames: the first; before, at and in the middle of the longest loss, or the worst frame."""
    start, stop = longest_loss(track)
    if start == stop:
        annotated = np.isfinite(track.truth).all(axis=1)
        return sorted({0, int(np.argmin(np.where(annotated, track.overlaps, np.inf)))})
    return sorted({0, max(start - 1, 0), start, (start + stop) // 2})


def comparison_strip(video: Video, first: int, tracks: Mapping[str, Track], styles: Mapping[str, Style]) -> Strip:
    """Frames of a video whose first image has number `first`, with the boxes of several trackers and the truth."""
    any_track = next(iter(tracks.values()))
    frames = [int(any_track.numbers[index]) for index in compared_frames(video.name, any_track)]
    pictures = [
        _picture(video, first, number, tracks, {name: styles[name] for name in tracks}, "") for number in frames
    ]
    return Strip(video.name, tuple(pictures))


def failure_strip(video: Video, first: int, tracker: str, track: Track, style: Style, title: str) -> Strip:
    """Frames around the longest loss of one tracker, with their overlap."""
    pictures = [
        _picture(
            *(video, first, int(track.numbers[index]), {tracker: track}, {tracker: style}),
            f"  IoU {track.overlaps[index]:.2f}",
        )
        for index in failed_frames(track)
    ]
    return Strip(title, tuple(pictures))


def _picture(
    video: Video, first: int, number: int, tracks: Mapping[str, Track], styles: Mapping[str, Style], text: str
) -> Picture:
    """Image `number` with the truth, and above it what the trackers say."""
    boxes, truth = [], []
    for name, track in tracks.items():
        index = number - int(track.numbers[0])
        if 0 <= index < len(track.boxes):
            boxes.append((_shifted(track.boxes[index], video.origin), styles[name]))
            truth = [(_shifted(track.truth[index], video.origin), TRUTH)]
    return Picture(_frame(video, number - first), f"#{number:04d}{text}", tuple(truth + boxes[::-1]))


def _frame(video: Video, index: int) -> np.ndarray:
    """One frame; a video file can only be read from its beginning."""
    if isinstance(video.frames, VideoFile):
        return next(itertools.islice(video.frames, index, None))
    return video.frames[index]


def _shifted(box: np.ndarray, origin: int) -> np.ndarray:
    return box - [origin, origin, 0, 0]


def strip_figure(strips: Sequence[Strip], legend: Mapping[str, Style], width: float = 14.0) -> Figure:
    """Strips below each other, as wide as `width` inches, and a legend of the boxes."""
    columns = max(len(strip.pictures) for strip in strips)
    shapes = [strip.pictures[0].frame.shape for strip in strips]
    heights = [width / columns * shape[0] / shape[1] + 0.3 for shape in shapes]  # 0.3: the title
    figure = Figure(figsize=(width, sum(heights) + 0.5), constrained_layout=True)
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.03, wspace=0, hspace=0)
    for part, strip in zip(np.atleast_1d(figure.subfigures(len(strips), 1, height_ratios=heights)), strips):
        for column, picture in enumerate(strip.pictures):
            axes = part.add_subplot(1, columns, column + 1)
            axes.axis("off")
            axes.set_title("" if column else plain(strip.title), loc="left", fontsize=11)
            _show(axes, picture)
    lines = [
        Line2D([], [], color=style.color, dashes=style.dashes or (None, None), linewidth=2.5, label=plain(name))
        for name, style in legend.items()
    ]
    figure.legend(handles=lines, loc="outside lower center", ncols=len(lines), frameon=False, fontsize=11)
    return figure


def _show(axes, picture: Picture) -> None:
    height, width = picture.frame.shape[:2]
    axes.imshow(picture.frame[..., ::-1], extent=(0, width, height, 0))  # a pixel covers [i, i + 1), as boxes say
    for (x, y, w, h), style in picture.boxes:
        if np.isfinite([x, y, w, h]).all():
            line = (0, style.dashes) if style.dashes else "-"
            halo = withStroke(linewidth=3.2, foreground="white", alpha=0.7)  # against a background of its colour
            axes.add_patch(
                Rectangle(
                    (x, y), w, h, fill=False, edgecolor=style.color, linestyle=line, linewidth=2, path_effects=[halo]
                )
            )
    axes.text(
        *(0.02, 0.97, picture.text),
        transform=axes.transAxes,
        va="top",
        fontsize=11,
        color="white",
        bbox={"facecolor": "black", "alpha": 0.55, "pad": 2, "edgecolor": "none"},
    )
