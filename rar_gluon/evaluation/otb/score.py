"""Score results on OTB: `rar score otb --results DIR --annotations DIR`."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Iterable, Iterator, Mapping, Sequence

import numpy as np

from rar_gluon.common import InputError
from rar_gluon.data import otb
from rar_gluon.evaluation.otb.ope import Score, attribute_scores, evaluate, mean_score
from rar_gluon.evaluation.otb.protocol import Protocol, load_protocol
from rar_gluon.evaluation.otb.results import read_results, tracker_folders
from rar_gluon.table_text import text_table

NUMBERS = {"auc": "AUC", "dp": "DP@20", "sr": "SR@0.5", "norm_precision": "NP@0.2"}


@dataclass(frozen=True)
class TrackerScore:
    """One tracker on one benchmark.

    Attributes
    ----------
    overall : mean over the sequences.
    sequences : by sequence.
    attributes : mean over the sequences of each attribute.
    missing : sequences without results; they are left out of every mean.
    notes : where the rules had to decide (length, start), a sentence each.
    runs : mean over the sequences in each run, where there are several; the other scores are means over the runs.
    """

    overall: Score
    sequences: Mapping[str, Score]
    attributes: Mapping[str, Score]
    missing: tuple[str, ...]
    notes: tuple[str, ...]
    runs: tuple[Score, ...] = ()

    auc = property(lambda self: self.overall.auc)
    dp = property(lambda self: self.overall.dp)
    sr = property(lambda self: self.overall.sr)
    norm_precision = property(lambda self: self.overall.norm_precision)

    def spread(self, number: str) -> float:
        """Standard deviation of a number over the runs; 0 of one run."""
        values = [getattr(score, number) for score in self.runs]
        return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


@dataclass(frozen=True, repr=False)
class BenchmarkScore:
    """Trackers on one benchmark, with what the numbers depend on; a table when printed, `scores[NAME]` a tracker's.

    Attributes
    ----------
    attribute_list : whose attributes they are: a list of OTB's, or "boxes" (`box_attributes`).
    carried : attributes of each sequence that any tracker has a score of, in the benchmark's order.
    numbers : heads of what tables print, by fields of `Score`; the first ranks.
    attribute_names : by abbreviation, in the benchmark's order.
    notes : what holds for every tracker, a sentence each.
    """

    benchmark: str
    protocol: Protocol
    attribute_list: str
    trackers: Mapping[str, TrackerScore]
    carried: Mapping[str, tuple[str, ...]]
    numbers: Mapping[str, str] = field(default_factory=NUMBERS.copy)
    attribute_names: Mapping[str, str] = field(default_factory=otb.ATTRIBUTES.copy)
    notes: tuple[str, ...] = ()

    def __getitem__(self, tracker: str) -> TrackerScore:
        return self.trackers[tracker]

    def __iter__(self) -> Iterator[str]:
        return iter(self.trackers)

    def __len__(self) -> int:
        return len(self.trackers)

    def __repr__(self) -> str:
        return format_scores(self)


def aligned(
    entry: otb.Entry, boxes: np.ndarray, truth: tuple[int, np.ndarray], protocol: Protocol
) -> tuple[np.ndarray, np.ndarray, str]:
    """Cut results and truth to begin at the same frame, the protocol's where both have it.

    Parameters
    ----------
    boxes : (M, 4) results of the range, of the range without its omitted frames, or of the whole video (told by their
        number; see `otb.first_row`). Of any other length, they are taken to begin where the protocol does.
    truth : image number of the first box, and boxes (N, 4).

    Returns
    -------
    Results, truth, and a sentence when something did not fit ("" when all did).
    """
    protocol_first = entry.first + (entry.initial_omit if protocol.initial_omit == "skip" else 0)
    result_first = otb.first_row(entry, len(boxes)) or protocol_first
    truth_first, truth_boxes = truth
    start = max(protocol_first, result_first, truth_first)
    boxes, truth_boxes = boxes[start - result_first :], truth_boxes[start - truth_first :]
    if start != protocol_first:
        note = f"{entry.name} is scored from frame {start}; protocol '{protocol.name}' begins at {protocol_first}."
    elif len(boxes) != len(truth_boxes):
        rule = protocol.shorter if len(boxes) < len(truth_boxes) else protocol.longer
        note = f"{entry.name} has {len(boxes)} boxes for {len(truth_boxes)} frames: {rule}."
    else:
        note = ""
    return boxes, truth_boxes, note


def score_tracker(
    results: Mapping[str, np.ndarray],
    truth: Mapping[str, tuple[int, np.ndarray]],
    protocol: Protocol,
    attributes: str = "matlab",
    missing: Sequence[str] = (),
) -> TrackerScore:
    """Score one tracker's boxes on OTB sequences; `truth` as of `otb.read_truth`, `missing` is only passed on."""
    scores, notes = {}, []
    for name, boxes in results.items():
        prediction, boxes_of_truth, note = aligned(otb.ENTRIES[name], boxes, truth[name], protocol)
        try:
            scores[name] = evaluate(prediction, boxes_of_truth, protocol)
        except InputError as error:
            raise InputError(f"{name}: {error}") from None
        notes += [note] if note else []
    carried = {name: otb.ENTRIES[name].attribute_list(attributes) for name in scores}
    return TrackerScore(mean_score(scores.values()), scores, in_order(scores, carried), tuple(missing), tuple(notes))


