"""Table 2 and the figures: our tracker, others that run here, and others' published boxes, on the same sequences."""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Dict, List, Mapping, Tuple

import numpy as np

import rar_gluon  # before mxnet: sets its threads
from experiments.sizes import HERE, changes, planned_frames, read_size, sequences_of, tracking_of
from rar_gluon import config as configuration
from rar_gluon.common import InputError, read_json, write_text
from rar_gluon.config import Config
from rar_gluon.data import otb
from rar_gluon.data.sequence import Sequence, read_boxes
from rar_gluon.evaluation import runner
from rar_gluon.evaluation.otb.ope import fitted
from rar_gluon.evaluation.otb.protocol import load_protocol
from rar_gluon.evaluation.otb.results import tracker_folders
from rar_gluon.evaluation.otb.score import BenchmarkScore
from rar_gluon.evaluation.sequences import is_otb, protocol_of, score_sequences
from rar_gluon.evaluation.trackers import runnable
from rar_gluon.evaluation.vot.protocol import VotProtocol
from rar_gluon.report.attention import STEP
from rar_gluon.report.document import Pictures, to_text, write_document
from rar_gluon.report.tables import Table

SHOWN = 3  # sequences in Figs. 1, 2 and 4


@dataclass(frozen=True)
class Made:
    """What a target is made of: tables, pictures, sentences for below them; and whether a tracker failed."""

    tables: List[Table]
    pictures: Pictures
    notes: List[str] = field(default_factory=list)
    failed: bool = False


def make_comparison(
    make: Callable[[argparse.Namespace, Mapping], Made], arguments: argparse.Namespace, title: str
) -> int:
    """Write what `make` makes of a call and the size's `comparison`; the exit status, 1 when a tracker failed."""
    made = make(arguments, read_size(arguments.size)["comparison"])
    head = [about_size(arguments), *changes(arguments)]
    about = [*head, f"Written by rar-gluon {rar_gluon.__version__}.", *made.notes]
    write_document(arguments.output, title, about, made.tables, made.pictures)
    page = os.path.relpath(arguments.output / "report.html")
    print("\n\n".join([" ".join(head), *map(to_text, made.tables), *made.notes, f"see {page}"]))
    return 1 if made.failed else 0


def plan_comparison(plan: Callable[[argparse.Namespace, Mapping], str], arguments: argparse.Namespace) -> str:
    """What it would cost."""
    return plan(arguments, read_size(arguments.size)["comparison"])


def about_size(arguments: argparse.Namespace) -> str:
    """Say what the numbers and pictures of a size are of."""
    full = arguments.size == "full"
    if arguments.target == "fig1_2":
        seen = "the backbone as pretrained on ImageNet"
    elif arguments.weights is not None:
        seen = "our tracker with the weights that were given"
    else:
        seen = "row 13 as run_table3.sh trained it" if full else "rar_thin as shipped"
    if full:
        return f"Size full: {seen}."
    where = "short synthetic sequences"
    if arguments.size == "local":
        where = f"the sequences of {' and '.join(folder.resolve().name for folder in arguments.eval)}"
    elif arguments.target != "fig10":
        where += " and the demo's clips"
    return (
        f"Size {arguments.size}: {seen}, on {where}. What is measured here is NOT comparable with the paper's numbers, "
        "which are of whole benchmarks and another network."
    )


def our_tracker(arguments: argparse.Namespace, spec: Mapping) -> Tuple[str, str | Config, Path | None]:
    """Name, configuration and weights (None: those of the package) of our tracker.

    A row of run_table3.sh is configured as it was trained, whatever `--set` changed then.
    """
    full, weights = arguments.size == "full", arguments.weights
    of_row = full and weights is None
    if of_row:
        weights = arguments.output.parent / "table3-full" / spec["tracker"] / "seed0" / "training" / "last.npz"
    if weights is not None and not weights.is_file():
        hint = "run experiments/run_table3.sh --size full, or give --weights FILE" if full else "give a file of weights"
        raise InputError(f"{weights} is not there: {hint}.")
    if of_row:
        record = weights.with_name("run.json")
        return "RAR", configuration.from_dict(read_json(record).get("config"), str(record)), weights
    if full:
        return "RAR", str(HERE / arguments.target / "config.yaml"), weights
    return spec["tracker"], spec["tracker"], weights


def plan_sequences(arguments: argparse.Namespace, spec: Mapping) -> str:
    """What our tracker on the size's sequences would cost."""
    return plan_frames(arguments, spec, planned_frames(arguments, spec["sequences"]))


def plan_frames(arguments: argparse.Namespace, spec: Mapping, frames: int, repetitions: int = 1) -> str:
    """What our tracker on so many frames would cost; peers of OpenCV and what is drawn are small beside it."""
    from experiments.costs import Plan, dry_run

    full = arguments.size == "full"
    config = configuration.load(HERE / arguments.target / "config.yaml" if full else spec["tracker"])
    head = f"{arguments.target}, size {arguments.size}: our tracker on {frames} frames, {repetitions} times"
    named = {"RAR" if full else spec["tracker"]: config}
    plan = Plan(named, frames * repetitions, trains=False, on_cards=full)
    return f"{head}; boxes that are there are kept\n{dry_run(plan)}"


# --- trackers on sequences


