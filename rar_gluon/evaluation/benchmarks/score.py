"""Score results on a one-pass benchmark: `rar score DATASET --results DIR --annotations DIR`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Dict, Iterable, List, Mapping
from typing import Sequence as ListOf

import numpy as np

from rar_gluon.common import InputError
from rar_gluon.data.benchmarks import Benchmark, Truth, chosen, read_benchmark, read_truth
from rar_gluon.data.otb import FOR_MISSING, summary
from rar_gluon.evaluation.benchmarks.protocol import printed_numbers, protocol_of_benchmark, protocols_of
from rar_gluon.evaluation.benchmarks.results import find_trackers, read_result
from rar_gluon.evaluation.otb.ope import Score, evaluate, mean_score
from rar_gluon.evaluation.otb.protocol import Protocol
from rar_gluon.evaluation.otb.score import NUMBERS, BenchmarkScore, TrackerScore, in_order


@dataclass(frozen=True)
class Inputs:
    """Everything that scoring needs, read once for all protocols.

    Attributes
    ----------
    truth : by sequence, those that are annotated.
    runs : by tracker: of each run, boxes (M, 4) by sequence.
    missing : by tracker, the sequences that are not scored.
    """

    benchmark: Benchmark
    truth: Mapping[str, Truth]
    runs: Mapping[str, List[Dict[str, np.ndarray]]]
    missing: Mapping[str, tuple[str, ...]]


def read_inputs(
    key: str,
    results: str | os.PathLike,
    annotations: str | os.PathLike,
    sequences: str | os.PathLike | ListOf[str] | None = None,
    allow_missing: bool = False,
) -> Inputs:
    """Read annotations and every tracker of a folder of results.

    Parameters
    ----------
    key : name of the benchmark, as in `rar_gluon.data.datasets.DATASETS`.
    results : folder of trackers, or one tracker's, in any layout of `rar_gluon.evaluation.benchmarks.results`.
    annotations : the benchmark's official folder, or its annotations alone.
    sequences : only these, A,B,..., a text file with a name a line, or a list; None: all.
    allow_missing : read what is there instead of raising when results or annotations are missing.

    Raises
    ------
    InputError
        When something is missing or cannot be read.
    """
    protocols_of(key)
    benchmark = read_benchmark(key)
    names = chosen(benchmark, sequences)
    truth = read_truth(benchmark, annotations, names, allow_missing)
    runs, missing = {}, {}
    for tracker, files in find_trackers(results, benchmark).items():
        lacking = tuple(name for name in truth if not any(name in run for run in files))
        if lacking and (not allow_missing or len(lacking) == len(truth)):
            raise InputError(
                f"{tracker} in {results} lacks {len(lacking)} of {len(truth)} sequences "
                f"({summary(lacking)}): {FOR_MISSING}"
            )
        read = [{name: read_result(path) for name, path in run.items() if name in truth} for run in files]
        runs[tracker] = [run for run in read if run]
        missing[tracker] = (*(name for name in names if name not in truth), *lacking)
    return Inputs(benchmark, truth, runs, missing)


def score_benchmark(
    key: str,
    results: str | os.PathLike,
    annotations: str | os.PathLike,
    protocol: str | None = None,
    sequences: str | os.PathLike | ListOf[str] | None = None,
    allow_missing: bool = False,
) -> BenchmarkScore:
    """Score every tracker of a folder of results; parameters are those of `read_inputs`.

    `protocol` is a name of `protocols_of(key)`; None: the benchmark's own rule. Refused boxes raise `InputError`.
    """
    rules = protocol_of_benchmark(key, protocol)
    return score_inputs(read_inputs(key, results, annotations, sequences, allow_missing), rules)


def score_inputs(inputs: Inputs, protocol: Protocol, lenient: bool = False) -> BenchmarkScore:
    """Score what was read; best first.

    A protocol that refuses a box or a length of a tracker raises `InputError`; `lenient`: only when it refuses all of
    them, and the others are left out with a note.
    """
    benchmark, truth = inputs.benchmark, inputs.truth
    carried = {name: of_sequence.attributes or () for name, of_sequence in truth.items()}
    trackers, refused = {}, []
    for tracker, runs in inputs.runs.items():
        try:
            scored = [{name: _score_one(boxes, truth[name], protocol) for name, boxes in run.items()} for run in runs]
        except InputError as error:
            refused.append(f"{tracker}: {error}")
            if not lenient or len(refused) == len(inputs.runs):
                raise InputError(refused[-1]) from None
            continue
        names = [name for name in truth if any(name in run for run in scored)]
        scores = {name: mean_score([run[name] for run in scored if name in run]) for name in names}
        trackers[tracker] = TrackerScore(
            mean_score(scores.values(), protocol.average),
            scores,
            in_order(scores, carried, benchmark.attributes, protocol.average),
            inputs.missing[tracker],
            _about_lengths(runs, truth, protocol),
            tuple(mean_score(run.values(), protocol.average) for run in scored) if len(scored) > 1 else (),
        )
    numbers = printed_numbers(benchmark.key) or NUMBERS
    ranked = dict(sorted(trackers.items(), key=lambda item: -item[1].overall.auc))
    present = {name for score in trackers.values() for name in score.sequences}
    return BenchmarkScore(
        benchmark.title,
        protocol,
        benchmark.title if benchmark.attributes else "",
        ranked,
        {name: attributes for name, attributes in carried.items() if name in present},
        numbers,
        benchmark.attributes,
        (*_about_truth(benchmark, truth, protocol), *(f"left out, {sentence}" for sentence in refused)),
    )


def _score_one(boxes: np.ndarray, truth: Truth, protocol: Protocol) -> Score:
    margin = protocol.truth_margin if truth.corners else 0
    try:
        return evaluate(boxes, truth.boxes + np.array([0, 0, margin, margin]), protocol, truth.absent, truth.size)
    except InputError as error:
        raise InputError(f"{truth.name}: {error}") from None


def _about_lengths(
    runs: Iterable[Mapping[str, np.ndarray]], truth: Mapping[str, Truth], protocol: Protocol
) -> tuple[str, ...]:
    """A sentence on the results that are shorter than the truth, and one on those that are longer."""
    lengths = {name: len(b) for run in runs for name, b in run.items() if len(b) != len(truth[name].boxes)}
    notes = []
    for what, rule in (("fewer", protocol.shorter), ("more", protocol.longer)):
        fitting = [n for n, rows in lengths.items() if (rows < len(truth[n].boxes)) == (what == "fewer")]
        if fitting:
            counts = [f"{name} {lengths[name]} of {len(truth[name].boxes)}" for name in fitting]
            notes.append(f"{len(fitting)} sequences have {what} boxes than frames ({summary(counts, 3)}): {rule}.")
    return tuple(notes)


def _about_truth(benchmark: Benchmark, truth: Mapping[str, Truth], protocol: Protocol) -> tuple[str, ...]:
    """Sentences on what the protocol asks for and the annotations lack."""
    notes = []
    unlabelled = sum(of_sequence.absent is None for of_sequence in truth.values())
    if protocol.absent != "score" and unlabelled:
        notes.append(f"{unlabelled} of {len(truth)} sequences have no labels of absence: all their frames count.")
    unsized = sum(of_sequence.size is None for of_sequence in truth.values())
    if protocol.bounds == "image" and unsized:
        notes.append(f"{unsized} of {len(truth)} sequences have no size of images: their boxes are not cut to them.")
    plain = [name for name, of_sequence in truth.items() if of_sequence.attributes is None]
    if benchmark.attributes and plain:
        notes.append(f"{len(plain)} of {len(truth)} sequences have no labels of attributes ({summary(plain, 3)}).")
    return tuple(notes)
