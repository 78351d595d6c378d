"""Run a tracker over a dataset: in parallel, resumable sequence by sequence, with a record of what ran.

A result folder is OUTPUT/TRACKER with SEQUENCE.txt (a line x,y,w,h for each frame, in the dataset's coordinates),
times/SEQUENCE.txt (seconds of each frame), run.json (configuration, weights, versions, machine) and data.json (a hash
of each sequence's data).
"""

from __future__ import annotations

import functools
import json
import time
import traceback
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Dict, List
from typing import Sequence as ListOf

import joblib
import numpy as np

from rar_gluon.common import InputError, in_this_folder, inside, owned, progress, read_json, write_text
from rar_gluon.data import otb
from rar_gluon.data.sequence import Sequence, content_hash, read_boxes, write_boxes
from rar_gluon.evaluation.trackers import TwoMethodTracker, to_box
from rar_gluon.evaluation.vot.protocol import VotProtocol
from rar_gluon.evaluation.vot.results import EXPERIMENT
from rar_gluon.evaluation.vot.run import run_sequence
from rar_gluon.processes import threads
from rar_gluon.provenance import keep_record


@dataclass(frozen=True)
class Finished:
    """How one sequence went: frames that were tracked, seconds in the tracker, and what failed, if anything."""

    name: str
    frames: int
    seconds: float
    failure: str = ""

    @property
    def reason(self) -> str:
        """The failure in a line, without a traceback."""
        return self.failure.strip().splitlines()[-1] if self.failure else ""


def track_sequence(tracker: TwoMethodTracker, sequence: Sequence):
    """Track from the first annotated frame on: boxes (N, 4) in its coordinates, NaN before it; seconds (N,).

    A frame that cannot be read or has another size is an `InputError`, and so is a video shorter than its truth.
    """
    annotated = np.flatnonzero(np.isfinite(sequence.boxes).all(axis=1) & (sequence.boxes[:, 2:] > 0).all(axis=1))
    if len(annotated) == 0:
        raise InputError(f"{sequence.name} has no annotated frame to start from.")
    first = annotated[0]
    boxes, seconds = np.full((len(sequence), 4), np.nan), np.zeros(len(sequence))
    index = -1
    for index, frame in zip(range(len(sequence)), sequence.frames):
        if index < first:
            continue
        start = time.perf_counter()
        if index == first:
            tracker.init(frame, sequence.pixel_boxes[first])
            boxes[index] = sequence.pixel_boxes[first]
        else:
            boxes[index] = to_box(tracker.update(frame))
        seconds[index] = time.perf_counter() - start
    if index + 1 < len(sequence):
        raise InputError(f"{sequence.name} has {index + 1} frames but {len(sequence)} boxes of truth.")
    return boxes + np.array([sequence.origin, sequence.origin, 0, 0]), seconds


def run(
    make_tracker: Callable[[], TwoMethodTracker],
    sequences: ListOf[Sequence],
    folder: Path,
    record: Dict,
    workers: int = 1,
    scheduler: str | None = None,
    supervised: VotProtocol | None = None,
) -> List[Finished]:
    """Track every sequence that `folder` has no results of yet; returns how each of those went.

    One pass over each sequence, or VOT's supervised experiment under the protocol `supervised`.

    Parameters
    ----------
    make_tracker : picklable; called in the process that tracks, for each sequence, or once if that is this process.
    folder : OUTPUT/TRACKER.
    record : what the results depend on (`describe_run`); a folder of results that were made with another `config`,
        other `weights`, another `runtime` or `precision`, or of other data, is refused with `InputError`, and so is one
        that another process writes into.
    workers : processes on this machine; the cores are shared among them.
    scheduler : address of a Dask scheduler, to run on its workers instead (they must see the dataset and `folder`).
    """
    with owned(folder):
        keep_record(
            folder / "run.json",
            {**record, "workers": workers if scheduler is None else scheduler},
            ("config", "weights", "runtime", "precision"),
        )
        keep_contents(folder, sequences)
        return _run_missing(make_tracker, sequences, folder, workers, scheduler, supervised)