def run_trackers(
    arguments: argparse.Namespace,
    spec: Mapping,
    sequences: List[Sequence],
    folder: Path,
    supervised: VotProtocol | None = None,
) -> Tuple[Dict[str, Path], List[str]]:
    """Run our tracker and its peers where results are missing.

    Returns the folder of results of each, ours first, and a sentence on each sequence that one failed on.
    """
    ours, config, weights = our_tracker(arguments, spec)
    folders, failed = {}, []
    device = arguments.devices[0]
    trackers = {ours: runnable(config, weights, device=device)}
    for peer in map(runnable, (*spec["peers"], *arguments.tracker)):
        if peer.name in trackers:
            raise InputError(f"two trackers are named {peer.name}: rename the factory of one.")
        trackers[peer.name] = peer
    for name, tracker in trackers.items():
        folders[name] = folder / name
        finished = runner.run(
            tracker.make,
            sequences,
            folders[name],
            tracker.record(),
            arguments.workers,
            arguments.scheduler,
            supervised,
        )
        failed += [f"{name} failed on {result.name}: {result.reason}" for result in finished if result.failure]
    return folders, failed


def keep_evaluation(folder: Path, evaluation: Mapping) -> None:
    """Write what the boxes of a folder are of, or check that those that are there are of the same."""
    path = folder / "evaluation.json"
    if not path.is_file():
        write_text(path, json.dumps(evaluation, indent=1) + "\n")
    elif read_json(path) != evaluation:
        raise InputError(f"{folder} holds boxes of other sequences or frames: give another --boxes, or remove it.")


def read_boxes_of(folder: Path, sequences: List[Sequence]) -> Dict[str, np.ndarray]:
    """Boxes by sequence, a box a frame, of a tracker that ran here; without those that it failed on."""
    files = {sequence.name: folder / f"{sequence.name}.txt" for sequence in sequences}
    return {name: read_boxes(path) for name, path in files.items() if path.is_file()}


def first_image(sequence: Sequence) -> int:
    """Number of a sequence's first image: OTB's where it is OTB's, else 0."""
    if not is_otb(sequence):
        return 0
    entry = otb.ENTRIES[sequence.name]
    return entry.first + entry.initial_omit  # sequences are loaded without omitted frames


def read_published_boxes(folder: Path, sequences: List[Sequence]) -> Dict[str, np.ndarray]:
    """Boxes by sequence, a box a frame, of raw results on OTB that others published; none of other sequences."""
    known = {sequence.name: sequence for sequence in sequences if is_otb(sequence)}
    files = otb.match_files(folder.glob("*.txt"), known)
    found, protocol = {}, load_protocol("matlab")
    for name, path in files.items():
        sequence, entry = known[name], otb.ENTRIES[name]
        boxes = read_boxes(path)
        start = first_image(sequence) - (otb.first_row(entry, len(boxes)) or first_image(sequence))
        found[name], _ = fitted(boxes[max(start, 0) :][: len(sequence)], sequence.boxes, protocol)
    return found


class Measured:
    """Trackers on sequences: folders of results and boxes by tracker, scores by set of sequences."""

    def __init__(self, arguments: argparse.Namespace, spec: Mapping):
        evaluation = tracking_of(spec["sequences"], arguments)
        self.sequences = sequences_of(evaluation)
        others = {} if arguments.results is None else tracker_folders(arguments.results)
        twice = sorted(set(others) & {our_tracker(arguments, spec)[0], *spec["peers"], *arguments.tracker})
        if twice:
            raise InputError(f"{arguments.results} holds {twice[0]}, which runs here too: leave one of them out.")
        published = {name: read_published_boxes(path, self.sequences) for name, path in others.items()}
        keep_evaluation(arguments.boxes, evaluation)
        self.folders, self.failed = run_trackers(arguments, spec, self.sequences, arguments.boxes)
        self.ours = next(iter(self.folders))
        boxes = {name: read_boxes_of(path, self.sequences) for name, path in self.folders.items()}
        boxes.update(published)
        self.boxes = {name: found for name, found in boxes.items() if found}
        if self.ours not in self.boxes:
            raise InputError(f"{self.ours} failed on every sequence; {self.failed[0]}")
        count = len(self.sequences)
        self.notes = self.failed + [
            f"{name} has results of {len(found)} of the {count} sequences: "
            + ("its numbers are of these alone." if found else "it is left out.")
            for name, found in boxes.items()
            if len(found) < count
        ]
        sets = {f"{len(self.sequences)} sequences": self.sequences}
        if arguments.size == "full":
            first = set(otb.sequence_names("otb2013"))
            sets = {"OTB-2013": [s for s in self.sequences if s.name in first], "OTB-2015": self.sequences}
        protocol = protocol_of(self.sequences)
        self.scores = {name: score_sequences(self.boxes, part, name, protocol) for name, part in sets.items()}

    @property
    def whole(self) -> BenchmarkScore:
        """Scores on all sequences."""
        return list(self.scores.values())[-1]

    def video(self, name: str) -> Tuple[Sequence, int]:
        """A sequence, and the number of its first image."""
        sequence = next(sequence for sequence in self.sequences if sequence.name == name)
        return sequence, first_image(sequence)

    def made(self, tables: List[Table], pictures: Pictures) -> Made:
        """These tables and pictures, with what is to be said of the trackers."""
        return Made(tables, pictures, self.notes, bool(self.failed))


def chosen(arguments: argparse.Namespace, spec: Mapping) -> List[Sequence]:
    """Sequences whose frames are shown: clips of real video first, and only with a box in the first frame."""
    sequences = sequences_of(tracking_of(spec["sequences"], arguments))
    shown = [s for s in sequences if np.isfinite(s.boxes[0]).all() and len(s) > STEP]
    if not shown:
        raise InputError(f"no sequence has a box in its first frame and more than {STEP} frames: give others.")
    return sorted(shown, key=lambda s: s.name.startswith("synthetic"))[:SHOWN]
