"""Tables of a report: built once, written as CSV (all digits), Markdown (rounded) and JSON (both, for the page)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Dict, List, Mapping, NamedTuple, Sequence, Tuple, Union

from rar_gluon.common import csv_text
from rar_gluon.data import otb
from rar_gluon.evaluation.otb.score import NUMBERS, BenchmarkScore, missing_notes
from rar_gluon.report.published import DOUBTFUL, Published, find_name, same_as
from rar_gluon.report.speed import Speed
from rar_gluon.report.tracks import Track, longest_loss
from rar_gluon.table_text import markdown_table

Cell = Union[str, int, float, None]

BENCHMARKS = {"otb2013": "OTB-2013", "tb50": "TB-50", "otb2015": "OTB-2015"}


class Column(NamedTuple):
    """Head of a column, and how its numbers are written where they are rounded."""

    head: str
    spec: str = ""


@dataclass(frozen=True)
class Table:
    """Rows of cells (None: empty) under columns.

    Attributes
    ----------
    name : of its CSV file.
    labels : what holds for all rows (the protocol): more columns of the CSV, part of the caption elsewhere.
    notes : a sentence each, for below the table.
    """

    name: str
    title: str
    columns: Tuple[Column, ...]
    rows: Tuple[Tuple[Cell, ...], ...]
    labels: Mapping[str, str] = field(default_factory=dict)
    notes: Tuple[str, ...] = ()

    @property
    def caption(self) -> str:
        labels = "; ".join(f"{label} {value}" for label, value in self.labels.items())
        return f"{self.title} ({labels})" if labels else self.title


def texts(table: Table) -> List[List[str]]:
    """Cells as a reader sees them: numbers rounded as their column says."""

    def text(cell: Cell, spec: str) -> str:
        if cell is None:
            return ""
        if isinstance(cell, str):
            return cell
        rounded = format(cell, spec)
        return rounded.lstrip("+-") if spec[:1] == "+" and float(rounded) == 0 else rounded

    return [[text(cell, column.spec) for cell, column in zip(row, table.columns)] for row in table.rows]


def to_csv(table: Table) -> str:
    """CSV with every digit of the numbers."""
    head = [*(column.head for column in table.columns), *table.labels]
    return csv_text([head, *([*row, *table.labels.values()] for row in table.rows)])


def to_markdown(table: Table) -> str:
    """Markdown table with its caption above and its notes below."""
    lines = markdown_table(
        [column.head for column in table.columns], texts(table), [bool(column.spec) for column in table.columns]
    )
    notes = [f"* {note}" for note in table.notes]
    return "\n".join([f"**{table.caption}**", "", *lines, "", *notes, *([""] if notes else [])])


def to_json(table: Table) -> Dict:
    """JSON-able dict of the table: values to sort by and texts to show."""
    return {
        "caption": table.caption,
        "columns": [{"head": column.head, "number": bool(column.spec)} for column in table.columns],
        "values": [list(row) for row in table.rows],
        "texts": texts(table),
        "notes": list(table.notes),
    }


def list_name(names: Sequence[str]) -> str | None:
    """Name of the list of the benchmark that these sequences are, all of it and nothing else; None: none."""
    return next((key for key, members in otb.LISTS.items() if set(members) == set(names)), None)


def sequences_of(scores: BenchmarkScore) -> List[str]:
    """Sequences that any tracker has a score of, in the benchmark's order."""
    return list(scores.carried)


def attribute_counts(scores: BenchmarkScore) -> Dict[str, int]:
    """Number of scored sequences of each attribute that one of them carries, in the benchmark's order."""
    carried = scores.carried.values()
    counts = {attribute: sum(attribute in part for part in carried) for attribute in scores.attribute_names}
    return {attribute: count for attribute, count in counts.items() if count}


