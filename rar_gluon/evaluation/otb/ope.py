"""One-pass evaluation: boxes and truth to overlap, centre error, curves and numbers, without a loop over frames.

Boxes are (N, 4) float64, (x, y, w, h), predictions and truth in the same coordinates.
"""

from __future__ import annotations

import dataclasses
import operator
from dataclasses import dataclass
from typing import Iterable, Mapping

import numpy as np

from rar_gluon.common import InputError
from rar_gluon.evaluation.otb.protocol import Protocol

COMPARE = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}


@dataclass(frozen=True)
class Score:
    """Curves over the thresholds of a protocol, and the numbers read from them, of a sequence or a mean of sequences.

    Attributes
    ----------
    success, precision, normalised : curves; fractions of frames.
    auc : mean of the success curve.
    dp : precision at 20 pixels.
    sr : success at overlap 0.5.
    norm_precision : normalised precision at 0.2.
    sr75 : success at overlap 0.75.
    frames : number of frames that count; of a mean, their mean.
    """

    success: np.ndarray
    precision: np.ndarray
    normalised: np.ndarray
    auc: float
    dp: float
    sr: float
    norm_precision: float
    sr75: float
    frames: float


def overlap(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union of boxes (N, 4) pairwise, (N,); NaN where a coordinate is NaN or both have no area."""
    low = np.maximum(a[:, :2], b[:, :2])
    high = np.minimum(a[:, :2] + a[:, 2:], b[:, :2] + b[:, 2:])
    intersection = np.prod(np.maximum(high - low, 0), axis=1)
    union = np.prod(a[:, 2:], axis=1) + np.prod(b[:, 2:], axis=1) - intersection
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.clip(intersection / union, 0, 1)


def centres(boxes: np.ndarray) -> np.ndarray:
    """Centres (N, 2) of boxes of whole pixels, x + (w - 1) / 2."""
    return boxes[:, :2] + (boxes[:, 2:] - 1) / 2


def centre_error(prediction: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Distance between the centres, (N,), pixels."""
    return np.sqrt(np.sum((centres(prediction) - centres(truth)) ** 2, axis=1))


def normalised_error(prediction: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Distance between the centres with x in widths and y in heights of the truth, (N,)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.sqrt(np.sum(((centres(prediction) - centres(truth)) / truth[:, 2:]) ** 2, axis=1))


def repaired(prediction: np.ndarray, truth: np.ndarray, protocol: Protocol) -> np.ndarray:
    """Replace predicted boxes that are none, as the protocol says; both (N, 4).

    A box is replaced by the last good one before it. The first box stays as it is, and so does a box where the truth
    is NaN (calcSeqErrRobust.m).
    """
    # A comparison with NaN is false, so NaN is neither empty nor negative.
    faults = {
        "nan_prediction": np.isnan(prediction).all(axis=1),
        "empty_prediction": (prediction[:, 2:] == 0).any(axis=1),
        "negative_prediction": (prediction[:, 2:] < 0).any(axis=1),
    }
    refused = {**faults, "nan_prediction": np.isnan(prediction).any(axis=1)}
    for rule, rows in refused.items():
        if getattr(protocol, rule) == "error" and rows.any():
            kind = rule.split("_")[0]
            raise InputError(f"box {np.flatnonzero(rows)[0] + 1} is {kind}, which protocol '{protocol.name}' refuses.")
    replace = np.zeros(len(prediction), bool)
    for rule, rows in faults.items():
        if getattr(protocol, rule) == "copy":
            replace |= rows
        elif getattr(protocol, rule) == "copy-any":
            replace |= refused[rule]
    replace &= ~np.isnan(truth).any(axis=1)
    # The index of the last box that stays; 0 before any, so the first box stays whatever it is.
    source = np.maximum.accumulate(np.where(replace, 0, np.arange(len(prediction))))
    return prediction[source]


def fitted(prediction: np.ndarray, truth: np.ndarray, protocol: Protocol) -> tuple[np.ndarray, np.ndarray]:
    """Make prediction and truth equally long as the protocol says, after `repaired`."""
    count, frames = len(prediction), len(truth)
    rule = protocol.shorter if count < frames else protocol.longer
    _refuse_lengths(count, frames, protocol)
    shared = min(count, frames)
    prediction = repaired(prediction[:shared], truth[:shared], protocol)
    if rule == "truncate" or count >= frames:
        return prediction, truth[:shared]
    fill = np.nan if rule == "miss" else 0.0
    return np.vstack([prediction, np.full((frames - count, 4), fill)]), truth


def _refuse_lengths(count: int, frames: int, protocol: Protocol) -> None:
    rule = protocol.shorter if count < frames else protocol.longer
    if count != frames and rule == "error":
        raise InputError(f"{count} boxes for {frames} frames, which protocol '{protocol.name}' refuses.")


def invalid_truth(truth: np.ndarray, rule: str) -> np.ndarray:
    """Frames whose truth counts as none, (N,) bool: "any", "size", "centre" or "never" (see `Protocol`)."""
    if rule == "never":
        return np.zeros(len(truth), bool)
    tested = {"any": truth, "size": truth[:, 2:], "centre": centres(truth)}[rule]
    return ~(tested > 0).all(axis=1)


def in_image(boxes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Cut boxes (N, 4) to an image of (width, height), as got10k's `rect_iou` does."""
    low = np.clip(boxes[:, :2], 0, size)
    return np.hstack([low, np.clip(boxes[:, 2:], 0, size - low)])


def evaluate(
    prediction: np.ndarray,
    truth: np.ndarray,
    protocol: Protocol,
    absent: np.ndarray | None = None,
    size: tuple[int, int] | None = None,
) -> Score:
    """Score one sequence.

    Parameters
    ----------
    prediction : (M, 4), a box a frame from the truth's first frame on.
    truth : (N, 4).
    absent : (N,) bool, the frames that are labelled as without the target; None: there are no labels.
    size : (width, height) of the images; None: boxes are not cut to them.

    Raises
    ------
    InputError
        When the protocol refuses a box or the length.
    """
    if not len(truth) or not len(prediction):
        raise InputError("a sequence without a box cannot be scored.")
    prediction, truth = np.asarray(prediction, np.float64), np.asarray(truth, np.float64)
    if protocol.without_truth == "drop":
        _refuse_lengths(len(prediction), len(truth), protocol)
        kept = np.isfinite(truth).all(axis=1) & ~invalid_truth(truth, "size")
        if not kept.any():
            raise InputError("a sequence whose truth is never a box cannot be scored.")
        prediction, truth = prediction[kept], truth[kept]
    prediction, truth = fitted(prediction, truth, protocol)
    absent = np.zeros(len(truth), bool) if absent is None else absent[: len(truth)]
    if protocol.first_frame == "truth":
        prediction = np.vstack([truth[:1], prediction[1:]])
    kept = _counted(truth, absent, protocol)
    if not kept.all():
        prediction, truth, absent = prediction[kept], truth[kept], absent[kept]
    sentinel = {"hit": -1.0, "miss": np.inf}
    cut = (prediction, truth)
    if protocol.bounds == "image" and size is not None:
        cut = (in_image(prediction, size), in_image(truth, size))
    overlaps = np.where(invalid_truth(truth, protocol.overlap_invalid), -1.0, overlap(*cut))
    errors = centre_error(prediction, truth)
    if protocol.error_decimals is not None:
        errors = np.round(errors, protocol.error_decimals)
    invalid = invalid_truth(truth, protocol.error_invalid)
    errors = np.where(invalid, sentinel[protocol.error_invalid_is], errors)
    relative = np.where(invalid, sentinel[protocol.normalised_invalid_is], normalised_error(prediction, truth))
    if protocol.absent == "miss":
        overlaps[absent], errors[absent], relative[absent] = -1.0, np.inf, np.inf
    return _score(overlaps, errors, relative, protocol)


def _counted(truth: np.ndarray, absent: np.ndarray, protocol: Protocol) -> np.ndarray:
    """Frames that count, (N,) bool; `InputError` when none does."""
    kept = ~absent if protocol.absent == "drop" else np.ones(len(truth), bool)
    if protocol.without_truth == "drop-nan":
        kept &= ~np.isnan(truth).any(axis=1)
    if protocol.first_frame == "drop":
        kept[0] = False
    if not kept.any():
        raise InputError(f"no frame of the sequence counts under protocol '{protocol.name}'.")
    return kept


def _score(overlaps: np.ndarray, errors: np.ndarray, relative: np.ndarray, protocol: Protocol) -> Score:
    success_test, precision_test = COMPARE[protocol.success], COMPARE[protocol.precision]
    success = success_test(overlaps[:, None], protocol.overlap_grid.values).mean(axis=0)
    precision = precision_test(errors[:, None], protocol.error_grid.values).mean(axis=0)
    normalised = precision_test(relative[:, None], protocol.normalised_grid.values).mean(axis=0)
    return Score(
        success,
        precision,
        normalised,
        auc=float(success.mean() if protocol.auc == "curve" else np.nan_to_num(np.maximum(overlaps, 0)).mean()),
        dp=float(precision[protocol.error_grid.index(protocol.precision_at)]),
        sr=float(success[protocol.overlap_grid.index(protocol.success_at)]),
        norm_precision=float(normalised[protocol.normalised_grid.index(protocol.normalised_at)]),
        sr75=float(success_test(overlaps, 0.75).mean()),
        frames=float(len(overlaps)),
    )


def mean_score(scores: Iterable[Score], average: str = "sequences") -> Score:
    """Mean over sequences, of every curve and every number; unweighted, or by frames (`Protocol.average`)."""
    scores = list(scores)
    fields = [field.name for field in dataclasses.fields(Score)]
    weights = None if average == "sequences" else [score.frames for score in scores]
    means = {
        field: np.average([getattr(score, field) for score in scores], axis=0, weights=weights) for field in fields
    }
    return Score(**{field: mean if mean.ndim else float(mean) for field, mean in means.items()})


def attribute_scores(
    scores: Mapping[str, Score], attributes: Mapping[str, Iterable[str]], average: str = "sequences"
) -> dict[str, Score]:
    """Mean over the sequences that carry an attribute, for each attribute that one of them carries.

    Parameters
    ----------
    scores : by sequence.
    attributes : of each sequence.
    """
    carried = list(dict.fromkeys(attribute for name in scores for attribute in attributes[name]))
    return {
        attribute: mean_score((score for name, score in scores.items() if attribute in attributes[name]), average)
        for attribute in carried
    }
