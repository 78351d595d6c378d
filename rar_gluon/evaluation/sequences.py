"""Score trackers on any annotated sequences, of OTB or not."""

from __future__ import annotations

from typing import Dict, Iterable, Mapping
from typing import Sequence as ListOf

import numpy as np

from rar_gluon.common import InputError
from rar_gluon.data.sequence import Sequence
from rar_gluon.evaluation.otb.attributes import box_attributes
from rar_gluon.evaluation.otb.ope import Score, evaluate, mean_score
from rar_gluon.evaluation.otb.protocol import Protocol
from rar_gluon.evaluation.otb.score import BenchmarkScore, TrackerScore, in_order
from rar_gluon.evaluation.runner import track_sequence
from rar_gluon.evaluation.trackers import TwoMethodTracker


def score_boxes(boxes: np.ndarray, sequence: Sequence, protocol: Protocol) -> Score:
    """Score boxes (N, 4) on a sequence's annotated frames; others, in any folder of sequences, say nothing.

    Coordinates are brought to OTB's, which begin at 1: protocols take a truth at 0 for none.
    """
    annotated = np.isfinite(sequence.boxes).all(axis=1)
    shift = np.array([1 - sequence.origin, 1 - sequence.origin, 0, 0])
    return evaluate(boxes[annotated] + shift, sequence.boxes[annotated] + shift, protocol)


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


def track_and_score(tracker: TwoMethodTracker, sequences: ListOf[Sequence], protocol: Protocol) -> Dict[str, Score]:
    """Scores by sequence of a tracker run once over each (OPE)."""
    return {s.name: score_boxes(track_sequence(tracker, s)[0], s, protocol) for s in sequences}


def headline(scores: ListOf[Score]) -> Dict[str, float]:
    """Mean AUC and DP."""
    mean = mean_score(scores)
    return {"auc": mean.auc, "dp": mean.dp}
