"""Table 2 and the figures: our tracker, others that run here, and others' published boxes, on the same sequences."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Tuple

import numpy as np

import rar_gluon  # before mxnet: sets its threads
from experiments.call import Call
from experiments.sizes import HERE, planned_frames, sequences_of
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

FIGURE_SEQUENCES = 3  # in Figs. 1, 2 and 4


@dataclass(frozen=True)
class Made:
    """What a target is made of: tables, pictures, sentences for below them; and whether a tracker failed."""

    tables: List[Table]
    pictures: Pictures
    notes: List[str] = field(default_factory=list)
    failed: bool = False


def make_comparison(make: Callable[[Call], Made], call: Call, title: str) -> int:
    """Write what `make` makes of a call; the exit status, 1 when a tracker failed."""
    made = make(call)
    head = [size_text(call), *call.changes_text]
    sentences = [*head, f"Written by rar-gluon {rar_gluon.__version__}.", *made.notes]
    write_document(call.output, title, sentences, made.tables, made.pictures)
    page = os.path.relpath(call.output / "report.html")
    print("\n\n".join([" ".join(head), *map(to_text, made.tables), *made.notes, f"see {page}"]))
    return 1 if made.failed else 0


def size_text(call: Call) -> str:
    """Say what the numbers and pictures of a size are of."""
    if call.target == "fig1_2":
        tracker = "the backbone as pretrained on ImageNet"
    elif call.weights is not None:
        tracker = "our tracker with the weights that were given"
    else:
        tracker = "row 13 as run_table3.sh trained it" if call.full else "rar_thin as shipped"
    if call.datasets:
        return f"Size {call.size.name}: {tracker}, on {', '.join(key for key, _ in call.datasets)}."
    if call.full:
        return f"Size full: {tracker}."
    where = "short synthetic sequences"
    if call.size.name == "local":
        where = f"the sequences of {' and '.join(Path(folder).name for folder in call.size.tracking.folders)}"
    elif call.target != "fig10":
        where += " and the demo's clips"
    return (
        f"Size {call.size.name}: {tracker}, on {where}. What is measured here is NOT comparable with the paper's "
        "numbers, which are of whole benchmarks and another network."
    )


def our_tracker(call: Call) -> Tuple[str, str | Config, Path | None]:
    """Name, configuration and weights (None: those of the package) of our tracker.

    A row of run_table3.sh is configured as it was trained, whatever `--set` changed then.
    """
    tracker, weights = call.size.comparison.tracker, call.weights
    of_row = call.full and weights is None
    if of_row:
        weights = call.output.parent / "table3-full" / tracker / "seed0" / "training" / "last.npz"
    if weights is not None and not weights.is_file():
        row = "run experiments/run_table3.sh --size full, or give --weights FILE"
        raise InputError(f"{weights} is not there: {row if call.full else 'give a file of weights'}.")
    if of_row:
        record = weights.with_name("run.json")
        return "RAR", configuration.from_dict(read_json(record).get("config"), str(record)), weights
    if call.full:
        return "RAR", str(HERE / call.target / "config.yaml"), weights
    return tracker, tracker, weights


def plan_sequences(call: Call) -> str:
    """What our tracker on the size's sequences would cost."""
    return plan_frames(call, planned_frames(call.size.comparison.sequences, call.size.name))


def plan_frames(call: Call, frames: int, repetitions: int = 1) -> str:
    """What our tracker on so many frames would cost; peers of OpenCV and what is drawn are small beside it."""
    from experiments.costs import Plan, dry_run

    tracker = call.size.comparison.tracker
    config = configuration.load(HERE / call.target / "config.yaml" if call.full else tracker)
    head = f"{call.target}, size {call.size.name}: our tracker on {frames} frames, {repetitions} times"
    configs = {"RAR" if call.full else tracker: config}
    plan = Plan(configs, frames * repetitions, trains=False, on_cards=call.full)
    return f"{head}; boxes that are there are kept\n{dry_run(plan)}"


# --- trackers on sequences


