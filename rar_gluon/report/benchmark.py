"""The report on a benchmark beside OTB: `rar report DATASET DIR... --annotations PATH --output DIR`."""

from __future__ import annotations

import dataclasses
import os
from typing import Dict, Iterable, Mapping, Sequence

from rar_gluon import __version__
from rar_gluon.common import InputError, output_folder
from rar_gluon.evaluation.benchmarks.protocol import protocol_of_benchmark
from rar_gluon.evaluation.benchmarks.score import read_inputs, score_inputs
from rar_gluon.evaluation.otb.score import BenchmarkScore
from rar_gluon.report.document import image, write_report
from rar_gluon.report.page import page
from rar_gluon.report.plots import attribute_figure, curve_figure, plots_of
from rar_gluon.report.published import ANOTHER_RULE, read_benchmarks
from rar_gluon.report.tables import (
    Column,
    Table,
    attribute_counts,
    attribute_table,
    decisions,
    sequence_table,
    sequences_of,
    to_markdown,
)


def report_benchmark(
    key: str,
    results: Sequence[str | os.PathLike],
    annotations: str | os.PathLike,
    output: str | os.PathLike,
    protocol: str | None = None,
    sequences: str | None = None,
    allow_missing: bool = False,
) -> BenchmarkScore:
    """Score trackers and write report.html, report.md, tables (CSV) and plots (PNG, PDF) into `output`.

    Parameters are those of `rar_gluon.evaluation.benchmarks.score.score_benchmark`; `results` are several folders.

    Raises
    ------
    InputError
        When something is missing, cannot be read, or is refused by the protocol; nothing is written then.
    """
    output = output_folder(output)
    rules = protocol_of_benchmark(key, protocol)
    parts = [score_inputs(read_inputs(key, part, annotations, sequences, allow_missing), rules) for part in results]
    scores = _together(parts, results)
    complete = sequences is None and not any(score.missing for score in scores.trackers.values())
    known = read_benchmarks().get(key, []) if complete else []
    main = ranking_table(scores, known)
    numbers = list(scores.numbers)[:2]
    by_attribute = [attribute_table(scores, number) for number in numbers] if attribute_counts(scores) else []
    by_sequence = [sequence_table(scores, number) for number in numbers]
    plots = {plot.name: curve_figure(scores, plot, scores.benchmark) for plot in plots_of(scores)}
    if by_attribute:
        for plot in plots_of(scores):
            plots[f"attributes_{plot.name}"] = attribute_figure(scores, plot, scores.benchmark)
    notes = [*scores.notes, *decisions(scores)]
    title = f"One-pass evaluation on {scores.benchmark} ({len(sequences_of(scores))} sequences)"
    sentences = [
        f"Every number measured here is under protocol '{rules.name}': {rules.source}.",
        f"Written by rar-gluon {__version__}.",
    ]
    text = [
        *(f"# {title}", *sentences, "## Scores", *(image(plot.name) for plot in plots_of(scores)), to_markdown(main)),
        *(("## Attributes", *map(to_markdown, by_attribute)) if by_attribute else ()),
        *(image(name) for name in plots if name.startswith("attributes_")),
        *("## Sequences", *map(to_markdown, by_sequence)),
        *(("## Notes", "\n".join(f"* {note}" for note in notes)) if notes else ()),
    ]
    tables = (main, *by_attribute, *by_sequence)
    write_report(output, tables, plots, text, page(title, sentences, scores, (main,), (), notes))
    return scores


def _together(parts: Sequence[BenchmarkScore], results: Sequence[str | os.PathLike]) -> BenchmarkScore:
    """Scores of several folders of results in one, best first."""
    if not parts:
        raise InputError("a report needs a folder of results.")
    trackers: Dict = {}
    for part, folder in zip(parts, results):
        twice = sorted(set(part.trackers) & set(trackers))
        if twice:
            raise InputError(f"{folder} holds {twice[0]}, which another folder has too: rename one of them.")
        trackers.update(part.trackers)
    ranked = dict(sorted(trackers.items(), key=lambda item: -item[1].overall.auc))
    carried = {name: attributes for part in parts for name, attributes in part.carried.items()}
    notes = tuple(dict.fromkeys(note for part in parts for note in part.notes))
    return dataclasses.replace(parts[0], trackers=ranked, carried=carried, notes=notes)


def ranking_table(scores: BenchmarkScore, published: Iterable[Mapping]) -> Table:
    """Measured and published trackers by the benchmark's first number, best first.

    `published` are rows of `literature/benchmarks.csv`. Of a tracker that was measured, both rows stand.
    """
    rows = []
    for tracker, score in scores.trackers.items():
        spread = score.spread(next(iter(scores.numbers)))
        where = f"measured, mean of {len(score.runs)} runs, spread {spread:.3f}" if score.runs else "measured"
        numbers = [getattr(score.overall, number) for number in scores.numbers]
        rows.append((tracker, *numbers, len(score.sequences), where))
    rows += [
        (row["tracker"], *(row.get(number) for number in scores.numbers), None, f"published: {row['source']}")
        for row in published
        if any(number in row for number in scores.numbers)
    ]
    rows.sort(key=lambda row: -(row[1] or 0))
    columns = [Column("tracker"), *(Column(head, ".3f") for head in scores.numbers.values())]
    columns += [Column("sequences", "d"), Column("source")]
    notes = (ANOTHER_RULE,) if len(rows) > len(scores.trackers) else ()
    labels = {"protocol": scores.protocol.name}
    return Table("scores", f"Ranking on {scores.benchmark}", tuple(columns), tuple(rows), labels, notes)