def score_table(scores: BenchmarkScore, names: Sequence[str], published: Published) -> Table:
    """Measured beside published and recomputed numbers, and the rows of Table 2 that nobody measured here.

    Published numbers are of a whole list, so they stand only beside the score of one (`names` is what was asked for),
    and recomputed ones only beside their own protocol's.
    """
    benchmark, protocol = list_name(names), scores.protocol.name
    keys = (f"{benchmark}_auc", f"{benchmark}_dp")
    recomputed = published.recomputed.get(protocol, {})
    rows, placed = [], []
    for tracker, score in scores.trackers.items():
        measured = [getattr(score.overall, number) for number in NUMBERS]
        printed = again = None
        if benchmark is not None and not score.missing:
            printed, again = find_name(same_as(tracker)[0], published.paper), find_name(tracker, recomputed)
        beside_paper = _beside(measured, published.paper.get(printed, {}), keys, [(printed, key) for key in keys])
        beside_recomputed = _beside(measured, recomputed.get(again, {}), keys)
        rows.append((tracker, len(score.sequences), *measured, *beside_paper, *beside_recomputed))
        placed.append(printed)
    for printed, numbers in published.paper.items():
        if printed not in placed and keys[0] in numbers:
            nothing = [None] * len(NUMBERS)
            rows.append((f"{printed} (not measured)", None, *nothing, *_beside(nothing, numbers, keys), *[None] * 4))
    columns = [Column("tracker"), Column("sequences", "d"), *(Column(head, ".3f") for head in NUMBERS.values())]
    for source in ("paper", "recomputed"):
        columns += [Column(f"{source} AUC", ".3f"), Column(f"{source} DP@20", ".3f")]
        columns += [Column(f"AUC - {source}", "+.3f"), Column(f"DP@20 - {source}", "+.3f")]
    labels, notes = {"protocol": protocol}, _score_notes(scores, benchmark, published)
    return Table("scores", "Measured beside published", tuple(columns), tuple(rows), labels, notes)


def _beside(
    measured: Sequence[Cell], others: Mapping[str, float], keys: Sequence[str], doubts: Sequence[Tuple] = ()
) -> Tuple[Cell, ...]:
    """Others' AUC and DP, and the differences of the measured ones from them; none from a doubtful number."""
    doubtful = [key for name, key in doubts if (name, key) in DOUBTFUL]
    differences = [
        None if value is None or key not in others or key in doubtful else value - others[key]
        for value, key in zip(measured, keys)
    ]
    return (*(others.get(key) for key in keys), *differences)


def _score_notes(scores: BenchmarkScore, benchmark: str | None, published: Published) -> Tuple[str, ...]:
    """Say what the published columns of `score_table` are, and why some are empty."""
    protocol = scores.protocol.name
    if benchmark is None:
        return ("Published numbers are of a whole list of the benchmark; this is a part of it, so none stand here.",)
    notes, keys = [], (f"{benchmark}_auc", f"{benchmark}_dp")
    if any(keys[0] in numbers for numbers in published.paper.values()):
        notes.append("paper: its Table 2, which names no protocol; a difference below .01 may be the protocol's.")
    else:
        notes.append(f"Table 2 of the paper has no column of {BENCHMARKS[benchmark]}.")
    if protocol in published.recomputed:
        notes.append(f"recomputed: from raw results that others published, protocol {protocol}.")
    else:
        notes.append(f"Nothing has been recomputed under protocol {protocol}: those columns are empty.")
    for tracker, score in scores.trackers.items():
        if score.missing:
            notes.append(f"{tracker} lacks sequences: numbers of the whole list do not stand beside it.")
        elif same_as(tracker)[1]:
            notes.append(same_as(tracker)[1])
        for note, numbers in published.others.get(find_name(tracker, published.others), ()):
            if protocol in published.recomputed and not set(keys) - set(numbers):
                auc, dp = (numbers[key] for key in keys)
                notes.append(f"{tracker}, {note}: AUC {auc:.3f}, DP@20 {dp:.3f} (recomputed).")
    notes += [doubt for (name, key), doubt in DOUBTFUL.items() if name in published.paper and key in keys]
    return tuple(notes)


def decisions(scores: BenchmarkScore) -> List[str]:
    """Sentences on what the rules had to decide for single trackers, and what these lack."""
    notes = []
    for name, score in scores.trackers.items():
        notes += [f"{name}: {note}" for note in score.notes]
    return notes + missing_notes(scores)


def filled(table: Table) -> Table:
    """A table without the columns that are empty in every row, as published numbers are beside a part of a list."""
    kept = [index for index, cells in enumerate(zip(*table.rows)) if any(cell not in (None, "") for cell in cells)]
    if not table.rows:
        return table
    columns = tuple(table.columns[index] for index in kept)
    return replace(table, columns=columns, rows=tuple(tuple(row[index] for index in kept) for row in table.rows))


