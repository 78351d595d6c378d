"""Table 2 on other benchmarks: `run_table2.sh --dataset lasot --root LaSOT`, a table each."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Dict, List, Tuple

import numpy as np

from experiments.call import Call
from experiments.comparisons import Made, keep_evaluation, plan_frames, run_trackers
from rar_gluon.common import InputError
from rar_gluon.data.benchmarks import NAMES, read_benchmark, read_truth
from rar_gluon.data.datasets import load_sequences
from rar_gluon.data.sequence import Sequence, read_boxes, shortened
from rar_gluon.evaluation.benchmarks.protocol import protocol_of_benchmark
from rar_gluon.evaluation.benchmarks.results import find_trackers, read_result
from rar_gluon.evaluation.benchmarks.score import Inputs, score_inputs
from rar_gluon.evaluation.vot.annotations import annotation_of
from rar_gluon.evaluation.vot.protocol import load_protocol
from rar_gluon.evaluation.vot.score import score_vot
from rar_gluon.report.benchmark import ranking_table
from rar_gluon.report.challenge import challenge_table
from rar_gluon.report.published import read_benchmarks
from rar_gluon.report.tables import Table

CHALLENGES = ("vot2016", "vot2017", "vot2018", "vot2019")
DATASETS = (*(name for name in NAMES if name != "got10k_test"), *CHALLENGES)


def make_on_datasets(call: Call) -> Made:
    """A table of each data set; one that is not there is a sentence, unless none is.

    Raises
    ------
    InputError
        None of the data sets can be used.
    """
    tables: List[Table] = []
    notes: List[str] = []
    failed = False
    for key, root in call.datasets:
        try:
            table, more = (_challenge if key in CHALLENGES else _one_pass)(call, key, root)
        except InputError as error:
            notes.append(f"{key} is left out: {error}")
            continue
        tables.append(table)
        notes += more
        failed = failed or bool(more)
    if not tables:
        raise InputError(" ".join(notes))
    return Made(tables, {}, notes, failed)


def plan_on_datasets(call: Call) -> str:
    """What our tracker on the data sets that are there would cost."""
    frames, notes = 0, []
    for key, root in call.datasets:
        try:
            sequences = _sequences(call, key, root)
        except InputError as error:
            notes.append(f"{key} is left out: {error}")
            continue
        frames += sum(map(len, sequences)) * (load_protocol().deterministic_after if key in CHALLENGES else 1)
    return "\n".join([*notes, plan_frames(call, frames)])


def _sequences(call: Call, key: str, root: Path) -> List[Sequence]:
    """What is there of a data set, or of the sequences that the call names; each as long as the call says."""
    names = list(call.size.comparison.sequences.names) or None
    sequences = load_sequences(key, root, names, allow_missing=True)
    return [shortened(sequence, call.frames) for sequence in sequences] if call.frames else sequences


def _content(call: Call, root: Path, sequences: List[Sequence]) -> Dict:
    """What the boxes are of: a hash of the data set's truth, wherever it lies."""
    return dataclasses.replace(call.size.comparison.sequences, folders=(str(root),)).content(sequences)


def _one_pass(call: Call, key: str, root: Path) -> Tuple[Table, List[str]]:
    """Our tracker, its peers and others' boxes on a benchmark; sentences on what failed."""
    benchmark, sequences = read_benchmark(key), _sequences(call, key, root)
    folder = call.boxes / key
    keep_evaluation(folder, _content(call, root, sequences))
    folders, failed = run_trackers(call, sequences, folder)
    lengths = {sequence.name: len(sequence) for sequence in sequences}
    truth = {
        name: dataclasses.replace(
            annotated,
            boxes=annotated.boxes[: lengths[name]],
            absent=None if annotated.absent is None else annotated.absent[: lengths[name]],
        )
        for name, annotated in read_truth(benchmark, root, lengths).items()
    }
    runs: Dict[str, List[Dict[str, np.ndarray]]] = {}
    for tracker, place in folders.items():
        files = {name: place / f"{name}.txt" for name in truth}
        runs[tracker] = [{name: read_boxes(path) for name, path in files.items() if path.is_file()}]
    for tracker, others in _others(call, key).items():
        if tracker in runs:
            raise InputError(f"{call.results} holds {tracker}, which runs here too: leave one of them out.")
        runs[tracker] = [
            {name: read_result(path)[: lengths[name]] for name, path in files.items() if name in truth}
            for files in others
        ]
    runs = {tracker: parts for tracker, parts in runs.items() if any(parts)}
    missing = {tracker: tuple(n for n in truth if not any(n in p for p in parts)) for tracker, parts in runs.items()}
    scores = score_inputs(Inputs(benchmark, truth, runs, missing), protocol_of_benchmark(key), lenient=True)
    complete = len(truth) == len(benchmark.targets) and not call.frames
    table = ranking_table(scores, read_benchmarks().get(key, []) if complete else [])
    count = "all" if complete else f"{len(truth)} of {len(benchmark.targets)}"
    title = f"Table 2 on {benchmark.title}, {count} sequences"
    sentences = [f"{key}: {sentence}" for sentence in failed]
    return dataclasses.replace(table, name=f"table2_{key}", title=title, notes=(*table.notes, *scores.notes)), sentences


def _others(call: Call, key: str) -> Dict[str, List[Dict[str, Path]]]:
    """Others' results on a benchmark: in a folder of its name in --results, or in that itself."""
    if call.results is None:
        return {}
    place = call.results / key
    return find_trackers(place if place.is_dir() else call.results, read_benchmark(key))


def _challenge(call: Call, key: str, root: Path) -> Tuple[Table, List[str]]:
    """Our tracker and its peers on a challenge of VOT, supervised."""
    sequences, challenge = _sequences(call, key, root), key.upper()
    protocol = load_protocol(challenge)
    folder = call.boxes / key
    keep_evaluation(folder, _content(call, root, sequences))
    folders, failed = run_trackers(call, sequences, folder, protocol)
    if failed:
        raise InputError(f"EAO needs every sequence, but {failed[0]}")
    truth = [annotation_of(sequence) for sequence in sequences]
    scores = {tracker: score_vot(place, truth, protocol)[place.name] for tracker, place in folders.items()}
    table = challenge_table(scores, read_benchmarks().get(key, []), challenge, protocol.rules)
    title = f"Table 2 on {challenge}, {len(sequences)} sequences"
    return dataclasses.replace(table, name=f"table2_{key}", title=title), []
