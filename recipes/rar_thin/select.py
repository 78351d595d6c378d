"""Judge a tracker on the selection set (sets.py), or compare two: what choices for rar_thin are made by.

    python -m recipes.rar_thin.select --root GROUND VIDEOS VIDEOS2 VIDEOS3 --stills STILLS STILLS2 --output DIR \
        --config rar_thin --weights FILE --set tracking.learning_rate=0.008 --workers 2 --against OTHER_DIR

It writes a file a run, as soon as the run is done, and goes on from them. Processes that are started with the same
--output share the work. Rules and reasons: docs/log/selection_set.md.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import fcntl
import sys
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Callable, Dict, Iterator, List, NamedTuple, Sequence, Tuple

import joblib
import numpy as np

import rar_gluon  # noqa: F401  (before mxnet: sets its threads)
from rar_gluon import config as configuration
from rar_gluon.common import InputError, csv_text, in_this_folder, output_folder, progress, write_text
from rar_gluon.evaluation.otb.ope import evaluate, overlap
from rar_gluon.evaluation.otb.protocol import load_protocol
from rar_gluon.evaluation.runner import track_sequence
from rar_gluon.evaluation.trackers import TwoMethodTracker
from rar_gluon.net.weights import SHIPPED
from rar_gluon.provenance import describe_run, keep_record
from rar_gluon.table_text import text_table
from rar_gluon.tracking.tracker import Tracker
from recipes.rar_thin.sets import SETS, Run, open_runs

LOST_FRAMES = 20  # without any overlap, up to the end
MEASURES = ("auc", "dp", "lost")
COLUMNS = ("x", "y", "w", "h", "score", "true_x", "true_y", "true_w", "true_h")


class Track(NamedTuple):
    """What a run gave: boxes (N, 4), scores (N,), and the truth (N, 4), NaN where there is none."""

    boxes: np.ndarray
    scores: np.ndarray
    truth: np.ndarray


@dataclasses.dataclass(frozen=True)
class Result:
    """Measures of a run, or their means over the runs of a target.

    auc, dp : protocol folder, dp at 20 pixels.
    lost : 1 where no box of the last `LOST_FRAMES` annotated frames or more meets the target, else 0.
    size : median over the frames with an overlap, but the first, of √(w h) over the truth's; NaN without any.
    frames : annotated ones.
    """

    auc: float
    dp: float
    lost: float
    size: float
    frames: int


class Recorded:
    """A tracker whose scores are kept."""

    def __init__(self, tracker: Tracker):
        self._tracker, self.scores = tracker, []

    def init(self, frame: np.ndarray, box: Sequence[float]) -> None:
        self._tracker.init(frame, box)
        self.scores.append(self._tracker.score)

    def update(self, frame: np.ndarray):
        box = self._tracker.update(frame)
        self.scores.append(self._tracker.score)
        return box


def main() -> int:
    """Parse, track, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, nargs="+", default=[], metavar="DIR", help="folders of real sequences")
    parser.add_argument("--stills", type=Path, nargs="+", default=[], metavar="DIR", help="photographs with masks")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="where results go, and are")
    parser.add_argument("--config", default="rar_thin", help="a preset or a YAML file; default: rar_thin")
    parser.add_argument("--weights", type=Path, metavar="FILE", help="default: those of the package")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change the configuration")
    parser.add_argument("--runtime", default="mxnet", choices=("mxnet", "onnx"), help="default: mxnet")
    parser.add_argument("--precision", default="fp32", choices=("fp32", "int8"), help="int8 needs ONNX Runtime")
    parser.add_argument("--sets", default=",".join(SETS), metavar="A,B,...", help=f"default: {','.join(SETS)}")
    parser.add_argument("--frames", type=int, metavar="N", help="a quick look: so many frames of each run")
    parser.add_argument("--draw", type=int, default=0, metavar="N", help="another number: other made sequences")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="processes; default: 1")
    parser.add_argument("--against", type=Path, metavar="DIR", help="compare with the results of another tracker")
    arguments = parser.parse_args()
    try:
        select(arguments)
    except (InputError, OSError) as error:
        print(f"select: {error}", file=sys.stderr)
        return 2
    return 0


