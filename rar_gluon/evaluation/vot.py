"""The supervised protocol of VOT: run a tracker that is restarted after failures; accuracy, robustness, EAO.

Results are RESULTS/TRACKER/baseline/SEQUENCE/SEQUENCE_001.txt, ..., one line a frame: 1 initialised, 2 failed,
0 skipped, else the region x,y,w,h or x1,y1,...,x4,y4. Regions have the first pixel at 0, as the truth of VOT has.
"""

from __future__ import annotations

import dataclasses
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Iterable, Mapping

import numpy as np
import yaml

from rar_gluon.common import InputError, write_text
from rar_gluon.data.frames import Frames
from rar_gluon.data.sequence import Sequence, boxes_to_polygons
from rar_gluon.evaluation import polygon
from rar_gluon.evaluation.trackers import TwoMethodTracker

SKIPPED, INITIALISED, FAILED, TRACKED = 0, 1, 2, -1  # what a frame is; the first three as in the files
EXPERIMENT = "baseline"

CHOICES = {
    "late_failure": ("open", "closed"),
    "weights": ("repetitions", "equal"),
    "curve": ("sequence", "fragment"),
    "accuracy": ("frames", "sequences"),
}


@dataclass(frozen=True)
class VotProtocol:
    """Every number of the protocol, and every decision that toolkits take differently.

    A fragment is what lies between an initialisation and the next failure or the end. Its overlaps are 0 from a failure
    on, for ever, and end where the sequence ends. Value L of the EAO curve is the mean over fragments of the mean
    overlap of frames 2 to L, the first being the initialisation; EAO is the mean of the values of an interval.

    Attributes
    ----------
    rules, source : what the decisions are called, and whose they are.
    interval : lengths (low, high) of EAO, both included.
    failure_overlap : a frame with at most this overlap is a failure.
    skip : frames from a failure to the next initialisation.
    burn_in : frames from an initialisation on, itself included, that do not count for accuracy.
    repetitions, deterministic_after : runs of a sequence; when that many are equal, no more are made.
    sensitivity : S of reliability exp(-S F / N).
    shift : added to both ends of the interval.
    late_failure : a failure in the last `skip` - 1 frames leaves its fragment "open" (zeros to the end of the sequence)
        or "closed" (as every failure does).
    weights : a fragment counts 1 / repetitions of its sequence ("repetitions") or 1 ("equal").
    curve : the curve is as long as the longest "sequence" or the longest "fragment".
    accuracy : mean over all "frames" of all sequences, of the mean over repetitions; or mean over "sequences", weighted
        by length, of the mean over repetitions of the mean over frames.
    eao_margin, accuracy_margin : pixels that the image in which overlap is measured is wider and higher.
    """

    rules: str
    source: str
    interval: tuple[int, int]
    failure_overlap: float
    skip: int
    burn_in: int
    repetitions: int
    deterministic_after: int
    sensitivity: float
    shift: int
    late_failure: str
    weights: str
    curve: str
    accuracy: str
    eao_margin: int
    accuracy_margin: int

    def __post_init__(self):
        for field, choices in CHOICES.items():
            if getattr(self, field) not in choices:
                raise InputError(
                    f"rules '{self.rules}': {field} is '{getattr(self, field)}', not {' or '.join(choices)}."
                )
        low, high = self.interval
        if not 1 < low <= high:
            raise InputError(f"an interval of EAO needs 1 < low <= high, not {low}, {high}.")
        for field in ("skip", "repetitions", "deterministic_after"):
            if getattr(self, field) < 1:
                raise InputError(f"{field} is {getattr(self, field)} but must be at least 1.")


def _table() -> dict:
    return yaml.safe_load(Path(__file__).with_name("vot.yaml").read_text(encoding="utf-8"))


def challenge_names() -> tuple[str, ...]:
    """Names of the challenges of `vot.yaml`."""
    return tuple(_table()["intervals"])


def rule_names() -> tuple[str, ...]:
    """Names of the sets of rules of `vot.yaml`."""
    return tuple(_table()["rules"])


