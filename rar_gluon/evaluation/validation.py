"""How good a network is while it is being trained: a few short sequences, tracked and scored."""

from __future__ import annotations

import dataclasses
from typing import Dict
from typing import Sequence as ListOf

import numpy as np

from rar_gluon.data.sequence import Sequence
from rar_gluon.evaluation.ope import Score, evaluate, mean_score
from rar_gluon.evaluation.protocols import Protocol
from rar_gluon.evaluation.runner import track_sequence
from rar_gluon.evaluation.trackers import TwoMethodTracker


def shortened(sequence: Sequence, frames: int) -> Sequence:
    """The first `frames` frames of a sequence."""
    return dataclasses.replace(
        sequence,
        boxes=sequence.boxes[:frames],
        tags={name: values[:frames] for name, values in sequence.tags.items()},
        polygons=None if sequence.polygons is None else sequence.polygons[:frames],
    )


def score_boxes(boxes: np.ndarray, sequence: Sequence, protocol: Protocol) -> Score:
    """Score boxes (N, 4) on a sequence's annotated frames; others, in any folder of sequences, say nothing.

    Coordinates are brought to OTB's, which begin at 1: protocols take a truth at 0 for none.
    """
    annotated = np.isfinite(sequence.boxes).all(axis=1)
    shift = np.array([1 - sequence.origin, 1 - sequence.origin, 0, 0])
    return evaluate(boxes[annotated] + shift, sequence.boxes[annotated] + shift, protocol)


def track_and_score(tracker: TwoMethodTracker, sequences: ListOf[Sequence], protocol: Protocol) -> Dict[str, Score]:
    """Scores by sequence of a tracker run once over each (OPE)."""
    return {s.name: score_boxes(track_sequence(tracker, s)[0], s, protocol) for s in sequences}


def headline(scores: ListOf[Score]) -> Dict[str, float]:
    """Mean AUC and DP."""
    mean = mean_score(scores)
    return {"auc": mean.auc, "dp": mean.dp}