def select(arguments: argparse.Namespace) -> None:
    """Run what is missing, write the table of targets, print that of kinds, and the differences if there are any."""
    if arguments.workers < 1:
        raise InputError(f"--workers is {arguments.workers}, but at least 1 is needed.")
    changes = configuration.settings_to_dict(arguments.set)
    config = configuration.from_dict(changes, "--set", configuration.load(arguments.config))
    if arguments.draw < 0:
        raise InputError(f"--draw is {arguments.draw}, but must be 0 or more.")
    runs = open_runs(arguments.sets.split(","), arguments.root, arguments.stills, arguments.frames, arguments.draw)
    folder = output_folder(arguments.output)
    engine = {"runtime": arguments.runtime, "precision": arguments.precision}
    record = {**describe_run(configuration.to_dict(config), arguments.weights or SHIPPED), **engine}
    keep_record(folder / "run.json", record, ("config", "weights", "runtime", "precision"))
    make = partial(Tracker, config, arguments.weights, **engine)
    if arguments.workers == 1:
        work(make, runs, folder)
    else:
        jobs = [joblib.delayed(in_this_folder(work))(make, runs, folder)] * arguments.workers
        joblib.Parallel(arguments.workers)(jobs)
    done = [run for run in runs if run_file(folder, run).is_file()]
    if len(done) < len(runs):
        print(f"{len(runs) - len(done)} of {len(runs)} runs are with other processes: this is of the rest.")
    results = {run.name: measure(read_track(run_file(folder, run))) for run in done}
    write_text(folder / "targets.csv", csv_text(target_rows(done, results)))
    print("\n".join(summary(done, results)))
    if arguments.against is not None:
        print("\n".join(["", *comparison(done, results, folder, arguments.against)]))


# --- tracking


def work(make: Callable[[], TwoMethodTracker], runs: Sequence[Run], folder: Path) -> None:
    """Track, the longest first, what no process has tracked or is tracking, with one tracker."""
    tracker = None
    for run in progress(sorted(runs, key=lambda run: -len(run.sequence)), desc="select", unit="run"):
        if is_done(folder, run):
            continue
        with locked(folder / "locks" / f"{run.name}.lock") as mine:
            if mine and not is_done(folder, run):
                tracker = tracker or make()
                write_track(run_file(folder, run), track(tracker, run))


@contextmanager
def locked(path: Path) -> Iterator[bool]:
    """Give whether this process has the lock that a file stands for; it ends with the process, however that ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def track(tracker: TwoMethodTracker, run: Run) -> Track:
    """Run a tracker over a sequence once."""
    recorded = Recorded(tracker)
    boxes, _ = track_sequence(recorded, run.sequence)
    return Track(boxes, np.array(recorded.scores), run.sequence.boxes)


def run_file(folder: Path, run: Run) -> Path:
    """The file of a run's track."""
    return folder / "runs" / f"{run.name}.csv"


def is_done(folder: Path, run: Run) -> bool:
    """Tell whether a run has been tracked; `InputError` when it was another run of that name."""
    path = run_file(folder, run)
    if not path.is_file():
        return False
    check_same(read_track(path).truth, run.sequence.boxes, path)
    return True


def check_same(truth: np.ndarray, other: np.ndarray, where: Path) -> None:
    """Raise `InputError` unless two truths are one."""
    if len(truth) != len(other) or not np.allclose(truth, other, rtol=0, atol=0.01, equal_nan=True):
        raise InputError(f"{where} is of other frames or another truth: give another folder, or the same sequences.")


def write_track(path: Path, track: Track) -> None:
    """Write a track, a line a frame."""
    table = np.hstack([track.boxes, track.scores[:, None], track.truth])
    write_text(path, csv_text([COLUMNS, *([f"{value:.6g}" for value in row] for row in table)]))


def read_track(path: Path) -> Track:
    """Read what `write_track` wrote."""
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    try:
        table = np.array(rows[1:], np.float64)
        return Track(table[:, :4], table[:, 4], table[:, 5:9])
    except (IndexError, ValueError) as error:
        raise InputError(f"{path} is not a file that select wrote ({error}): remove it.") from None


# --- measures


def measure(track: Track) -> Result:
    """Judge a track."""
    first = np.array([1, 1, 0, 0])  # OTB's first pixel, which a protocol counts from
    score = evaluate(track.boxes + first, track.truth + first, load_protocol("folder"))
    annotated = np.isfinite(track.truth).all(axis=1) & (track.truth[:, 2:] > 0).all(axis=1)
    boxes, truth = track.boxes[annotated], track.truth[annotated]
    met = np.flatnonzero(overlap(boxes, truth) > 0)
    missed = len(boxes) - 1 - (met[-1] if len(met) else -1)  # frames at the end
    sizes = np.sqrt(boxes[:, 2] * boxes[:, 3] / (truth[:, 2] * truth[:, 3]))[met[met > 0]]
    size = float(np.median(sizes)) if len(sizes) else float("nan")
    return Result(score.auc, score.dp, float(missed >= LOST_FRAMES), size, len(boxes))


def of_targets(runs: Sequence[Run], values: Dict[str, float]) -> Tuple[List[str], List[str], np.ndarray]:
    """Names, kinds, and means over the runs (n,), of the targets."""
    targets = {run.target: run.kind for run in runs}
    means = [np.mean([values[run.name] for run in runs if run.target == target]) for target in targets]
    return list(targets), list(targets.values()), np.array(means)