def _run_missing(
    make_tracker: Callable[[], TwoMethodTracker],
    sequences: ListOf[Sequence],
    folder: Path,
    workers: int,
    scheduler: str | None,
    supervised: VotProtocol | None,
) -> List[Finished]:
    """Do what `run` does, once the folder is known to be of this run."""
    missing = [sequence for sequence in sequences if supervised is not None or not is_done(folder, sequence)]
    if len(missing) < len(sequences):
        print(f"{folder.name}: {len(sequences) - len(missing)} of {len(sequences)} sequences are done already")
    if workers == 1 and scheduler is None:
        make_tracker = functools.lru_cache(maxsize=1)(make_tracker)  # one network for all sequences
    finished, lengths = [], {sequence.name: len(sequence) for sequence in missing}
    run_one = _run_one if scheduler is not None else in_this_folder(_run_one)
    missing.sort(key=len, reverse=True)  # a long one at the end would leave the other workers nothing to do
    jobs = (joblib.delayed(run_one)(make_tracker, sequence, folder, supervised) for sequence in missing)
    with _backend(workers, scheduler), progress(total=sum(map(len, missing)), unit="frame", desc=folder.name) as bar:
        count = workers if scheduler is None else -1  # all that the cluster has
        for result in joblib.Parallel(n_jobs=count, return_as="generator_unordered", batch_size=1)(jobs):
            finished.append(result)
            bar.update(lengths[result.name])
            bar.set_postfix_str(result.name)
    return sorted(finished, key=lambda result: result.name)


def keep_contents(folder: Path, sequences: ListOf[Sequence]) -> None:
    """Keep in data.json what data the results are of; `InputError` where a sequence has results of other data."""
    path = folder / "data.json"
    old = read_json(path) if path.is_file() else {}
    new = {sequence.name: content_hash([sequence]) for sequence in sequences}
    other = [name for name, content in new.items() if old.get(name, content) != content and _begun(folder, name)]
    if other:
        raise InputError(
            f"{folder} has results of {otb.summary(other)} on other frames or boxes of that name: give another "
            "--output or --name, or remove it."
        )
    write_text(path, json.dumps({**old, **new}, indent=1) + "\n")


def _begun(folder: Path, name: str) -> bool:
    """Tell whether a folder has results of a sequence, also some of VOT's repetitions."""
    return inside(folder, f"{name}.txt").is_file() or inside(folder / EXPERIMENT, name).is_dir()


def _repetitions(folder: Path, sequence: Sequence) -> int:
    """Count VOT's runs of a sequence that are there."""
    return len(list(inside(folder / EXPERIMENT, sequence.name).glob("*.txt")))


def is_done(folder: Path, sequence: Sequence) -> bool:
    """Tell whether `folder` holds a sequence's boxes and times, all of them."""
    boxes, times = inside(folder, f"{sequence.name}.txt"), folder / "times" / f"{sequence.name}.txt"
    if not (boxes.is_file() and times.is_file()):
        return False
    try:
        return len(read_boxes(boxes)) == len(sequence)
    except InputError:
        return False


def _run_one(
    make_tracker: Callable[[], TwoMethodTracker], sequence: Sequence, folder: Path, supervised: VotProtocol | None
) -> Finished:
    """Track one sequence and write its results; a failure is returned, not raised, so that the others go on."""
    start = time.perf_counter()
    try:
        if supervised is not None:
            before = _repetitions(folder, sequence)
            run_sequence(make_tracker(), sequence, folder, supervised)  # resumes by itself, run by run
            new = _repetitions(folder, sequence) - before
            return Finished(sequence.name, new * len(sequence), (time.perf_counter() - start) * (new > 0))
        boxes, seconds = track_sequence(make_tracker(), sequence)
    except InputError as error:
        return Finished(sequence.name, len(sequence), 0.0, str(error))
    except (
        Exception,
        SystemExit,
    ):  # anybody's code; the others go on and the user reads it at the end
        return Finished(sequence.name, len(sequence), 0.0, traceback.format_exc())
    write_text(folder / "times" / f"{sequence.name}.txt", "".join(f"{value:.6f}\n" for value in seconds))
    write_boxes(folder / f"{sequence.name}.txt", boxes)  # last: its presence means the sequence is done
    return Finished(sequence.name, len(sequence), float(seconds.sum()))


def _backend(workers: int, scheduler: str | None):
    """Where joblib runs: this machine's processes, or a Dask cluster's."""
    if scheduler is None:
        if workers == 1:
            return nullcontext()
        share = max(1, threads() // workers)
        return joblib.parallel_config(backend="loky", inner_max_num_threads=share)
    connect(scheduler)
    return joblib.parallel_config(backend="dask")


def connect(scheduler: str):
    """Connect to a Dask scheduler; `InputError` when Dask is missing or nothing answers."""
    try:
        from dask.distributed import Client
    except ImportError as error:
        raise InputError("--scheduler needs Dask: pip install 'rar-gluon[cluster]'.") from error
    try:
        return Client(scheduler, timeout=10)
    except (OSError, ValueError) as error:
        raise InputError(
            f"no Dask scheduler answers at {scheduler}: give its address, as in tcp://host:8786."
        ) from error