def run_trackers(
    call: Call, sequences: List[Sequence], folder: Path, supervised: VotProtocol | None = None
) -> Tuple[Dict[str, Path], List[str]]:
    """Run our tracker and its peers where results are missing.

    Returns the folder of results of each, ours first, and a sentence on each sequence that one failed on.
    """
    ours, config, weights = our_tracker(call)
    folders, failed = {}, []
    trackers = {ours: runnable(config, weights, device=call.devices[0])}
    for peer in map(runnable, (*call.size.comparison.peers, *call.trackers)):
        if peer.name in trackers:
            raise InputError(f"two trackers are named {peer.name}: rename the factory of one.")
        trackers[peer.name] = peer
    for name, tracker in trackers.items():
        folders[name] = folder / name
        finished = runner.run(
            tracker.make, sequences, folders[name], tracker.record(), call.workers, call.scheduler, supervised
        )
        failed += [f"{name} failed on {result.name}: {result.reason}" for result in finished if result.failure]
    return folders, failed


def keep_evaluation(folder: Path, content: Mapping[str, Any]) -> None:
    """Write what the boxes of a folder are of, or check that those that are there are of the same."""
    path = folder / "evaluation.json"
    if not path.is_file():
        write_text(path, json.dumps(content, indent=1) + "\n")
    elif read_json(path) != json.loads(json.dumps(content)):
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
    published, protocol = {}, load_protocol("matlab")
    for name, path in files.items():
        sequence, entry = known[name], otb.ENTRIES[name]
        boxes = read_boxes(path)
        start = first_image(sequence) - (otb.first_row(entry, len(boxes)) or first_image(sequence))
        published[name], _ = fitted(boxes[max(start, 0) :][: len(sequence)], sequence.boxes, protocol)
    return published


class Measured:
    """Trackers on sequences: folders of results and boxes by tracker, scores by set of sequences."""

    def __init__(self, call: Call):
        comparison = call.size.comparison
        self.sequences = sequences_of(comparison.sequences)
        others = {} if call.results is None else tracker_folders(call.results)
        twice = sorted(set(others) & {our_tracker(call)[0], *comparison.peers, *call.trackers})
        if twice:
            raise InputError(f"{call.results} holds {twice[0]}, which runs here too: leave one of them out.")
        published = {name: read_published_boxes(path, self.sequences) for name, path in others.items()}
        keep_evaluation(call.boxes, comparison.sequences.content(self.sequences))
        self.folders, self.failed = run_trackers(call, self.sequences, call.boxes)
        self.ours = next(iter(self.folders))
        boxes = {name: read_boxes_of(path, self.sequences) for name, path in self.folders.items()}
        boxes.update(published)
        self.boxes = {name: by_sequence for name, by_sequence in boxes.items() if by_sequence}
        if self.ours not in self.boxes:
            raise InputError(f"{self.ours} failed on every sequence; {self.failed[0]}")
        count = len(self.sequences)
        self.notes = self.failed + [
            f"{name} has results of {len(by_sequence)} of the {count} sequences: "
            + ("its numbers are of these alone." if by_sequence else "it is left out.")
            for name, by_sequence in boxes.items()
            if len(by_sequence) < count
        ]
        sets = {f"{len(self.sequences)} sequences": self.sequences}
        if call.full:
            first = set(otb.sequence_names("otb2013"))
            sets = {"OTB-2013": [s for s in self.sequences if s.name in first], "OTB-2015": self.sequences}
        protocol = protocol_of(self.sequences)
        self.scores = {name: score_sequences(self.boxes, part, name, protocol) for name, part in sets.items()}

    @property
    def overall(self) -> BenchmarkScore:
        """Scores on all sequences."""
        return list(self.scores.values())[-1]

    def video(self, name: str) -> Tuple[Sequence, int]:
        """A sequence, and the number of its first image."""
        sequence = next(sequence for sequence in self.sequences if sequence.name == name)
        return sequence, first_image(sequence)

    def made(self, tables: List[Table], pictures: Pictures) -> Made:
        """These tables and pictures, with what is to be said of the trackers."""
        return Made(tables, pictures, self.notes, bool(self.failed))


def figure_sequences(call: Call) -> List[Sequence]:
    """Sequences whose frames are shown: clips of real video first, and only with a box in the first frame."""
    sequences = sequences_of(call.size.comparison.sequences)
    usable = [s for s in sequences if np.isfinite(s.boxes[0]).all() and len(s) > STEP]
    if not usable:
        raise InputError(f"no sequence has a box in its first frame and more than {STEP} frames: give others.")
    return sorted(usable, key=lambda s: s.name.startswith("synthetic"))[:FIGURE_SEQUENCES]