def load_protocol(challenge: str = "VOT2016", rules: str = "matlab") -> VotProtocol:
    """Load the protocol of a challenge ("VOT2015" ... "VOT2018") under a toolkit's rules ("matlab", "python-toolkit").

    "matlab" is the rule of the published numbers.
    """
    table = _table()
    for kind, name in (("intervals", challenge), ("rules", rules)):
        if name not in table[kind]:
            raise InputError(f"'{name}' is none of the {kind} of VOT: choose one of {', '.join(table[kind])}.")
    return VotProtocol(
        rules, interval=tuple(table["intervals"][challenge]), **table["supervised"], **table["rules"][rules]
    )


# Running -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Trajectory:
    """One run on one sequence.

    Attributes
    ----------
    codes : (N,) int; SKIPPED, INITIALISED, FAILED or TRACKED.
    regions : (N, 4) boxes or (N, 8) polygons, NaN where the code is not TRACKED.
    """

    codes: np.ndarray
    regions: np.ndarray

    @property
    def polygons(self) -> np.ndarray:
        """Regions as (N, 8)."""
        return self.regions if self.regions.shape[1] == 8 else boxes_to_polygons(self.regions)

    def equals(self, other: Trajectory) -> bool:
        """Whether both are the same in every frame."""
        same = np.array_equal(self.codes, other.codes)
        return same and np.array_equal(self.polygons, other.polygons, equal_nan=True)


def truth_polygons(sequence: Sequence) -> np.ndarray:
    """Truth (N, 8) with the first pixel at 0.

    Raises
    ------
    InputError
        A frame has none: the protocol needs one to tell failures and to restart.
    """
    polygons = boxes_to_polygons(sequence.boxes) if sequence.polygons is None else sequence.polygons
    absent = np.flatnonzero(~np.isfinite(polygons).all(axis=1))
    if len(absent):
        raise InputError(
            f"{sequence.name} has no box in frame {absent[0] + 1}: supervised evaluation needs one in every frame."
        )
    return polygons - sequence.origin


def run_once(tracker: TwoMethodTracker, sequence: Sequence, protocol: VotProtocol) -> Trajectory:
    """Run a tracker through a sequence; it is started again `protocol.skip` frames after each failure.

    It is started with the axis-aligned bounding box of the truth. Frames that are skipped are not shown to it.
    """
    truth, boxes = truth_polygons(sequence), sequence.pixel_boxes
    codes, regions = np.full(len(sequence), SKIPPED), np.full((len(sequence), 4), np.nan)
    start, count = 0, 0
    for index, frame in zip(range(len(sequence)), sequence.frames):
        count += 1
        if index == start:
            tracker.init(frame, boxes[index])
            codes[index] = INITIALISED
        elif index > start:
            box = np.asarray(tracker.update(frame), np.float64)
            size = frame.shape[1::-1]
            if polygon.overlap(boxes_to_polygons(box), truth[index : index + 1], size)[0] > protocol.failure_overlap:
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


# Files ---------------------------------------------------------------------------------------------------------------


def trajectory_path(folder: str | os.PathLike, name: str, repetition: int) -> Path:
    """File of a run in a tracker's folder of results; repetitions count from 1."""
    return Path(folder) / EXPERIMENT / name / f"{name}_{repetition:03d}.txt"


def write_trajectory(path: str | os.PathLike, trajectory: Trajectory) -> None:
    """Write a run, atomically; numbers in the shortest form that reads back as the same float64."""
    lines = [
        ",".join(np.format_float_positional(value, trim="-") for value in region) if code == TRACKED else str(code)
        for code, region in zip(trajectory.codes, trajectory.regions)
    ]
    write_text(path, "\n".join(lines) + "\n")