def in_order(
    scores: Mapping[str, Score],
    carried: Mapping[str, Sequence[str]],
    attributes: Iterable[str] = tuple(otb.ATTRIBUTES),
    average: str = "sequences",
) -> dict[str, Score]:
    """Means over the sequences of each attribute, in the order of `attributes`."""
    by_attribute = attribute_scores(scores, carried, average)
    return {attribute: by_attribute[attribute] for attribute in attributes if attribute in by_attribute}


def score_otb(
    results: str | os.PathLike,
    annotations: str | os.PathLike,
    protocol: str = "matlab",
    sequences: str | os.PathLike | Sequence[str] = "otb2015",
    allow_missing: bool = False,
    attributes: str = "matlab",
) -> BenchmarkScore:
    r"""Score every tracker of a folder of results.

    Parameters
    ----------
    results : folder of TRACKER/SEQUENCE.txt, or one tracker's folder of SEQUENCE.txt.
    annotations : folder of SEQUENCE.txt, or an OTB root.
    protocol : name of a protocol (`protocols.yaml`).
    sequences : "otb2013", "tb50", "otb2015", a text file with a name a line, or a list of names.
    allow_missing : score what is there instead of raising when results or annotations are missing.
    attributes : attribute list, "matlab" or "website".

    Raises
    ------
    InputError
        When something is missing, cannot be read, or is refused by the protocol.
    """
    rules = load_protocol(protocol)
    names = otb.sequence_names(sequences)
    truth = otb.read_truth(annotations, names, allow_missing)
    unannotated = [name for name in names if name not in truth]
    trackers = {}
    for tracker, folder in tracker_folders(results).items():
        boxes, missing = read_results(folder, list(truth), allow_missing)
        try:
            trackers[tracker] = score_tracker(boxes, truth, rules, attributes, (*unannotated, *missing))
        except InputError as error:
            raise InputError(f"{folder}: {error}") from None
    benchmark = str(sequences) if isinstance(sequences, (str, os.PathLike)) else f"{len(names)} sequences"
    scored = {name for score in trackers.values() for name in score.sequences}
    carried = {name: otb.ENTRIES[name].attribute_list(attributes) for name in otb.ENTRIES if name in scored}
    return BenchmarkScore(benchmark, rules, attributes, trackers, carried)


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table: first column left, others right."""
    lines = text_table([head, *rows], [False, *[True] * (len(head) - 1)])
    return [title, lines[0], "-" * len(lines[0]), *lines[1:], ""]


def format_scores(scores: BenchmarkScore, by_attribute: bool = False, by_sequence: bool = False) -> str:
    """Text table of a benchmark: a row a tracker, best AUC first, and what was missing or had to be decided."""
    ranked = sorted(scores.trackers.items(), key=lambda item: -item[1].overall.auc)
    title = f"{scores.benchmark}, protocol {scores.protocol.name}"
    rows = [
        [name, *(f"{getattr(score.overall, number):.3f}" for number in scores.numbers), str(len(score.sequences))]
        for name, score in ranked
    ]
    lines = _table(title, ["tracker", *scores.numbers.values(), "sequences"], rows)
    groups = []
    if by_attribute:
        groups.append((f"attributes ({scores.attribute_list} list)", {name: s.attributes for name, s in ranked}))
    if by_sequence:
        groups.append(("sequences", {name: s.sequences for name, s in ranked}))
    for what, tables in groups:
        keys = list(dict.fromkeys(key for table in tables.values() for key in table))
        for number in list(scores.numbers)[:2]:
            rows = [
                [key, *(f"{getattr(table[key], number):.3f}" if key in table else "-" for table in tables.values())]
                for key in keys
            ]
            lines += _table(f"{scores.numbers[number]} by {what}", ["", *tables], rows)
    lines += [f"note: {note}" for note in scores.notes]
    for name, score in ranked:
        if score.runs:
            spreads = (f"{head} {score.spread(number):.4f}" for number, head in scores.numbers.items())
            lines.append(f"note: {name}: mean of {len(score.runs)} runs, standard deviation {', '.join(spreads)}.")
        lines += [f"note: {name}: {note}" for note in score.notes]
    lines += [f"note: {note}" for note in missing_notes(scores)]
    return "\n".join(lines).rstrip() + "\n"


def missing_notes(scores: BenchmarkScore) -> list[str]:
    """A sentence on the sequences that trackers lack, once for all that lack the same."""
    trackers: dict[tuple[str, ...], list[str]] = {}
    for name, score in scores.trackers.items():
        if score.missing:
            trackers.setdefault(tuple(score.missing), []).append(name)
    return [
        f"{', '.join(names)}: left out of the means, nothing to score: {otb.summary(missing)} "
        f"({len(missing)} of {len(missing) + len(scores.trackers[names[0]].sequences)} sequences)."
        for missing, names in trackers.items()
    ]


def format_protocols(by_protocol: Mapping[str, BenchmarkScore | str]) -> str:
    """Text table of the same boxes by every protocol: a row a tracker and protocol, then whose rules they are.

    A protocol that refuses the boxes has the sentence that says why in place of scores.
    """
    scored = {name: scores for name, scores in by_protocol.items() if not isinstance(scores, str)}
    lines = []
    if scored:
        first = next(iter(scored.values()))
        rows = [
            [tracker, name, *(f"{getattr(part.trackers[tracker].overall, n):.4f}" for n in part.numbers)]
            for tracker in dict.fromkeys(tracker for part in scored.values() for tracker in part.trackers)
            for name, part in scored.items()
            if tracker in part.trackers
        ]
        head = ["tracker", "protocol", *first.numbers.values()]
        lines += _table(f"{first.benchmark}, by every protocol", head, rows)
    lines += [f"{name}: {scores.protocol.source}." for name, scores in scored.items()]
    lines += [
        f"{name}: refuses these boxes: {reason}" for name, reason in by_protocol.items() if isinstance(reason, str)
    ]
    lines += [f"note: {note}" for note in dict.fromkeys(note for part in scored.values() for note in part.notes)]
    return "\n".join(lines) + "\n"


def _numbers(score: Score, numbers: Iterable[str]) -> dict[str, float]:
    return {number: getattr(score, number) for number in numbers}


def scores_to_dict(scores: BenchmarkScore) -> dict:
    """JSON-able dict of a benchmark: numbers everywhere, curves of the means, thresholds, and the protocol's source."""
    rules = scores.protocol
    trackers = {}
    for name, score in scores.trackers.items():
        trackers[name] = {
            **_numbers(score.overall, scores.numbers),
            "success_curve": score.overall.success.tolist(),
            "precision_curve": score.overall.precision.tolist(),
            "norm_precision_curve": score.overall.normalised.tolist(),
            "attributes": {key: _numbers(value, scores.numbers) for key, value in score.attributes.items()},
            "sequences": {key: _numbers(value, scores.numbers) for key, value in score.sequences.items()},
            "missing": list(score.missing),
            "notes": list(score.notes),
        }
        if score.runs:
            trackers[name]["runs"] = [_numbers(run, scores.numbers) for run in score.runs]
            trackers[name]["spread"] = {number: score.spread(number) for number in scores.numbers}
    return {
        "benchmark": scores.benchmark,
        "protocol": {"name": rules.name, "source": rules.source},
        "attribute_list": scores.attribute_list,
        "overlap_thresholds": rules.overlap_grid.values.tolist(),
        "error_thresholds": rules.error_grid.values.tolist(),
        "norm_error_thresholds": rules.normalised_grid.values.tolist(),
        "notes": list(scores.notes),
        "trackers": trackers,
    }
