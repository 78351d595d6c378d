"""Score trackers on any annotated sequences, of OTB or not."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Dict, Iterable, Mapping
from typing import Sequence as ListOf

import numpy as np

from rar_gluon.common import InputError
from rar_gluon.data import otb
from rar_gluon.data.datasets import load_sequences
from rar_gluon.data.sequence import Sequence, read_boxes
from rar_gluon.evaluation.otb.attributes import box_attributes
from rar_gluon.evaluation.otb.ope import Score, evaluate, mean_score
from rar_gluon.evaluation.otb.protocol import Protocol, load_protocol
from rar_gluon.evaluation.otb.results import tracker_folders
from rar_gluon.evaluation.otb.score import BenchmarkScore, TrackerScore, in_order
from rar_gluon.evaluation.runner import track_sequence
from rar_gluon.evaluation.trackers import TwoMethodTracker


def score_boxes(boxes: np.ndarray, sequence: Sequence, protocol: Protocol) -> Score:
    """Score boxes (N, 4) on a sequence's annotated frames; others, in any folder of sequences, say nothing.

    Coordinates are brought to OTB's, which begin at 1: protocols other than "folder" take a truth at 0 for none.
    """
    if len(boxes) != len(sequence):
        raise InputError(f"{len(boxes)} boxes for {len(sequence)} frames: a box a frame is needed.")
    annotated = np.isfinite(sequence.boxes).all(axis=1)
    shift = np.array([1 - sequence.origin, 1 - sequence.origin, 0, 0])
    return evaluate(boxes[annotated] + shift, sequence.boxes[annotated] + shift, protocol)


def protocol_of(sequences: Iterable[Sequence]) -> Protocol:
    """Protocol of the sequences: OTB's "matlab" when all were read as OTB's, with its coordinates, else "folder"."""
    return load_protocol("matlab" if all(map(is_otb, sequences)) else "folder")


def is_otb(sequence: Sequence) -> bool:
    """Tell whether a sequence was read as OTB's, and not only bears such a name."""
    return sequence.name in otb.ENTRIES and sequence.origin == 1


def score_sequences(
    results: Mapping[str, Mapping[str, np.ndarray]], sequences: Iterable[Sequence], benchmark: str, protocol: Protocol
) -> BenchmarkScore:
    """Score trackers on any annotated sequences, of OTB or not, on their annotated frames.

    Parameters
    ----------
    results : by tracker and sequence, boxes (N, 4) in the sequence's coordinates, a box a frame; a tracker may lack
        sequences.
    sequences : without attributes of their own, those of `box_attributes` count, all "boxes" then.
    benchmark : name for them.

    Raises
    ------
    InputError
        A tracker without results, or whose boxes are refused by the protocol.
    """
    sequences = {sequence.name: sequence for sequence in sequences}
    scored = {name for boxes in results.values() for name in boxes}
    own = any(sequence.attributes for sequence in sequences.values())
    carried = {name: s.attributes if own else box_attributes(s) for name, s in sequences.items() if name in scored}
    trackers = {}
    for tracker, boxes in results.items():
        scores = {}
        for name, sequence in sequences.items():
            if name in boxes:
                try:
                    scores[name] = score_boxes(boxes[name], sequence, protocol)
                except InputError as error:
                    raise InputError(f"{tracker} on {name}: {error}") from None
        if not scores:
            raise InputError(f"{tracker} has results of none of the {len(sequences)} sequences.")
        missing = tuple(name for name in sequences if name not in scores)
        trackers[tracker] = TrackerScore(mean_score(scores.values()), scores, in_order(scores, carried), missing, ())
    ranked = dict(sorted(trackers.items(), key=lambda item: -item[1].overall.auc))
    return BenchmarkScore(benchmark, protocol, "matlab" if own else "boxes", ranked, carried)


def score_folder(
    results: str | os.PathLike,
    root: str | os.PathLike,
    sequences: str | ListOf[str] | None = None,
    protocol: str = "folder",
    allow_missing: bool = False,
) -> BenchmarkScore:
    """Score every tracker of a folder of results on a folder of sequences: what `rar eval --dataset folder` ran.

    Parameters
    ----------
    results : folder of TRACKER/SEQUENCE.txt, or one tracker's folder of SEQUENCE.txt.
    root : folder of sequences (`rar_gluon.data.folder`).
    sequences : only these, a list or A,B,...; default: all.
    protocol : "folder", or one of OTB's, which takes a truth that begins left of or above the frame for none.
    allow_missing : score what is there instead of raising when results or sequences are missing.

    Raises
    ------
    InputError
        Something is missing, cannot be read or is refused by the protocol.
    """
    rules, root = load_protocol(protocol), Path(root)
    videos = load_sequences("folder", root, sequences, allow_missing)
    names, boxes = [video.name for video in videos], {}
    for tracker, folder in tracker_folders(results, names).items():
        there = {name: path for name in names if (path := folder / f"{name}.txt").is_file()}
        missing = [name for name in names if name not in there]
        if missing and not (allow_missing and there):
            counted = f"{len(missing)} of {len(names)} sequences ({otb.summary(missing)})"
            raise InputError(f"{folder} lacks {counted}: {otb.FOR_MISSING}")
        boxes[tracker] = {name: read_boxes(path) for name, path in there.items()}
    return score_sequences(boxes, videos, root.resolve().name, rules)


def track_and_score(tracker: TwoMethodTracker, sequences: ListOf[Sequence], protocol: Protocol) -> Dict[str, Score]:
    """Scores by sequence of a tracker run once over each (OPE)."""
    return {s.name: score_boxes(track_sequence(tracker, s)[0], s, protocol) for s in sequences}


def headline(scores: ListOf[Score]) -> Dict[str, float]:
    """Mean AUC and DP."""
    mean = mean_score(scores)
    return {"auc": mean.auc, "dp": mean.dp}