def attribute_table(scores: BenchmarkScore, number: str) -> Table:
    """One of the numbers by attribute and tracker."""
    rows = [
        (
            f"{attribute} ({scores.attribute_names[attribute]})",
            count,
            *(_number(score.attributes.get(attribute), number) for score in scores.trackers.values()),
        )
        for attribute, count in attribute_counts(scores).items()
    ]
    columns = [Column("attribute"), Column("sequences", "d"), *(Column(name, ".3f") for name in scores.trackers)]
    labels = {"protocol": scores.protocol.name, "attribute list": scores.attribute_list}
    return Table(f"attributes_{number}", f"{scores.numbers[number]} by attribute", tuple(columns), tuple(rows), labels)


def sequence_table(scores: BenchmarkScore, number: str) -> Table:
    """One of the numbers by sequence and tracker."""
    rows = [
        (
            name,
            " ".join(scores.carried[name]),
            *(_number(score.sequences.get(name), number) for score in scores.trackers.values()),
        )
        for name in sequences_of(scores)
    ]
    columns = [Column("sequence"), Column("attributes"), *(Column(name, ".3f") for name in scores.trackers)]
    labels = {"protocol": scores.protocol.name}
    return Table(f"sequences_{number}", f"{scores.numbers[number]} by sequence", tuple(columns), tuple(rows), labels)


def _number(score, number: str) -> float | None:
    return None if score is None else getattr(score, number)


def speed_table(speeds: Mapping[str, Speed | None], published: Published) -> Table:
    """Measured speed, with its machine, beside the speed that Table 2 prints."""
    printed = {tracker: find_name(same_as(tracker)[0], published.paper) for tracker in speeds}
    paper = {name: numbers["fps"] for name, numbers in published.paper.items() if "fps" in numbers}
    rows = [
        (tracker, *_measured_speed(speed), paper.get(printed[tracker]))
        for tracker, speed in speeds.items()
        if speed is not None or printed[tracker] in paper
    ]
    rows += [
        (f"{name} (not measured)", *_measured_speed(None), fps)
        for name, fps in paper.items()
        if name not in printed.values()
    ]
    columns = (
        *(Column("tracker"), Column("frames/s", ".1f"), Column("median ms a frame", ".1f"), Column("frames", "d")),
        *(Column("sequences", "d"), Column("machine"), Column("frames/s in Table 2", "g")),
    )
    notes = ["frames/s: frames over seconds in the tracker, initialisation included, reading of images not."]
    if paper:
        notes.append(
            "The speeds of Table 2 are the paper's: RAR's on an NVIDIA Tesla K80, the others' without a machine named; "
            "they do not compare with speeds measured elsewhere."
        )
    return Table("speed", "Speed", columns, tuple(rows), notes=tuple(notes))


def _measured_speed(speed: Speed | None) -> Tuple[Cell, ...]:
    if speed is None:
        return (None,) * 5
    return (speed.fps, speed.median, len(speed.seconds), speed.sequences, speed.machine)


def failure_table(scores: BenchmarkScore, tracker: str, tracks: Mapping[str, Track], most: int = 10) -> Table:
    """Sequences of a tracker's lowest AUC, and how long it had lost the target there."""
    rows = []
    for name, score in lowest(scores, tracker)[:most]:
        track = tracks[name]
        start, stop = longest_loss(track)
        rows.append(
            (
                *(name, " ".join(scores.carried[name]), score.auc, score.dp),
                *(len(track.overlaps), int(track.lost.sum()), stop - start),
                int(track.numbers[start]) if stop > start else None,
            )
        )
    columns = (
        *(Column("sequence"), Column("attributes"), Column("AUC", ".3f"), Column("DP@20", ".3f")),
        *(Column("frames", "d"), Column("frames of zero overlap", "d"), Column("longest in a row", "d")),
        Column("from image", "d"),
    )
    labels = {"protocol": scores.protocol.name}
    return Table("failures", f"Where {tracker} is worst", columns, tuple(rows), labels)


def lowest(scores: BenchmarkScore, tracker: str) -> List[Tuple]:
    """Pairs of sequence and score of a tracker, lowest AUC first."""
    return sorted(scores.trackers[tracker].sequences.items(), key=lambda item: item[1].auc)
