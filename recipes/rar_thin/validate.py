"""Judge one choice for rar_thin on the sequences kept aside for it (held_out.txt), in either of two ways.

By tracking: AUC and DP@20 (protocol folder), and the size of boxes over that of the truth, √(w h):

    python -m recipes.rar_thin.validate --root DIR ... --weights FILE --set tracking.learning_rate=0.008 \
        --workers 2 --csv FILE --against OTHER_FILE

--csv writes a line a sequence, --against says how far two such files are apart, paired by sequence, and --tracks keeps
each frame's box, score and overlap. Frames are decoded as they are needed: that is a fiftieth of the time. Or, in
seconds, by matching single clips: the loss of Eq. 12, and how often the peak is within a cell:

    python -m recipes.rar_thin.validate --root DIR ... --weights FILE --clips 256
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import functools
import sys
from pathlib import Path
from typing import Callable, Dict, List
from typing import Sequence as ListOf

import joblib
import numpy as np

import rar_gluon  # noqa: F401  (before mxnet: sets its threads)
from rar_gluon.common import InputError, write_text
from rar_gluon.config import Config
from rar_gluon.data.sequence import Sequence
from rar_gluon.evaluation.otb.ope import overlap
from rar_gluon.evaluation.otb.protocol import load_protocol
from rar_gluon.evaluation.runner import track_sequence
from rar_gluon.evaluation.sequences import score_boxes
from rar_gluon.net.weights import load_network
from rar_gluon.tracking.tracker import Tracker
from rar_gluon.training import matching
from rar_gluon.training.held_out import pictures_of
from recipes.rar_thin.held_out import chosen_config, chosen_sequences, split_arguments


@dataclasses.dataclass(frozen=True)
class Row:
    """What one sequence gave.

    frames : number of annotated frames.
    size : median over frames with an overlap of √(w h) over the truth's; last_size : of the last ten of them.
    lost : part of the frames with an overlap below .2.
    """

    sequence: str
    frames: int
    auc: float
    dp: float
    size: float
    last_size: float
    lost: float


class Recorded:
    """A tracker whose scores are kept."""

    def __init__(self, tracker: Tracker):
        self._tracker, self.scores = tracker, []

    def init(self, frame: np.ndarray, box: ListOf[float]) -> None:
        self._tracker.init(frame, box)
        self.scores.append(self._tracker.score)

    def update(self, frame: np.ndarray):
        box = self._tracker.update(frame)
        self.scores.append(self._tracker.score)
        return box


def main() -> int:
    """Parse, judge, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    split_arguments(parser)
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the results by sequence")
    parser.add_argument("--against", type=Path, metavar="FILE", help="compare with results written before")
    parser.add_argument("--tracks", type=Path, metavar="DIR", help="write each sequence's boxes, scores and overlaps")
    parser.add_argument("--clips", type=int, help="match so many clips instead of tracking")
    arguments = parser.parse_args()
    try:
        config, sequences = chosen_config(arguments), chosen_sequences(arguments)
        if arguments.clips:
            numbers = match(config, arguments.weights, sequences, arguments.clips)
            print(" ".join([*arguments.set, *(f"{name} {value:.4f}" for name, value in numbers.items())]))
            return 0
        others = None if arguments.against is None else read_rows(arguments.against)
        make = functools.partial(Tracker, config, arguments.weights)
        if arguments.workers == 1:
            make = functools.lru_cache(maxsize=1)(make)  # one network for all sequences
        longest_first = sorted(sequences, key=len, reverse=True)
        jobs = (joblib.delayed(track)(make, one, arguments.tracks) for one in longest_first)
        rows = sorted(joblib.Parallel(n_jobs=arguments.workers, batch_size=1)(jobs), key=lambda row: row.sequence)
        if arguments.csv is not None:
            write_rows(arguments.csv, rows)
        print(" ".join([*arguments.set, summary(rows)]))
        if others is not None:
            print(difference(rows, others))
    except (InputError, OSError) as error:
        print(f"validate: {error}", file=sys.stderr)
        return 2
    return 0