def read_trajectory(path: str | os.PathLike, frames: int | None = None) -> Trajectory:
    """Read a run, ours or a toolkit's; a region of NaN counts as skipped, as in the Python toolkit.

    Raises
    ------
    InputError
        With file and line for anything else, and when the file has not `frames` lines.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {getattr(error, 'strerror', None) or 'it is no text'}.") from None
    rows = [_parse(line, f"{path}, line {number}") for number, line in enumerate(lines, start=1)]
    if frames is not None and len(rows) != frames:
        raise InputError(f"{path} has {len(rows)} lines for {frames} frames: remove it to run the sequence again.")
    if not rows or rows[0] != [INITIALISED]:
        raise InputError(f"{path} does not begin with 1 (initialised): is it a supervised result of VOT?")
    tracked = np.array([len(row) > 1 and bool(np.isfinite(row).all()) for row in rows])
    codes = np.array(
        [TRACKED if good else int(row[0]) if len(row) == 1 else SKIPPED for good, row in zip(tracked, rows)]
    )
    boxes_only = all(len(row) != 8 for row in rows)
    regions = np.full((len(rows), 4 if boxes_only else 8), np.nan)
    for index in np.flatnonzero(tracked):
        regions[index] = rows[index] if boxes_only or len(rows[index]) == 8 else boxes_to_polygons(rows[index])
    return Trajectory(codes, regions)


def _parse(line: str, where: str) -> list[float]:
    try:
        row = [float(text) for text in line.split(",")]
    except ValueError:
        row = []
    if len(row) not in (1, 4, 8) or (len(row) == 1 and row[0] not in (SKIPPED, INITIALISED, FAILED)):
        raise InputError(f"{where}: '{line[:60]}' is none of 0, 1, 2, a box (4 numbers) or a polygon (8).")
    return row


def read_results(folder: str | os.PathLike, sequence: Sequence) -> list[Trajectory]:
    """Read all runs of a tracker (RESULTS/TRACKER) on a sequence."""
    place = trajectory_path(folder, sequence.name, 1).parent
    paths = sorted(place.glob(f"{sequence.name}_[0-9][0-9][0-9].txt"))
    if not paths and any(place.glob("*.bin")):
        raise InputError(f"{place} holds binary results: run the toolkit with VOT_RESULTS_BINARY=0 in its environment.")
    if not paths:
        raise InputError(f"{place} holds no results: {sequence.name}_001.txt, ... are needed.")
    return [read_trajectory(path, len(sequence)) for path in paths]


def tracker_folders(results: str | os.PathLike) -> dict[str, Path]:
    """Find the trackers of RESULTS/TRACKER/baseline, or the one whose folder `results` is; by name."""
    results = Path(results)
    if (results / EXPERIMENT).is_dir():
        return {results.resolve().name: results}
    folders = {path.parent.name: path.parent for path in sorted(results.glob(f"*/{EXPERIMENT}"))}
    if not folders:
        raise InputError(f"{results} holds no tracker: results are in RESULTS/TRACKER/{EXPERIMENT}/SEQUENCE/.")
    return folders


# Scoring -------------------------------------------------------------------------------------------------------------


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
    """Overlap of a run with the truth (N, 8) on frames of `size` (width, height)."""
    width, height = size
    overlaps = {
        margin: polygon.overlap(trajectory.polygons, truth, (width + margin, height + margin))
        for margin in {protocol.accuracy_margin, protocol.eao_margin}
    }
    return Run(trajectory.codes, overlaps[protocol.accuracy_margin], overlaps[protocol.eao_margin])


def accuracy_frames(run: Run, burn_in: int) -> np.ndarray:
    """Overlaps (N,) that count for accuracy, NaN in the other frames."""
    since = np.arange(len(run.codes))
    since = since - np.maximum.accumulate(np.where(run.codes == INITIALISED, since, -burn_in))
    return np.where(since < burn_in, np.nan, run.accuracy_overlaps)


def fragments(run: Run, protocol: VotProtocol) -> list[tuple[np.ndarray, bool]]:
    """Fragments of a run: overlaps from an initialisation on, and whether a failure ended it (see `VotProtocol`)."""
    found = []
    length = len(run.codes)
    failures = np.flatnonzero(run.codes == FAILED)
    for start in np.flatnonzero(run.codes == INITIALISED):
        later = failures[failures > start]
        closed = len(later) > 0 and (protocol.late_failure == "closed" or later[0] + protocol.skip <= length)
        stop = later[0] if closed else length
        found.append((np.nan_to_num(run.eao_overlaps[start:stop]), closed))
    return found


def eao_curve(runs: list[list[Run]], protocol: VotProtocol) -> np.ndarray:
    """Expected average overlap (L,) of lengths 1, 2, ...; `runs` are repetitions by sequence."""
    pieces, weights = [], []
    for repetitions in runs:
        for run in repetitions:
            pieces += fragments(run, protocol)
            weights += [1.0 / len(repetitions) if protocol.weights == "repetitions" else 1.0] * (
                len(pieces) - len(weights)
            )
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
    return np.concatenate([[1.0], (shares * means).sum(axis=0) / shares.sum(axis=0)])  # 1: the initialisation


def expected_average_overlap(curve: np.ndarray, protocol: VotProtocol) -> float:
    """Mean of the curve over the interval, as far as the curve goes; NaN when it ends before."""
    low, high = protocol.interval
    part = curve[low - 1 + protocol.shift : high + protocol.shift]
    return float(part.mean()) if len(part) else math.nan


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


def frame_size(frames: Frames) -> tuple[int, int]:
    """(width, height) of the first frame."""
    height, width = next(iter(frames)).shape[:2]
    return width, height


def score_vot(results: str | os.PathLike, sequences: Iterable[Sequence], protocol: VotProtocol) -> dict[str, Score]:
    """Score every tracker of a folder of results (RESULTS/TRACKER/baseline/...), or one tracker's folder.

    Raises
    ------
    InputError
        When results of a sequence are missing or cannot be read, or a frame has no truth.
    """
    folders = tracker_folders(results)
    runs: dict[str, dict[str, list[Run]]] = {name: {} for name in folders}
    for sequence in sequences:
        truth, size = truth_polygons(sequence), frame_size(sequence.frames)
        for name, folder in folders.items():
            found = read_results(folder, sequence)
            runs[name][sequence.name] = [measure(trajectory, truth, size, protocol) for trajectory in found]
    if not any(runs.values()):
        raise InputError("there is no sequence to score: name at least one.")
    return {name: score(measured, protocol) for name, measured in runs.items()}


def format_scores(scores: Mapping[str, Score], protocol: VotProtocol, by_sequence: bool = False) -> str:
    """Text table: a row a tracker, best EAO first; with `by_sequence` accuracy and failures of each."""
    low, high = protocol.interval
    ranked = sorted(scores.items(), key=lambda item: -np.nan_to_num(item[1].eao))
    width = max(len(name) for name in ("sequence", *scores, *(key for s in scores.values() for key in s.sequences)))
    lines = [
        f"rules {protocol.rules}, EAO over {low} to {high} frames",
        f"{'tracker':<{width}}  {'EAO':>6}  {'A':>6}  {'R':>7}  {'exp(-SF/N)':>10}  {'lost':>7}  {'frames':>6}",
    ]
    for name, s in ranked:
        numbers = (
            f"{s.eao:6.4f}  {s.accuracy:6.4f}  {s.failures:7.3f}  {s.reliability:10.4f}  {s.lost:7.2f}  {s.frames:6d}"
        )
        lines.append(f"{name:<{width}}  {numbers}")
        if len(s.curve) < high + protocol.shift:
            lines.append(f"note: {name}: the curve ends at {len(s.curve)} frames, EAO covers as much as there is.")
    for name, s in ranked if by_sequence else ():
        lines += ["", f"{name}: accuracy, failures"]
        lines += [
            f"{key:<{width}}  {accuracy:6.4f}  {failures:7.3f}" for key, (accuracy, failures) in s.sequences.items()
        ]
    return "\n".join(lines) + "\n"


def scores_to_dict(scores: Mapping[str, Score], protocol: VotProtocol) -> dict:
    """JSON-able dict: the protocol, and all numbers and the curve of each tracker."""
    trackers = {name: {**dataclasses.asdict(s), "curve": s.curve.tolist()} for name, s in scores.items()}
    return {"protocol": dataclasses.asdict(protocol), "trackers": trackers}
