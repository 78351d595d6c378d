"""Score supervised runs: accuracy, robustness, expected average overlap (EAO)."""

from __future__ import annotations

import dataclasses
import math
import os
from dataclasses import dataclass
from typing import Iterable, Mapping

import numpy as np

from rar_gluon.common import InputError
from rar_gluon.evaluation.vot.annotations import Annotation
from rar_gluon.evaluation.vot.polygon import corners, overlap
from rar_gluon.evaluation.vot.protocol import VotProtocol
from rar_gluon.evaluation.vot.results import FAILED, INITIALISED, Trajectory, read_results, tracker_folders
from rar_gluon.table_text import text_table


@dataclass(frozen=True)
class Run:
    """One run on one sequence, measured.

    Attributes
    ----------
    codes : (N,) int, as in `Trajectory`.
    accuracy_overlaps, eao_overlaps : (N,) in the image as accuracy and as EAO take it; NaN where there is no region.
    """

    codes: np.ndarray
    accuracy_overlaps: np.ndarray
    eao_overlaps: np.ndarray

    @property
    def failures(self) -> int:
        return int((self.codes == FAILED).sum())


@dataclass(frozen=True)
class Score:
    """One tracker on one set of sequences.

    Attributes
    ----------
    accuracy : mean overlap while tracking, without the burn-in.
    failures : failures a run of a sequence, weighted by length: the robustness of VOT.
    reliability : exp(-S F / N) with these F failures on the mean length N.
    lost : failures a repetition of all sequences; pysot's "lost number", 100 * lost / frames is its "robustness".
    frames : of all sequences.
    eao : mean of the curve over the protocol's interval, as far as the curve goes; NaN when it ends before.
    curve : expected average overlap (L,) of lengths 1, 2, ... in frames.
    sequences : (accuracy, failures a run) by sequence.
    """

    accuracy: float
    failures: float
    reliability: float
    lost: float
    frames: int
    eao: float
    curve: np.ndarray
    sequences: Mapping[str, tuple[float, float]]


def measure(trajectory: Trajectory, truth: np.ndarray, size: tuple[int, int], protocol: VotProtocol) -> Run:
    """Overlap of a run with the truth, (N, 4) or (N, 8), on frames of `size` (width, height)."""
    regions = trajectory.regions
    images = [np.add(size, margin) for margin in (protocol.accuracy_margin, protocol.eao_margin)]
    eao = overlap(regions, truth, images[1], protocol.overlap)
    # The images differ where a region reaches what is only in one of them, hardly anywhere.
    reach = np.max([corners(part).reshape(-1, 4, 2).max(axis=1) for part in (regions, truth)], axis=0)
    differ = (reach > np.minimum(*images) - 1).any(axis=1) & (images[0] != images[1]).any()
    accuracy = eao.copy()
    accuracy[differ] = overlap(regions[differ], truth[differ], images[0], protocol.overlap)
    return Run(trajectory.codes, accuracy, eao)


def accuracy_frames(run: Run, burn_in: int) -> np.ndarray:
    """Overlaps (N,) that count for accuracy, NaN in the other frames."""
    since = np.arange(len(run.codes))
    since = since - np.maximum.accumulate(np.where(run.codes == INITIALISED, since, -burn_in))
    return np.where(since < burn_in, np.nan, run.accuracy_overlaps)


def fragments(run: Run, protocol: VotProtocol) -> list[tuple[np.ndarray, bool, float]]:
    """Fragments of a run: overlaps from an initialisation on, whether a failure ended it, and the share that it counts.

    See `VotProtocol`.
    """
    stretches = []
    length = len(run.codes)
    failures = np.flatnonzero(run.codes == FAILED)
    for start in np.flatnonzero(run.codes == INITIALISED):
        later = failures[failures > start]
        closed = len(later) > 0 and (protocol.late_failure == "closed" or later[0] + protocol.skip <= length)
        stop = later[0] if closed else length
        share = 1.0
        if closed and protocol.late_failure == "open" and later[0] + protocol.skip == length:
            share = 1 - 1 / (length - start + 1)
        stretches.append((np.nan_to_num(run.eao_overlaps[start:stop]), closed, share))
    return stretches


def eao_curve(runs: list[list[Run]], protocol: VotProtocol) -> np.ndarray:
    """Expected average overlap (L,) of lengths 1, 2, ...; `runs` are repetitions by sequence."""
    pieces, weights = [], []
    for repetitions in runs:
        weight = 1.0 / len(repetitions) if protocol.weights == "repetitions" else 1.0
        for run in repetitions:
            for overlaps, closed, share in fragments(run, protocol):
                pieces.append((overlaps, closed))
                weights.append(weight * share)
    if protocol.curve == "sequence":
        longest = max(len(run.codes) for repetitions in runs for run in repetitions)
    else:
        longest = max(len(piece) for piece, _ in pieces)
    table, ends = np.zeros((len(pieces), longest)), np.empty(len(pieces), int)
    for row, (piece, closed) in enumerate(pieces):
        table[row, : len(piece)] = piece
        ends[row] = longest if closed else len(piece)
    steps = np.arange(1, longest)
    means = np.cumsum(table[:, 1:], axis=1) / steps
    shares = np.array(weights)[:, None] * (steps < ends[:, None])
    with np.errstate(invalid="ignore"):  # no fragment may be that long: NaN
        return np.concatenate([[1.0], (shares * means).sum(axis=0) / shares.sum(axis=0)])  # 1: the initialisation