def track(make: Callable[[], Tracker], sequence: Sequence, tracks: Path | None) -> Row:
    """Track one sequence once, with what `make` makes; write its frames into the folder `tracks`, if given."""
    recorded = Recorded(make())
    boxes, _ = track_sequence(recorded, sequence)
    score = score_boxes(boxes, sequence, load_protocol("folder"))
    overlaps, sizes = overlap(boxes, sequence.boxes), size_ratios(boxes, sequence.boxes)
    if tracks is not None:
        scores = np.full(len(boxes), np.nan)
        scores[len(boxes) - len(recorded.scores) :] = recorded.scores
        lines = (
            ",".join(f"{value:.5g}" for value in (*box, one, part)) for box, one, part in zip(boxes, scores, overlaps)
        )
        write_text(tracks / f"{sequence.name}.csv", "x,y,w,h,score,overlap\n" + "\n".join(lines) + "\n")
    annotated = np.isfinite(overlaps)
    on_target = sizes[overlaps > 0]
    return Row(
        sequence.name,
        int(annotated.sum()),
        score.auc,
        score.dp,
        float(np.median(on_target)),
        float(np.median(on_target[-10:])),
        float((overlaps[annotated] < 0.2).mean()),
    )


def size_ratios(boxes: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """√(w h) of boxes over that of the truth, (N,)."""
    return np.sqrt(boxes[:, 2] * boxes[:, 3] / (truth[:, 2] * truth[:, 3]))


def summary(rows: ListOf[Row]) -> str:
    """Say the means over sequences, and the median of their sizes."""
    mean = {name: np.mean([getattr(row, name) for row in rows]) for name in ("auc", "dp", "lost")}
    size, last = (np.median([getattr(row, name) for row in rows]) for name in ("size", "last_size"))
    numbers = {"frames": sum(row.frames for row in rows), **mean, "size": size, "last_size": last}
    return f"sequences {len(rows)} " + " ".join(f"{name} {value:.4g}" for name, value in numbers.items())


def difference(rows: ListOf[Row], others: ListOf[Row]) -> str:
    """Say by how much `rows` are above `others`: mean ± standard error of the mean, paired by sequence."""
    before = {row.sequence: row for row in others}
    pairs = [(row, before[row.sequence]) for row in rows if row.sequence in before]
    if len(pairs) < 2:
        raise InputError("the two results share fewer than two sequences: nothing can be compared.")
    if any(row.frames != other.frames for row, other in pairs):
        raise InputError("the two results are of different numbers of frames: measure both over the same.")
    parts = []
    for name in ("auc", "dp"):
        changes = np.array([getattr(row, name) - getattr(other, name) for row, other in pairs])
        error = changes.std(ddof=1) / len(changes) ** 0.5
        parts.append(f"{name} {changes.mean():+.4f} ± {error:.4f} (up in {int((changes > 0).sum())})")
    return f"against, {len(pairs)} sequences: " + ", ".join(parts)


def write_rows(path: Path, rows: ListOf[Row]) -> None:
    """Write a line a sequence."""
    names = [field.name for field in dataclasses.fields(Row)]
    lines = [",".join(names)]
    for row in rows:
        lines.append(",".join(f"{v:.4f}" if isinstance(v, float) else str(v) for v in dataclasses.astuple(row)))
    write_text(path, "\n".join(lines) + "\n")


def read_rows(path: Path) -> List[Row]:
    """Read what `write_rows` wrote."""
    with path.open(newline="") as file:
        try:
            return [
                Row(row.pop("sequence"), int(row.pop("frames")), **{name: float(value) for name, value in row.items()})
                for row in csv.DictReader(file)
            ]
        except (csv.Error, KeyError, TypeError, ValueError) as error:
            raise InputError(f"{path} is not a file that --csv wrote ({error}).") from None


def match(config: Config, weights: Path | None, sequences: ListOf[Sequence], count: int) -> Dict:
    """Loss, and part of the clips whose peak is within half a cell, one and two cells of the target."""
    pairs = matching.pairs_of([(pictures_of(sequences, config), 1.0)], config, gap=20, shift=0.9, scale=0.05)
    batches = matching.match(load_network(config, weights), config, pairs, range(count))
    return matching.summary([match for batch in batches for match in batch])


if __name__ == "__main__":
    sys.exit(main())