def votes(kinds: Sequence[str]) -> np.ndarray:
    """Weights (n,) of targets of these kinds, of sum 1: a kind has one vote, which its targets share."""
    return np.array([1 / (len(set(kinds)) * kinds.count(kind)) for kind in kinds])


def mean_and_error(values: np.ndarray, kinds: Sequence[str]) -> Tuple[float, float]:
    """Mean over kinds of the mean over targets, and its standard error over targets; NaN for one target.

    Targets and kinds are taken for a sample, so that a gain of one kind alone has a large error:
    √(n / (n - 1) Σ w² (value - mean)²) with the weights of `votes`; of equal weights, the error of a mean.
    """
    weights, n = votes(kinds), len(values)
    mean = float(weights @ values)
    spread = float(weights**2 @ (values - mean) ** 2)
    return mean, (n / (n - 1) * spread) ** 0.5 if n > 1 else float("nan")


# --- tables


def target_rows(runs: Sequence[Run], results: Dict[str, Result]) -> List[List]:
    """Rows of a table of targets, its head first."""
    rows: List[List] = [["target", "kind", "runs", "frames", *MEASURES, "size"]]
    for target, kind in {run.target: run.kind for run in runs}.items():
        own = [results[run.name] for run in runs if run.target == target]
        means = [np.mean([getattr(result, name) for result in own]) for name in (*MEASURES, "size")]
        frames = sum(result.frames for result in own)
        rows.append([target, kind, len(own), frames, *(f"{mean:.4f}" for mean in means)])
    return rows


def groups(kinds: Sequence[str]) -> Dict[str, np.ndarray]:
    """Which targets (n,) a line of a table is of: those of a kind, real ones, made ones, all."""
    array = np.array(kinds, str)  # also without any
    made = np.char.startswith(array, "made_")
    rows = {kind: array == kind for kind in dict.fromkeys(kinds)}
    return {**rows, "real": ~made, "made": made, "all": np.ones(len(array), bool)}


def summary(runs: Sequence[Run], results: Dict[str, Result]) -> List[str]:
    """Lines of a table of kinds: means of AUC, DP and lost targets, median of sizes."""
    columns = {}
    for name in (*MEASURES, "size"):
        _, kinds, columns[name] = of_targets(runs, {run.name: getattr(results[run.name], name) for run in runs})
    rows = [("kind", "targets", *(name.upper() if name != "lost" else name for name in MEASURES), "size")]
    for name, chosen in groups(kinds).items():
        if chosen.any():
            own = [kind for kind, one in zip(kinds, chosen) if one]
            means = [mean_and_error(columns[measure][chosen], own)[0] for measure in MEASURES]
            size = np.nanmedian(columns["size"][chosen])
            rows.append((name, str(len(own)), *(f"{mean:.3f}" for mean in means), f"{size:.3f}"))
    return text_table(rows, [False, *[True] * 5])


def comparison(runs: Sequence[Run], results: Dict[str, Result], folder: Path, other: Path) -> List[str]:
    """Lines that say by how much results are above those of another folder, over the runs that both have.

    Raises
    ------
    InputError
        They share no two targets, or a run is of other frames there.
    """
    shared = [run for run in runs if run_file(other, run).is_file()]
    if len({run.target for run in shared}) < 2:
        raise InputError(f"{other} shares fewer than two targets with {folder}: nothing can be compared.")
    before = {}
    for run in shared:
        track = read_track(run_file(other, run))
        check_same(track.truth, run.sequence.boxes, run_file(other, run))
        before[run.name] = measure(track)
    rows = [(f"above {other}", "targets", "AUC", "DP", "lost")]
    columns = {}
    for name in MEASURES:
        change = {run.name: getattr(results[run.name], name) - getattr(before[run.name], name) for run in shared}
        _, kinds, columns[name] = of_targets(shared, change)
    for name, chosen in groups(kinds).items():
        if chosen.any():
            own = [kind for kind, one in zip(kinds, chosen) if one]
            cells = (shown(*mean_and_error(columns[measure][chosen], own)) for measure in MEASURES)
            rows.append((name, str(len(own)), *cells))
    power = ", ".join(f"{2 * mean_and_error(columns[name], kinds)[1]:.3f} in {name}" for name in MEASURES)
    return [
        *text_table(rows, [False, *[True] * 4]),
        "* beyond two standard errors over targets",
        f"power: the smallest differences that two standard errors let be seen are {power}",
    ]


def shown(mean: float, error: float) -> str:
    """A difference and its error; a star where it is beyond two of them."""
    return f"{mean:+.3f} ± {error:.3f} {'*' if abs(mean) > 2 * error else ' '}"


if __name__ == "__main__":
    sys.exit(main())