def expected_average_overlap(curve: np.ndarray, protocol: VotProtocol) -> float:
    """Mean of the curve over the interval, as far as the curve goes; NaN when it ends before."""
    low, high = protocol.interval
    return _mean(curve[low - 1 + protocol.shift : high + protocol.shift], math.nan)


def _mean(values: np.ndarray, otherwise: float) -> float:
    """Mean of what is not NaN."""
    values = values[~np.isnan(values)]
    return float(values.mean()) if len(values) else otherwise


def _mean_over_repetitions(overlaps: np.ndarray) -> np.ndarray:
    """Mean of (R, N) over R of what is not NaN, (N,); NaN where nothing is."""
    known = ~np.isnan(overlaps)
    total, count = np.where(known, overlaps, 0).sum(axis=0), known.sum(axis=0)
    return np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0)


def score(runs: Mapping[str, list[Run]], protocol: VotProtocol) -> Score:
    """Score measured runs: repetitions by sequence."""
    overlaps = {
        name: np.stack([accuracy_frames(run, protocol.burn_in) for run in repetitions])
        for name, repetitions in runs.items()
    }
    by_sequence = {
        name: (
            float(np.mean([_mean(frames, 0.0) for frames in overlaps[name]])),
            float(np.mean([run.failures for run in repetitions])),
        )
        for name, repetitions in runs.items()
    }
    lengths = np.array([frames.shape[1] for frames in overlaps.values()])
    means, failures = np.array(list(by_sequence.values())).T
    if protocol.accuracy == "frames":
        accuracy = _mean(np.concatenate([_mean_over_repetitions(frames) for frames in overlaps.values()]), math.nan)
    else:
        accuracy = float(np.average(means, weights=lengths))
    weighted = float(np.average(failures, weights=lengths))
    curve = eao_curve(list(runs.values()), protocol)
    return Score(
        accuracy=accuracy,
        failures=weighted,
        reliability=math.exp(-protocol.sensitivity * weighted / lengths.mean()),
        lost=float(failures.sum()),
        frames=int(lengths.sum()),
        eao=expected_average_overlap(curve, protocol),
        curve=curve,
        sequences=by_sequence,
    )


def score_vot(results: str | os.PathLike, annotations: Iterable[Annotation], protocol: VotProtocol) -> dict[str, Score]:
    """Score every tracker of a folder of results (RESULTS/TRACKER/baseline/...), or one tracker's folder.

    Raises
    ------
    InputError
        When results of a sequence are missing or cannot be read.
    """
    folders = tracker_folders(results)
    runs: dict[str, dict[str, list[Run]]] = {name: {} for name in folders}
    for truth in annotations:
        for name, folder in folders.items():
            trajectories = read_results(folder, truth.name, len(truth.regions))
            runs[name][truth.name] = [
                measure(trajectory, truth.regions, truth.size, protocol) for trajectory in trajectories
            ]
    if not any(runs.values()):
        raise InputError("there is no sequence to score: name at least one.")
    return {name: score(measured, protocol) for name, measured in runs.items()}


def format_scores(scores: Mapping[str, Score], protocol: VotProtocol, by_sequence: bool = False) -> str:
    """Text table: a row a tracker, best EAO first; with `by_sequence` accuracy and failures of each."""
    low, high = protocol.interval
    ranked = sorted(scores.items(), key=lambda item: -np.nan_to_num(item[1].eao))
    rows = [("tracker", "EAO", "A", "R", "exp(-SF/N)", "lost", "frames")]
    for name, s in ranked:
        numbers = (f"{s.eao:.4f}", f"{s.accuracy:.4f}", f"{s.failures:.3f}", f"{s.reliability:.4f}", f"{s.lost:.2f}")
        rows.append((name, *numbers, str(s.frames)))
    title = f"rules {protocol.rules}, overlap {protocol.overlap}, EAO over {low} to {high} frames"
    lines = [title, *text_table(rows, [False, *[True] * 6])]
    for name, s in ranked:
        if len(s.curve) < high + protocol.shift:
            lines.append(f"note: {name}: the curve ends at {len(s.curve)} frames, EAO covers as much as there is.")
    for name, s in ranked if by_sequence else ():
        parts = [(key, f"{overlap:.4f}", f"{failures:.3f}") for key, (overlap, failures) in s.sequences.items()]
        lines += ["", f"{name}: accuracy, failures", *text_table(parts, [False, True, True])]
    return "\n".join(lines) + "\n"


def scores_to_dict(scores: Mapping[str, Score], protocol: VotProtocol) -> dict:
    """JSON-able dict: the protocol, and all numbers and the curve of each tracker."""
    trackers = {name: {**dataclasses.asdict(s), "curve": s.curve.tolist()} for name, s in scores.items()}
    return {"protocol": dataclasses.asdict(protocol), "trackers": trackers}
