"""What happened frame by frame: boxes, truth and overlap of one tracker on one sequence."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterable, Mapping, Sequence, Tuple

import numpy as np

from rar_gluon.data import otb
from rar_gluon.data.sequence import Sequence as Video
from rar_gluon.evaluation.otb.ope import fitted, invalid_truth, overlap
from rar_gluon.evaluation.otb.protocol import Protocol
from rar_gluon.evaluation.otb.results import read_results
from rar_gluon.evaluation.otb.score import aligned


@dataclass(frozen=True)
class Track:
    """One tracker on one sequence, over the frames that a protocol scores.

    Attributes
    ----------
    numbers : (N,) numbers of the images.
    boxes, truth : (N, 4) as they are scored, (x, y, w, h) in the sequence's coordinates (OTB: the first pixel is 1).
    overlaps : (N,) intersection over union; 0 where there is no box.
    lost : (N,) bool, where the overlap is 0 although there is a truth.
    """

    numbers: np.ndarray
    boxes: np.ndarray
    truth: np.ndarray
    overlaps: np.ndarray
    lost: np.ndarray


def read_tracks(
    folder: Path, truth: Mapping[str, Tuple[int, np.ndarray]], names: Sequence[str], protocol: Protocol
) -> Dict[str, Track]:
    """Read a tracker's results on sequences and bring them to the frames that the protocol scores, as scoring does.

    `truth` is of `otb.read_truth`.
    """
    results, _ = read_results(folder, names, allow_missing=True)
    tracks = {}
    for name, boxes in results.items():
        first, annotated = truth[name]
        boxes, cut, _ = aligned(otb.ENTRIES[name], boxes, truth[name], protocol)
        start = first + len(annotated) - len(cut)  # `aligned` cuts the truth at its beginning only
        tracks[name] = make_track(boxes, cut, start, protocol)
    return tracks


def sequence_tracks(
    boxes: Mapping[str, np.ndarray], sequences: Iterable[Video], firsts: Mapping[str, int], protocol: Protocol
) -> Dict[str, Track]:
    """Tracks of boxes (N, 4), a box a frame, on annotated sequences; `firsts` are the numbers of their first images."""
    tracks = {}
    for sequence in sequences:
        if sequence.name in boxes:
            first = firsts[sequence.name]
            tracks[sequence.name] = make_track(boxes[sequence.name], sequence.boxes, first, protocol)
    return tracks


def make_track(boxes: np.ndarray, truth: np.ndarray, first: int, protocol: Protocol) -> Track:
    """Make the track of boxes (M, 4) and truth (N, 4) that begin at image number `first`."""
    boxes, truth = fitted(boxes, truth, protocol)
    annotated = np.isfinite(truth).all(axis=1)
    if protocol.first_frame == "truth":
        start = int(np.argmax(annotated))
        boxes[start] = truth[start]
    overlaps = np.nan_to_num(overlap(boxes, truth))
    lost = (overlaps == 0) & ~invalid_truth(truth, "size")
    return Track(first + np.arange(len(truth)), boxes, truth, overlaps, lost)


def longest_loss(track: Track) -> Tuple[int, int]:
    """Longest run of lost frames: index of its first, and of the one after its last; (0, 0) when none is lost."""
    edges = np.flatnonzero(np.diff(track.lost.astype(int), prepend=0, append=0))
    starts, stops = edges[::2], edges[1::2]
    if not len(starts):
        return 0, 0
    longest = int(np.argmax(stops - starts))
    return int(starts[longest]), int(stops[longest])
